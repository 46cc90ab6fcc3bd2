"""Follow the arrows: what starts before what, what is needed for a part, what falls with what.

Between: local (start order, `up --only`), drills (what a loss may take down), cli.topology, topology.audit (cycles).
Shape: ≤ 50 components, ≤ 150 links; every result is in the order of the declaration, so output is stable.
Invariant: only `readiness` links decide the start order; links to observe never do.
Errors: `start_order` raises StartOrderCycle with the cycle; `resolve` raises LookupError with what exists.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from audifi.topology.model.compute import Component
from audifi.topology.model.network import LinkKind
from audifi.topology.model.whole import Topology

# Beyond readiness, a component is of no use without its stores, its coordinator and its providers.
NEEDED = frozenset({LinkKind.STORE, LinkKind.REPLICATE, LinkKind.PROVIDER})


class StartOrderCycle(ValueError):  # it is what was found
    """These components wait for each other: none can start first."""

    def __init__(self, members: tuple[str, ...]) -> None:
        """Keep the members in the order in which each waits for the next."""
        self.members = members
        super().__init__(f"no start order: {' waits for '.join((*members, members[0]))}")


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureDomain:
    """What is lost together, and what cannot serve without it."""

    lost: str
    pods: tuple[str, ...]
    takes_down: tuple[str, ...]  # components whose readiness needs it, directly or not


def resolve(topology: Topology, word: str) -> Component:
    """The component a person means: `auth` for auth-service, or its whole name."""
    for component in topology.components:
        if word in {component.name, component.short_name}:
            return component
    names = ", ".join(component.name for component in topology.components)
    raise LookupError(f"there is no component {word!r} in {topology.environment}; there are {names}")


def waits_for(topology: Topology, component: str) -> frozenset[str]:
    """What must be ready before this component can be."""
    return frozenset(link.target for link in topology.links_from(component) if link.readiness)


def start_order(topology: Topology, names: Iterable[str] | None = None) -> tuple[tuple[str, ...], ...]:
    """Layers that may start together, each after the one before; only the given components, or all."""
    wanted = frozenset(component.name for component in topology.components) if names is None else frozenset(names)
    waiting: dict[str, frozenset[str]] = {name: waits_for(topology, name) & wanted for name in wanted}
    layers: list[tuple[str, ...]] = []
    while waiting:
        ready = frozenset(name for name, before in waiting.items() if not before)
        if not ready:
            raise StartOrderCycle(_cycle(waiting))
        layers.append(_declared(topology, ready))
        waiting = {name: before - ready for name, before in waiting.items() if name not in ready}
    return tuple(layers)


def needed_by(topology: Topology, only: Iterable[str]) -> tuple[str, ...]:
    """What `up --only` starts: the named components, what they need, and the way in from outside.

    The result may hold components that do not run here yet (`runs_locally`): the caller says so.
    """
    named = {resolve(topology, word).name for word in only}
    return _declared(topology, _forward(topology, named | _entries(topology, named)))


def failure_domains(topology: Topology) -> tuple[FailureDomain, ...]:
    """For every component, what cannot serve while all its pods are gone."""
    return tuple(
        FailureDomain(
            lost=component.name,
            pods=component.pods,
            takes_down=_declared(topology, _dependants(topology, component.name)),
        )
        for component in topology.components
    )


def _forward(topology: Topology, names: Iterable[str]) -> frozenset[str]:
    reached: set[str] = set()
    open_names = list(names)
    while open_names:
        name = open_names.pop()
        if name in reached:
            continue
        reached.add(name)
        open_names += [link.target for link in topology.links_from(name) if link.readiness or link.kind in NEEDED]
    return frozenset(reached)


def _entries(topology: Topology, names: Iterable[str]) -> frozenset[str]:
    """What passes requests from outside on to these."""
    reached: set[str] = set()
    open_names = list(names)
    while open_names:
        name = open_names.pop()
        sources = {link.source for link in topology.links_to(name) if link.kind is LinkKind.ROUTE} - reached
        reached |= sources
        open_names += sources
    return frozenset(reached)


def _dependants(topology: Topology, name: str) -> frozenset[str]:
    reached: set[str] = set()
    open_names = [name]
    while open_names:
        current = open_names.pop()
        sources = {link.source for link in topology.links_to(current) if link.readiness} - reached - {name}
        reached |= sources
        open_names += sources
    return frozenset(reached)


def _cycle(waiting: dict[str, frozenset[str]]) -> tuple[str, ...]:
    """One cycle among components that all wait for something: follow until a name repeats."""
    path: list[str] = [min(waiting)]
    while True:
        following = min(waiting[path[-1]])
        if following in path:
            return tuple(path[path.index(following) :])
        path.append(following)


def _declared(topology: Topology, names: Iterable[str]) -> tuple[str, ...]:
    wanted = frozenset(names)
    return tuple(component.name for component in topology.components if component.name in wanted)
