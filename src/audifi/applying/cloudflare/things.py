"""Find, make, replace and delete the things that have ids: lists, monitors, pools, load balancers, certificates.

Between: zone (decides) and the official SDK (speaks to the API).
Shape: a `Things` per kind; `found` answers what the API shows, by the name that targets.cloudflare gives it.
Invariant: in the account, which other zones share, only what bears our names is ours; a certificate is ours if it is
for exactly our names (and lasts long enough), and none is ever revoked from here.
Errors: those of the SDK; zone turns them into words.
Source: cloudflare 5.9.0 (resources); developers.cloudflare.com/api/.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cloudflare import Cloudflare

from audifi.targets.cloudflare.balancing import prefix
from audifi.targets.cloudflare.hosts import zone
from audifi.targets.cloudflare.items import certificates, edge_certificates, lists
from audifi.topology.model.whole import Topology

type_of_body = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Things:
    """One kind of thing, and how the API is asked about it."""

    kind: str
    shown: Callable[[], Iterable[Any]]
    name: Callable[[type_of_body], str]  # empty: not ours
    create: Callable[[type_of_body], Any]
    replace: Callable[[str, type_of_body], Any] | None = None
    delete: Callable[[str], Any] | None = None

    def found(self) -> dict[str, type_of_body]:
        """What there is of ours, by name."""
        bodies: list[type_of_body] = [each.to_dict(mode="json") for each in self.shown()]
        return {name: body for body in bodies if (name := self.name(body))}


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """The zone and the account it is in."""

    zone_id: str
    account_id: str


def things(client: Cloudflare, where: Where, topology: Topology) -> tuple[Things, ...]:
    """Every kind, in the order in which they can be made."""
    return (
        _lists(client, where, topology),
        _monitors(client, where, topology),
        _pools(client, where, topology),
        _balancers(client, where),
        _edge_certificates(client, where, topology),
        _certificates(client, where, topology),
    )


def _lists(client: Cloudflare, where: Where, topology: Topology) -> Things:
    ours = lists(topology)
    account = where.account_id
    return Things(
        kind="list",
        shown=lambda: client.rules.lists.list(account_id=account),
        name=lambda body: body["name"] if body["name"] in ours else "",
        create=lambda body: client.rules.lists.create(account_id=account, **body),
        replace=lambda own, body: client.rules.lists.update(own, account_id=account, description=body["description"]),
        delete=lambda own: client.rules.lists.delete(own, account_id=account),
    )


def _monitors(client: Cloudflare, where: Where, topology: Topology) -> Things:
    api, account = client.load_balancers.monitors, where.account_id
    return Things(
        kind="monitor",
        shown=lambda: api.list(account_id=account),
        name=lambda body: _with_prefix(body.get("description", ""), topology),
        create=lambda body: api.create(account_id=account, **_as_named(body)),
        replace=lambda own, body: api.update(own, account_id=account, **_as_named(body)),
        delete=lambda own: api.delete(own, account_id=account),
    )


def _as_named(body: type_of_body) -> type_of_body:
    """Name a monitor's timeout as the SDK does, whose own `timeout` is how long it waits for the API."""
    return {"load_balancer_monitor_timeout" if key == "timeout" else key: value for key, value in body.items()}


def _pools(client: Cloudflare, where: Where, topology: Topology) -> Things:
    api, account = client.load_balancers.pools, where.account_id
    return Things(
        kind="pool",
        shown=lambda: api.list(account_id=account),
        name=lambda body: _with_prefix(body["name"], topology),
        create=lambda body: api.create(account_id=account, **body),
        replace=lambda own, body: api.update(own, account_id=account, **body),
        delete=lambda own: api.delete(own, account_id=account),
    )


def _balancers(client: Cloudflare, where: Where) -> Things:
    api, zone_id = client.load_balancers, where.zone_id
    return Things(
        kind="balancer",
        shown=lambda: api.list(zone_id=zone_id),
        name=lambda body: body["name"],
        create=lambda body: api.create(zone_id=zone_id, **body),
        replace=lambda own, body: api.update(own, zone_id=zone_id, **body),
        delete=lambda own: api.delete(own, zone_id=zone_id),
    )


def _edge_certificates(client: Cloudflare, where: Where, topology: Topology) -> Things:
    api, zone_id = client.ssl.certificate_packs, where.zone_id
    wanted = edge_certificates(topology)

    def name(body: type_of_body) -> str:
        """Ours if it is for our names, from our authority; those that come with the zone are not."""
        for ours, each in wanted.items():
            if set(each["hosts"]) == set(body["hosts"]) and each["type"] == body["type"]:
                return ours if each["certificate_authority"] == body.get("certificate_authority") else ""
        return ""

    return Things(
        kind="edge certificate",
        shown=lambda: api.list(zone_id=zone_id),
        name=name,
        create=lambda body: api.create(zone_id=zone_id, **body),
    )


def _certificates(client: Cloudflare, where: Where, topology: Topology) -> Things:
    api = client.origin_ca_certificates
    wanted = certificates(topology)
    needed_until = datetime.now(UTC) + timedelta(days=topology.surface.tls.expiry_alert_days)

    def name(body: type_of_body) -> str:
        if _expires(body) < needed_until:
            return ""
        return next((ours for ours, each in wanted.items() if set(each["hostnames"]) == set(body["hostnames"])), "")

    return Things(
        kind="origin certificate",
        shown=lambda: api.list(zone_id=where.zone_id),
        name=name,
        create=lambda body: api.create(**body),
    )


def _with_prefix(name: str, topology: Topology) -> str:
    return name if name.startswith(prefix(topology)) else ""


def _expires(body: type_of_body) -> datetime:
    """Until when it is good; the API writes 2027-11-23 20:00:00 +0000 UTC."""
    text = str(body.get("expires_on") or "1970-01-01 00:00:00 +0000 UTC")
    return datetime.fromisoformat(text.removesuffix(" UTC").replace(" +0000", "+00:00"))


def zone_of(client: Cloudflare, topology: Topology) -> Where | None:
    """Where the zone is; None if the token sees none of that name."""
    for found in client.zones.list(name=zone(topology)):
        assert found.account.id is not None, "a zone is in an account"
        return Where(zone_id=found.id, account_id=found.account.id)
    return None
