"""Judge rendered Cloudflare bodies as the API would, and ask rendered rules about requests.

Between: rendered items, the stand-in's judges (the official SDK's types, the Rules language), the tests beside this.
Shape: `faults(item)` in words; `Asked` is one request at the edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from audifi.local.standins.cloudflare import expressions, kinds, rulesets, settings
from audifi.local.standins.cloudflare.account import Account, Zone
from audifi.local.standins.cloudflare.answers import Refused
from audifi.targets.cloudflare import items, rules
from audifi.targets.plan import REFERENCE, Item
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology

ADMIN_NETWORK = "198.51.100.0/24"


def account(topology: Topology) -> tuple[Account, Zone]:
    """An account with the zone, and the lists that rules name."""
    made = Account()
    name = topology.surface.cdn.admin_list
    made.lists["1"] = {"id": "1", "name": name}
    return made, made.add_zone(topology.surface.dns.zone.removesuffix("."))


def faults(item: Item, topology: Topology) -> list[str]:
    """What the API would refuse in an item."""
    made, zone = account(topology)
    body = dict(item.body)
    try:
        match item.kind:
            case "setting":
                settings.edit(zone, item.name, body)
            case "bots":
                kinds.bots(zone, body)
            case "rule":
                body.pop("position")
                return rulesets.faults_of(item.name.partition("/")[0], body, made)
            case "list":
                made.lists.clear()
                kinds.address_list(made, body, "")
            case "monitor":
                kinds.monitor(body)
            case "pool":
                made.monitors[str(body["monitor"])] = {}
                kinds.pool(made, body)
            case "balancer":
                known = [other for other in items(topology) if other.kind == "pool"]
                made.pools |= {f"<pool:{other.name}>": {} for other in known}
                kinds.balancer(made, zone, body)
            case "edge certificate":
                kinds.edge_certificate(zone, body)
            case _:
                return []  # an origin certificate is judged with a request that is signed (component tier)
    except Refused as error:
        return [str(error)]
    return []


def references(topology: Topology) -> Iterator[tuple[str, str]]:
    """What items refer to, by kind and name."""

    def look(value: Any) -> Iterator[tuple[str, str]]:
        match value:
            case str():
                if found := REFERENCE.fullmatch(value):
                    yield found[1], found[2]
            case dict():
                for inner in value.values():  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
                    yield from look(inner)
            case list():
                for inner in value:  # pyright: ignore[reportUnknownVariableType]
                    yield from look(inner)
            case _:
                return

    for item in items(topology):
        yield from look(dict(item.body))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request at the edge."""

    path: str
    method: str = "GET"
    host: str = "api.audifi.io"
    address: str = "203.0.113.9"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    status: int = 200

    @property
    def fields(self) -> dict[str, Any]:
        """The request as rules see it."""
        return {
            "http.host": self.host,
            "http.request.method": self.method,
            "http.request.uri.path": self.path,
            "raw.http.request.uri.path": self.path,
            "http.request.headers": {name: [value] for name, value in self.headers.items()},
            "http.response.code": self.status,
            "ip.src": self.address,
        }


def matching(phase: str, asked: Asked, topology: Topology | None = None) -> list[dict[str, Any]]:
    """The rules of a phase that are about this request, in their order."""
    whole = topology or platform("production")
    lists = {whole.surface.cdn.admin_list: (ADMIN_NETWORK,)}
    return [rule for rule in rules(whole, phase) if expressions.read(rule["expression"], lists)(asked.fields)]


def refused(asked: Asked) -> int | None:
    """The status that the firewall answers; None if it lets the request through."""
    for rule in matching("http_request_firewall_custom", asked):
        if rule["action"] == "skip" and rule["action_parameters"].get("ruleset") == "current":
            return None
        if rule["action"] == "block":
            return rule["action_parameters"]["response"]["status_code"]
    return None


def kept_s(asked: Asked) -> int | None:
    """How long the edge keeps the answer; None if it does not."""
    found = matching("http_request_cache_settings", asked)
    if not found or not found[-1]["action_parameters"]["cache"]:
        return None
    return found[-1]["action_parameters"]["edge_ttl"]["default"]
