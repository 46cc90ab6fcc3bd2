"""Work out what an `up` starts, and in which order.

Between: topology (what exists), local.components (what each becomes on this machine) and local.supervisor (does it).
Shape: units by name, each with the names of the units it waits for; no cycle.
Invariant: only what runs on one machine so far; `only` adds what the model says is needed (topology.graph.needed_by).
Errors: UnknownName lists what exists, and says of a declared component that does not run here yet what brings it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from importlib import import_module
from importlib.util import find_spec
from typing import Final, cast

from audifi.local.components import JobSpec, PodSpec, Runner
from audifi.local.errors import UnknownName
from audifi.local.state import Instance
from audifi.topology.graph import needed_by, resolve
from audifi.topology.model.compute import Kind
from audifi.topology.model.whole import Topology

# Component → module of local.components; services of ours share one.
RUNNERS: Final = {
    "etcd": "etcd",
    "postgres": "postgres",
    "postgres-services": "postgres_services",
    "pgbouncer": "pgbouncer",
    "redis-cluster": "redis_cluster",
    "redis-queue": "redis_queue",
    "mail": "mail",
    "ethereum": "chains",
    "polygon": "chains",
    "base": "chains",
    "alchemy": "rpc_providers",
    "infura": "rpc_providers",
    "pinata": "pinata",
    "pinning-service": "pinning_service",
    "nft-storage": "nft_storage",
    "stripe": "stripe",
    "api-gateway": "api_gateway",
    "ws-gateway": "ws_gateway",
    "ws-balancer": "ws_balancer",
    "edge": "edge",
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "blackbox-exporter": "exporters",
    "node-exporter": "exporters",
    "redis-exporter": "exporters",
    "slack": "receivers",
    "pagerduty": "receivers",
}


@dataclass(frozen=True)
class Plan:
    """What is started."""

    pods: tuple[PodSpec, ...]
    jobs: tuple[JobSpec, ...]
    waits_for: Mapping[str, tuple[str, ...]]  # unit → units

    @property
    def components(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(pod.component for pod in self.pods))

    def dependents(self, name: str) -> list[str]:
        """Units that wait for this one: they stop before it."""
        return [unit for unit, names in self.waits_for.items() if name in names]

    def units_named(self, name: str) -> list[PodSpec]:
        """The pods meant by a component's name, with or without -service, or by a pod's name."""
        found = [pod for pod in self.pods if name in {pod.name, pod.component, pod.component.removesuffix("-service")}]
        if not found:
            raise UnknownName(f"there is no component or pod {name!r} here; there are {', '.join(self.components)}")
        return found


def runs_here(topology: Topology) -> list[str]:
    """Components that this machine can run so far, in the order of the declaration."""
    return [
        component.name
        for component in topology.components
        if component.runs_locally and _has_runner(topology, component.name)
    ]


def chosen(topology: Topology, only: Iterable[str]) -> list[str]:
    """What `--only` names and everything it needs; without names, all that runs here."""
    here = runs_here(topology)
    named = [_known(topology, name, here) for names in only for name in names.split(",")]
    needed = needed_by(topology, named) if named else here
    return [name for name in here if name in needed]


def plan(instance: Instance, topology: Topology, only: Iterable[str] = ()) -> Plan:
    """Everything to start, ports allocated, nothing written yet."""
    components = chosen(topology, only)
    runners = {_module(topology, name): None for name in components}  # a set that keeps its order
    pods: list[PodSpec] = []
    jobs: list[JobSpec] = []
    for module in runners:
        runner = cast("Runner", cast("object", import_module(module)))
        pods += [pod for pod in runner.pods(instance, topology) if pod.component in components]
        jobs += [job for job in runner.jobs(instance, topology) if job.component in components]
    return Plan(tuple(pods), tuple(jobs), _order([*pods, *jobs]))


def _order(units: list[PodSpec | JobSpec]) -> dict[str, tuple[str, ...]]:
    by_component: dict[str, list[str]] = {}
    for unit in units:
        by_component.setdefault(unit.component, []).append(unit.name)
    names = {unit.name for unit in units}
    waits_for = {
        unit.name: tuple(
            name for wanted in unit.after for name in ([wanted] if wanted in names else by_component.get(wanted, []))
        )
        for unit in units
    }
    TopologicalSorter(waits_for).prepare()  # raises CycleError: a bug in `after`
    return waits_for


def _known(topology: Topology, word: str, here: list[str]) -> str:
    try:
        component = resolve(topology, word)
    except LookupError as error:
        raise UnknownName(f"there is no component {word!r}; these run here: {', '.join(here)}") from error
    if component.name not in here:
        brings = f"it arrives with {component.arrives_in}" if component.arrives_in else "a third party runs it"
        raise UnknownName(f"{component.name} does not run on one machine: {brings}. These do: {', '.join(here)}")
    return component.name


def _module(topology: Topology, component: str) -> str:
    is_service = topology.component(component).kind in {Kind.SERVICE, Kind.WORKER}
    return f"audifi.local.components.{'service' if is_service else RUNNERS.get(component, component)}"


def _has_runner(topology: Topology, component: str) -> bool:
    return find_spec(_module(topology, component)) is not None
