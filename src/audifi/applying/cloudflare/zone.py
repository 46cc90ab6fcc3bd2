"""Find what the zone holds, plan the difference, and carry a plan out in the order in which things can exist.

    lists ─► settings ─► bots ─► rules (a phase at a time) ─► monitors ─► pools ─► load balancers ─► certificates
    deletions last, in the opposite order

Between: cli by way of applying.provider; things (what has ids), targets.cloudflare.items (what is wanted).
Shape: what is found is seen through what is wanted: fields that Cloudflare adds by itself are left out, ids become
`<pool:name>`. Rules are compared as they are, but for id, version and time.
Invariant: `apply` plans again and refuses if anything changed since; a phase is replaced as a whole, as the API has it.
Errors: Unusable: token refused, zone not there, plan out of date, a place that nobody named, the API's own words.
Source: cloudflare 5.9.0; developers.cloudflare.com/api/ (rulesets: PUT of an entry point replaces all its rules).
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast

import cloudflare
from cloudflare import Cloudflare

from audifi.applying.cloudflare.things import Things, Where, things, type_of_body, zone_of
from audifi.applying.provider import Access, Unusable
from audifi.targets.cloudflare.hosts import OWNER, owns, zone
from audifi.targets.cloudflare.items import PHASES, items
from audifi.targets.files import with_texts
from audifi.targets.plan import REFERENCE, Action, Change, Item, Plan, compare, filled
from audifi.topology.model.whole import Topology

SCOPES: Final = (
    "Zone: Zone Settings, Zone WAF, Cache Rules, Transform Rules, Origin Rules, Dynamic URL Redirects, Bot Management, "
    "Load Balancers, SSL and Certificates; account: Account Rule Lists, Load Balancing: Monitors and Pools"
)
RULE_FIELDS: Final = frozenset({"id", "version", "last_updated", "categories"})  # added by Cloudflare
TIMEOUT_S: Final = 30.0


def connected(access: Access, topology: Topology) -> "Provider":
    """The zone of that topology."""
    if not owns(topology):
        raise Unusable(
            f"{topology.environment} shares its zone with {OWNER}, whose rules cover its hosts: --environment {OWNER}"
        )
    return Provider(access, topology)


class Provider:
    """Our zone at Cloudflare."""

    def __init__(self, access: Access, topology: Topology) -> None:
        self._access, self._topology = access, topology
        self._wanted = [filled(item, access.places) for item in items(topology)]
        self._ids: dict[tuple[str, str], str] = {}

    def plan(self) -> Plan:
        """What differs from what is wanted."""
        with self._connected() as where:
            return compare(self._wanted, list(self._found(where)))

    def apply(self, plan: Plan) -> Iterator[str]:
        """Carry a plan out; a line for each thing that was done."""
        if plan.unknown:
            raise Unusable(f"nobody has said what {', '.join(plan.unknown)} is: put it into the file of --places")
        if self.plan().fingerprint != plan.fingerprint:
            raise Unusable(f"{zone(self._topology)} has changed since it was planned: plan again")
        with self._connected() as where:
            kinds = {each.kind: each for each in things(self._client, where, self._topology)}
            for phase, change in _with_phases(plan.changes):
                signed = ""
                if phase:
                    self._put_phase(where, phase)
                elif change.item.kind != "rule":
                    signed = self._carry_out(where, change, kinds.get(change.item.kind))
                yield f"{change.action}d {change.item.kind} {change.item.name}{signed and ':'}\n{signed}".rstrip()

    @contextmanager
    def _connected(self) -> Generator[Where]:
        """Speak to the API for a while; what it refuses is said in words."""
        where = {"base_url": self._access.api_url} if self._access.api_url else {}
        options = cast("dict[str, Any]", where)
        with _Words(), Cloudflare(api_token=self._access.token, timeout=TIMEOUT_S, **options) as self._client:
            yield self._where()

    def _where(self) -> Where:
        if where := zone_of(self._client, self._topology):
            return where
        raise Unusable(f"the token sees no zone {zone(self._topology)}: add it to the account, then plan again")

    def _found(self, where: Where) -> Iterator[Item]:
        like = {item.key: item.body for item in self._wanted}
        yield from self._settings(where, like)
        yield from self._rules(where)
        for kind in things(self._client, where, self._topology):
            for name, body in kind.found().items():
                self._ids[kind.kind, name] = body["id"]
                seen = _projected(self._with_references(body), like.get((kind.kind, name)))
                yield Item(kind=kind.kind, name=name, body=_same_names(seen, like.get((kind.kind, name))))

    def _settings(self, where: Where, like: Mapping[tuple[str, str], Mapping[str, Any]]) -> Iterator[Item]:
        for kind, name in like:
            if kind == "setting":
                shown = self._client.zones.settings.with_raw_response.get(name, zone_id=where.zone_id)
                yield Item(kind=kind, name=name, body=_projected(_result(shown), like[kind, name]))
        shown = self._client.bot_management.with_raw_response.get(zone_id=where.zone_id)
        yield Item(kind="bots", name="bots", body=_projected(_result(shown), like["bots", "bots"]))

    def _rules(self, where: Where) -> Iterator[Item]:
        for phase in PHASES:
            try:
                shown = self._client.rulesets.phases.with_raw_response.get(cast("Any", phase), zone_id=where.zone_id)
            except cloudflare.NotFoundError:
                continue  # nobody put rules into this phase yet
            for place, rule in enumerate(_result(shown).get("rules") or [], start=1):
                kept = {key: value for key, value in rule.items() if key not in RULE_FIELDS}
                yield Item(kind="rule", name=f"{phase}/{rule['ref']}", body={"position": place, **kept})

    def _put_phase(self, where: Where, phase: str) -> None:
        """Replace a phase by what is wanted of it."""
        ours = [item.body for item in self._wanted if item.name.startswith(f"{phase}/")]
        rules = [{key: value for key, value in body.items() if key != "position"} for body in ours]
        self._client.rulesets.phases.update(cast("Any", phase), zone_id=where.zone_id, rules=cast("Any", rules))

    def _carry_out(self, where: Where, change: Change, kind: Things | None) -> str:
        """Make one change; the certificate, where one was signed: whoever asked for it has the key, and needs it."""
        name = change.item.name
        body = cast("type_of_body", self._with_ids(dict(change.item.body)))
        if change.item.kind == "setting":
            self._client.zones.settings.edit(name, zone_id=where.zone_id, value=body["value"])
        elif change.item.kind == "bots":
            self._client.bot_management.update(zone_id=where.zone_id, **body)
        elif kind is not None and change.action is Action.CREATE:
            made = kind.create(body)
            self._ids[kind.kind, name] = made.id
            return getattr(made, "certificate", None) or ""
        elif kind is not None and change.action is Action.UPDATE and kind.replace:
            kind.replace(self._ids[kind.kind, name], body)
        elif kind is not None and change.action is Action.DELETE and kind.delete:
            kind.delete(self._ids[kind.kind, name])
        return ""

    def _with_references(self, body: type_of_body) -> type_of_body:
        """Ids of what we know by name become its name."""
        names = {own: f"<{kind}:{name}>" for (kind, name), own in self._ids.items()}

        def name(text: str) -> str:
            return names.get(text, text)

        return {key: value if key == "id" else with_texts(value, name) for key, value in body.items()}

    def _with_ids(self, value: object) -> object:
        """Names become ids."""

        def put(text: str) -> str:
            found = REFERENCE.fullmatch(text)
            return self._ids[found[1], found[2]] if found else text

        return with_texts(value, put)


def _with_phases(changes: tuple[Change, ...]) -> Iterator[tuple[str, Change]]:
    """The changes in their order, deletions backwards; the first rule of a phase brings the phase with it."""
    kept = [change for change in changes if change.action is not Action.DELETE]
    gone = [change for change in changes if change.action is Action.DELETE]
    seen: set[str] = set()
    for change in (*kept, *reversed(gone)):
        phase = change.item.name.partition("/")[0] if change.item.kind == "rule" else ""
        yield ("" if phase in seen else phase), change
        seen.add(phase)


def _result(shown: Any) -> type_of_body:
    """What the API answered, untouched by types that may be older than it."""
    return shown.json()["result"] or {}


def _projected(value: Any, like: Any) -> Any:
    """What was found, in the fields that are wanted; all of it where nothing is."""
    if isinstance(value, dict) and isinstance(like, Mapping):
        found, fields = cast("type_of_body", value), cast("Mapping[str, Any]", like)
        return {key: _projected(found[key], fields[key]) for key in fields if found.get(key) is not None}
    if isinstance(value, list) and isinstance(like, list):
        pair = cast("list[Any]", value), cast("list[Any]", like)
        if len(pair[0]) == len(pair[1]):
            return [_projected(left, right) for left, right in zip(*pair, strict=True)]
    return cast("Any", value)


def _same_names(seen: type_of_body, like: Mapping[str, Any] | None) -> type_of_body:
    """A certificate is for a set of names, and who asked for it with which key is over."""
    same = {key: like[key] for key in ("csr", "hostnames", "hosts") if key in like} if like else {}
    return {**seen, **same}


class _Words:
    """Turn what the SDK raises into what to do about it."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, cloudflare.AuthenticationError | cloudflare.PermissionDeniedError):
            raise Unusable(f"Cloudflare refuses the token ({_said(error)}): it needs {SCOPES}") from error
        if isinstance(error, cloudflare.APIStatusError):
            raise Unusable(f"Cloudflare: {_said(error)}; what was done until then stays: plan again") from error
        if isinstance(error, cloudflare.APIConnectionError):
            raise Unusable(f"Cloudflare cannot be reached at {error.request.url.host}: {error}") from error


def _said(error: cloudflare.APIStatusError) -> str:
    body = cast("type_of_body", error.body) if isinstance(error.body, dict) else {}
    errors = cast("list[type_of_body]", body.get("errors", []))
    return "; ".join(f"{each['code']} {each['message']}" for each in errors) or str(error)
