"""List everything that Cloudflare must hold for us, in the order in which it can be made.

    lists ─► settings ─► bots ─► rules ─► monitors ─► pools ─► load balancers ─► certificates

Between: the modules beside this one (bodies), targets.plan (compares), applying.cloudflare (makes), targets.terraform.
Shape: an item per setting, per rule (`<phase>/<ref>`, with its place in the phase), per thing.
Invariant: the phases in PHASES are ours as a whole: a rule that is not listed here does not belong there.
Errors: those of the modules beside this one.
Source: developers.cloudflare.com/ruleset-engine/reference/phases-list.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from audifi.targets.cloudflare import balancing, caching, firewall, rewriting
from audifi.targets.cloudflare.hosts import hosts, zone
from audifi.targets.cloudflare.settings import bots, settings
from audifi.targets.plan import Item
from audifi.topology.model.whole import Topology

PHASES: Final[Mapping[str, Callable[[Topology], list[dict[str, Any]]]]] = {
    "http_request_dynamic_redirect": rewriting.redirects,
    "http_request_transform": rewriting.live_paths,
    "http_request_origin": rewriting.live_ports,
    "http_request_cache_settings": caching.rules,
    "http_request_firewall_custom": firewall.custom,
    "http_ratelimit": firewall.limits,
    "http_request_firewall_managed": firewall.managed,
    "http_request_late_transform": rewriting.request_headers,
    "http_response_headers_transform": rewriting.response_headers,
}

# What a phase comes from, as --explain says it.
OF_PHASE: Final[Mapping[str, tuple[str, ...]]] = {
    "http_request_dynamic_redirect": ("domain www", "Tls"),
    "http_request_transform": ("WebSocket",),
    "http_request_origin": ("WebSocket", "component ws-gateway"),
    "http_request_late_transform": ("component api-gateway",),
}


def items(topology: Topology) -> tuple[Item, ...]:
    """Everything that must be there."""
    return tuple(_items(topology))


def rules(topology: Topology, phase: str) -> list[dict[str, Any]]:
    """The rules of one phase, in their order."""
    return PHASES[phase](topology)


def names(topology: Topology) -> list[str]:
    """What certificates are for: a wildcard covers one level, and staging's hosts are two below the zone."""
    apex = zone(topology)
    if topology.surface.tls.wildcard:
        return [apex, f"*.{apex}", f"*.staging.{apex}"]
    return sorted({apex, *hosts(topology).all, hosts(topology).www})


def edge_certificates(topology: Topology) -> dict[str, dict[str, Any]]:
    """What the edge shows the world: the one that comes with a zone knows nothing two levels down."""
    cdn = topology.surface.cdn
    body = {
        "type": "advanced",
        "hosts": names(topology),
        "certificate_authority": cdn.edge_authority,
        "validation_method": "txt",  # the zone is theirs, so they write the record themselves
        "validity_days": cdn.edge_days,
    }
    return {f"edge of {zone(topology)}": body}


def certificates(topology: Topology) -> dict[str, dict[str, Any]]:
    """What the origins behind the edge show it; their key stays with who asks for the certificate."""
    tls, apex = topology.surface.tls, zone(topology)
    body = {
        "hostnames": names(topology),
        "request_type": "origin-ecc",
        "requested_validity": topology.surface.cdn.origin_days,
        "csr": "<origin certificate request>",
    }
    return {f"origins of {apex}": body} if tls.option == "cloudflare-origin" else {}


def lists(topology: Topology) -> dict[str, dict[str, Any]]:
    """Networks that rules name; who is on them is no file's business, and until somebody is, nobody passes."""
    name = topology.surface.cdn.admin_list
    return {name: {"name": name, "kind": "ip", "description": "networks that may reach /admin (domain.md 5.4)"}}


def _items(topology: Topology) -> Iterator[Item]:
    yield from _named("list", lists(topology), "Cdn", "WafRule admin-network")
    for name, value in settings(topology).items():
        yield Item(kind="setting", name=name, body={"value": value}, sources=("Tls", "Cdn"))
    yield Item(kind="bots", name="bots", body=bots(topology), sources=("WafRule bots",))
    for phase in PHASES:
        for place, rule in enumerate(rules(topology, phase), start=1):
            body = {"position": place, **rule}
            yield Item(kind="rule", name=f"{phase}/{rule['ref']}", body=body, sources=_sources(phase, rule["ref"]))
    yield from _named("monitor", balancing.monitors(topology), "Steering", "Cdn")
    yield from _named("pool", balancing.pools(topology), "Region", "Steering")
    yield from _named("balancer", balancing.balancers(topology), "Steering", "Region")
    yield from _named("edge certificate", edge_certificates(topology), "Tls", "Cdn")
    yield from _named("origin certificate", certificates(topology), "Tls", "Cdn")


def _named(kind: str, bodies: Mapping[str, dict[str, Any]], *sources: str) -> Iterator[Item]:
    for name, body in bodies.items():
        yield Item(kind=kind, name=name, body=body, sources=sources)


def _sources(phase: str, ref: str) -> tuple[str, ...]:
    match phase:
        case "http_request_cache_settings":
            return (f"CacheRule {ref}",)
        case "http_request_firewall_custom" | "http_request_firewall_managed":
            return (f"WafRule {ref}", "Cdn")
        case "http_ratelimit":
            return (f"RateLimit {ref}", "Cdn")
        case "http_response_headers_transform":
            return ("Header", "CacheRule")
        case _:
            return OF_PHASE[phase]
