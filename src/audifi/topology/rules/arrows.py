"""Judge the arrows: do they end somewhere, may they be retried, do deadlines shrink inwards, do zones hold.

Between: topology.audit (runs RULES). Source of each rule: its docstring.
Units: milliseconds.
Errors: none; findings are notes.
"""

from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import pairwise
from typing import Final

from audifi.topology.graph import StartOrderCycle, start_order
from audifi.topology.model.compute import Component, Zone
from audifi.topology.model.network import Link, LinkKind, RetryOn
from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, Rule, error, warning
from audifi.wire import routes

GATEWAY: Final = "api-gateway"

# Which zone may open connections to which, besides its own. Source: domain.md 5.3.
INWARDS: Final = {
    Zone.PUBLIC: {Zone.DMZ, Zone.OUTSIDE},
    Zone.DMZ: {Zone.PRIVATE},
    Zone.PRIVATE: {Zone.DATA, Zone.OUTSIDE},
    Zone.DATA: set[Zone](),
    Zone.OUTSIDE: set[Zone](),
}


def _known(topology: Topology) -> dict[str, Component]:
    return {component.name: component for component in topology.components}


def _arrow(link: Link) -> str:
    return f"{link.source} → {link.target}:{link.port}"


def ends_exist(topology: Topology) -> Iterator[Note]:
    """An arrow that ends nowhere would give a process an address that never answers."""
    known = _known(topology)
    for link in topology.links:
        missing = [name for name in (link.source, link.target) if name not in known]
        if missing:
            reason = f"{_arrow(link)}: there is no component {missing[0]}"
            yield error("link-component", link.source, reason, "declare the component or remove the link")
        elif link.port not in {port.name for port in known[link.target].ports}:
            ports = ", ".join(port.name for port in known[link.target].ports)
            reason = f"{_arrow(link)}: {link.target} has no such port, only {ports}"
            yield error("link-port", link.source, reason, "name a declared port")


def one_arrow_each(topology: Topology) -> Iterator[Note]:
    """Two declarations of one arrow would be two policies that disagree."""
    seen: set[tuple[str, str, str]] = set()
    for link in topology.links:
        key = (link.source, link.target, link.port)
        if key in seen:
            yield error("link-duplicate", link.source, f"{_arrow(link)} is declared twice", "keep one of them")
        seen.add(key)


def retries_are_safe(topology: Topology) -> Iterator[Note]:
    """A repeated write without a key may take money twice (domain.md 5.8: only idempotent or keyed calls)."""
    for link in topology.links:
        if not link.retries:
            continue
        if link.retry_on is RetryOn.ANY and link.writes:
            reason = f"{_arrow(link)} writes and is retried {link.retries}× whatever the call was"
            yield error("retry-unsafe", link.source, reason, "retry only idempotent or keyed calls")
        elif link.retry_on is RetryOn.NEVER:
            reason = f"{_arrow(link)} has {link.retries} retries that are never used"
            yield warning("retry-unused", link.source, reason, "say what may be retried, or set retries to 0")


def deadlines_shrink(topology: Topology) -> Iterator[Note]:
    """If a gateway gives up before the call below it, the caller hears a time-out for work that still happens."""
    for above in topology.links:
        if above.kind is not LinkKind.ROUTE or above.deadline_ms is None:
            continue
        for below in topology.links_from(above.target):
            if below.in_request and below.deadline_ms is not None and below.deadline_ms > above.deadline_ms:
                reason = f"{_arrow(below)} takes {below.deadline_ms} ms, {_arrow(above)} ends at {above.deadline_ms} ms"
                yield error(
                    "deadline-inverted",
                    above.source,
                    reason,
                    "shorten the inner deadline, or answer 202 and go on from the queue",
                )


def zones_hold(topology: Topology) -> Iterator[Note]:
    """Traffic crosses one border at a time; the data zone calls nobody but its backups' store (domain.md 5.3)."""
    known = _known(topology)
    for link in topology.links:
        if link.source not in known or link.target not in known or link.kind in {LinkKind.OBSERVE, LinkKind.BACKUP}:
            continue
        way = [known[link.source].zone, *([link.through] if link.through else []), known[link.target].zone]
        for source, target in pairwise(way):
            if source is not target and target not in INWARDS[source]:
                reason = f"{_arrow(link)} goes from {source} to {target}"
                yield error("zone-border", link.source, reason, "go through the zone between, or move the component")


def egress_is_allowed(topology: Topology) -> Iterator[Note]:
    """Default deny: a third party that is not on the allowlist cannot be reached (domain.md 5.3)."""
    allowed = [egress.host for egress in topology.egress if egress.enabled]
    called = {link.target for link in topology.links if link.kind in {LinkKind.PROVIDER, LinkKind.BACKUP}}
    for component in topology.components:
        host = component.external_name.removeprefix("*.")
        is_outside = component.zone is Zone.OUTSIDE  # backups on one machine stay on it
        if (
            is_outside
            and component.name in called
            and not any(fnmatch(host, pattern) or pattern.endswith(f".{host}") for pattern in allowed)
        ):
            reason = f"{component.external_name} is not on the egress allowlist"
            yield error("egress", component.name, reason, "add the host to network.EGRESS or remove the link")


def providers_have_breakers(topology: Topology) -> Iterator[Note]:
    """A third party that hangs must not hold our pods' connections (domain.md 5.8)."""
    for link in topology.links:
        if link.kind is LinkKind.PROVIDER and link.breaker is None:
            yield warning("breaker", link.source, f"{_arrow(link)} has no circuit breaker", "give it Breaker()")


def starts_somewhere(topology: Topology) -> Iterator[Note]:
    """Components that wait for each other never start."""
    try:
        start_order(topology)
    except StartOrderCycle as cycle:
        yield error("start-cycle", cycle.members[0], str(cycle), "make one of these links readiness=False")


def nothing_stands_alone(topology: Topology) -> Iterator[Note]:
    """A component without an arrow is a box nobody needs, or an arrow forgotten."""
    linked = {name for link in topology.links for name in (link.source, link.target)}
    for component in topology.components:
        if component.name not in linked:
            yield warning("unlinked", component.name, "no link reaches or leaves it", "declare its links or remove it")


def routes_are_linked(topology: Topology) -> Iterator[Note]:
    """A public path whose service the gateway may not call answers 503 to everybody (wire.routes)."""
    linked = {link.target: link for link in topology.links_from(GATEWAY) if link.kind is LinkKind.ROUTE}
    for service in sorted({route.service for route in routes.ROUTES} - set(linked)):
        reason = f"wire.routes sends requests to {service}, but {GATEWAY} has no link to it"
        yield error("route-unlinked", GATEWAY, reason, "declare the link or remove the routes")
    above = [link for link in topology.links_to(GATEWAY) if link.kind is LinkKind.ROUTE]
    ceiling_ms = min((link.deadline_ms for link in above if link.deadline_ms is not None), default=None)
    for route in routes.ROUTES:
        if ceiling_ms is not None and route.timeout_s and 1000 * route.timeout_s > ceiling_ms:
            reason = f"{route.path} may take {route.timeout_s} s, but the edge gives up after {ceiling_ms} ms"
            yield error("deadline-inverted", "edge", reason, "lengthen the edge's deadline or shorten the route's")


def one_region_writes(topology: Topology) -> Iterator[Note]:
    """Two regions that write diverge; none that writes serves nobody."""
    writers = [region.name for region in topology.regions if "write" in region.operations]
    if len(writers) != 1:
        reason = f"{len(writers)} regions write: {', '.join(writers) or 'none'}"
        yield error("region-writers", "postgres", reason, "let exactly one region write")


RULES: Final[tuple[Rule, ...]] = (
    ends_exist,
    one_arrow_each,
    retries_are_safe,
    deadlines_shrink,
    zones_hold,
    egress_is_allowed,
    providers_have_breakers,
    starts_somewhere,
    nothing_stands_alone,
    routes_are_linked,
    one_region_writes,
)
