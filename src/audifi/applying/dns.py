"""Make the provider's zone what is rendered: octoDNS reads, compares and writes; the plan is ours, as everywhere.

Between: targets.dns (the rendered zone), octoDNS with its Cloudflare provider, applying.provider (the contract).
Shape: an item is a record set, `record api A`; only names that this environment keeps are seen (Dns.own_names).
Invariant: what is applied is what was planned: a plan that was not made here is compared with a fresh one first. The
token is neither written nor exported; a zone that does not exist is not made.
Errors: Unusable for a token that is refused, a zone that is not there, a plan that has changed meanwhile, an API that
does not answer (what octoDNS' own client raises are OSErrors).
Source: octoDNS 1.22 (Manager._populate_and_plan is what `plan` does for one zone); octodns-cloudflare 1.2 (`api_url`).
"""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from octodns.processor.filter import NameAllowlistFilter, NameRejectlistFilter
from octodns.provider import ProviderException
from octodns.provider.yaml import YamlProvider
from octodns.record import Record
from octodns.record.exception import ValidationError
from octodns.zone import Zone
from octodns_cloudflare import CloudflareAuthenticationError, CloudflareProvider

from audifi.applying.provider import Access, Unusable
from audifi.targets.dns import octodns
from audifi.targets.plan import Item, Plan, compare
from audifi.topology import places
from audifi.topology.model.edge import Dns
from audifi.topology.model.whole import Topology

RETRY_S: Final = 5  # after "too many requests"; octoDNS' own 300 s look like a hang
SCOPES: Final = "Zone → DNS → Edit and Zone → Zone → Read"


Record.enable_validators(octodns.RULES)  # pyright: ignore[reportUnknownMemberType]  # octoDNS has no types
Zone.enable_zone_validators(octodns.RULES)  # pyright: ignore[reportUnknownMemberType]


def connected(access: Access, topology: Topology) -> "Records":
    """The zone of that environment, at Cloudflare."""
    unknown = places.unknown(topology)
    known = {name: value for name, value in access.places.items() if name in unknown}
    return Records(access, places.filled(topology, known))


class Records:
    """The zone's records at the provider."""

    def __init__(self, access: Access, topology: Topology) -> None:
        self._topology = topology
        self._dns = topology.surface.dns
        where: dict[str, Any] = {"api_url": access.api_url} if access.api_url else {}
        self._account: Any = CloudflareProvider(
            "cloudflare", token=access.token, pagerules=False, retry_period=RETRY_S, **where
        )
        self._planned: Any = None  # octoDNS' own plan, which alone it can apply

    def plan(self) -> Plan:
        """What differs from what is wanted."""
        try:
            if self._dns.zone not in self._account.zones:
                raise Unusable(f"the account has no zone {self._dns.zone}: add it there, then plan again")
            self._planned = self._account.plan(self._wanted(), processors=self._filters())
            return self._as_plan()
        except (ProviderException, OSError) as error:
            raise Unusable(_said(error)) from error

    def apply(self, plan: Plan) -> Iterator[str]:
        """Carry a plan out; a line for each record set that was changed."""
        if self.plan().fingerprint != plan.fingerprint:
            raise Unusable(f"{self._dns.zone} has changed since it was planned: plan again")
        if self._planned is None:
            return
        try:
            self._account.apply(self._planned)
        except (ProviderException, OSError) as error:
            raise Unusable(f"{_said(error)}; what was done until then stays: plan again") from error
        for change in plan.changes:
            yield f"{change.action}d {change.item.kind} {change.item.name}"

    def _wanted(self) -> Any:
        """The rendered zone as octoDNS reads it, without the names that are another's."""
        with tempfile.TemporaryDirectory() as directory:
            for file in octodns.render(places.with_placeholders(self._topology)):
                written = Path(directory, file.path)
                written.parent.mkdir(exist_ok=True)
                written.write_text(file.text)
            folder = f"{directory}/{octodns.ZONES}"
            zone: Any = Zone(self._dns.zone, [])
            reader: Any = YamlProvider(octodns.ZONES, folder, enforce_order=False, escaped_semicolons=False)
            try:
                reader.populate(zone)
                zone.validate()
            except ValidationError as error:
                raise Unusable(f"a record is not as DNS wants it; is a place mistyped? {error}") from error
        for processor in self._filters():
            zone = processor.process_source_zone(zone, sources=[reader])
        return zone

    def _filters(self) -> list[Any]:
        return filters(self._dns)

    def _as_plan(self) -> Plan:
        planned = self._planned
        if planned is None:
            return Plan(changes=(), found_count=0, unchanged_count=len(self._wanted().records))
        # What stands for an unknown place is shown as such, so that a plan with one is refused by its name.
        unknown = {value: f"<{name}>" for name, value in places.placeholders(self._topology).items()}
        wanted = [_item(change.new, unknown) for change in planned.changes if change.new]
        found = [_item(change.existing, {}) for change in planned.changes if change.existing]
        plan = compare(wanted, found)
        kept = len(planned.desired.records) - len(wanted)
        return replace(plan, found_count=len(planned.existing.records), unchanged_count=kept)


def filters(dns: Dns) -> list[Any]:
    """Whose names are left alone: what config.yaml says, as octoDNS' objects."""
    found: list[Any] = []
    if dns.own_names:
        found.append(NameAllowlistFilter("own-names", list(dns.own_names)))
    if dns.foreign_names:
        found.append(NameRejectlistFilter("foreign-names", list(dns.foreign_names)))
    return found


def _item(record: Any, unknown: Mapping[str, str]) -> Item:
    """A record set of octoDNS as an item."""
    data: dict[str, Any] = dict(record.data)
    at_cloudflare: dict[str, Any] = dict(record.octodns.get("cloudflare", {}))
    values = data.get("values", [data["value"]] if "value" in data else [])
    body: dict[str, Any] = {"values": [_value(value, unknown) for value in values]}
    body["proxied"] = bool(at_cloudflare.get("proxied"))
    body["ttl"] = "automatic" if body["proxied"] else record.ttl
    if comment := at_cloudflare.get("comment"):
        body["comment"] = comment
    name = record.name or "@"
    return Item(kind="record", name=f"{name} {record._type}", body=body, sources=("Dns", f"record {name}"))  # noqa: SLF001  # octoDNS gives the type no other name


def _value(value: Any, unknown: Mapping[str, str]) -> Any:
    """A value as a person writes it."""
    if isinstance(value, Mapping):
        return {key: _value(inner, unknown) for key, inner in sorted(value.items())}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # octoDNS has no types
    text = str(value).replace("\\;", ";")
    return unknown.get(text, text)


def _said(error: Exception) -> str:
    if isinstance(error, CloudflareAuthenticationError):
        return f"Cloudflare refuses the token ({error}): it needs {SCOPES}"
    return f"Cloudflare: {error}"
