"""Run the services that are our own code: migrations first, then one process per pod.

Between: topology (replicas, what each process is told) and `python -m audifi.services.<name>`; ws_gateway (pods of
ours that are no service).
Invariant: control plane and data plane meet here only through a command line without secrets and an environment:
nothing of a service is imported.
Units: *_s seconds.
Errors: LocalError with the end of the log when a migration fails; NotReady with the answer of /ready.
"""

import sys
from functools import partial

from audifi.local.components import JobSpec, PodSpec
from audifi.local.errors import LocalError
from audifi.local.logs import last_lines
from audifi.local.probes import http_get
from audifi.local.resolution import environment, ports
from audifi.local.spawning import run_to_end
from audifi.local.state import Instance
from audifi.topology.building import module
from audifi.topology.model.compute import Component, Kind
from audifi.topology.model.network import LinkKind
from audifi.topology.model.whole import Topology
from audifi.topology.secrets import WITH_DATABASE

LONGEST_REQUEST_S = 10.0  # topology.links: deadline of a call to a service


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    return tuple(
        pod(instance, topology, component, name) for component in _services(topology) for name in component.pods
    )


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    return tuple(
        JobSpec(
            name=f"{component.name}:migrate",
            component=component.name,
            after=("pgbouncer",),
            run=partial(_migrate, instance, topology, component),
        )
        for component in _services(topology)
        if component.name in WITH_DATABASE
    )


def _services(topology: Topology) -> list[Component]:
    kinds = {Kind.SERVICE, Kind.WORKER}
    return [component for component in topology.components if component.runs_locally and component.kind in kinds]


def pod(instance: Instance, topology: Topology, component: Component, name: str) -> PodSpec:
    """One process of ours."""
    told = environment(instance, topology, name)
    numbers = ports(instance, topology, name, *(port.name for port in component.ports))
    return PodSpec(
        name=name,
        component=component.name,
        argv=(sys.executable, "-m", module(component)),
        env=partial(environment, instance, topology, name),
        ports=numbers,
        after=_needs(topology, component),
        ready=partial(_is_ready, numbers["http"]),
        stop_grace_s=float(told["DRAIN_S"]) + LONGEST_REQUEST_S,
    )


def _needs(topology: Topology, component: Component) -> tuple[str, ...]:
    kinds = {LinkKind.STORE, LinkKind.PROVIDER}
    stores = [link.target for link in topology.links_from(component.name) if link.kind in kinds]
    return (*stores, f"{component.name}:migrate")


async def _is_ready(port: int) -> str:
    await http_get(port, "/ready")
    return "ready"


async def _migrate(instance: Instance, topology: Topology, component: Component) -> str:
    job = PodSpec(
        name=f"{component.name}-migrate",
        component=component.name,
        argv=(sys.executable, "-m", "audifi.kernel.migrate", component.short_name),
        env=partial(environment, instance, topology, component.pods[0]),
        ready=_never_asked,
    )
    code = await run_to_end(instance, job)
    log = instance.log(job.name)
    if code != 0:
        raise LocalError(f"migrations of {component.name} ended with code {code}. The end of {log}:\n{last_lines(log)}")
    return "schema is current"


async def _never_asked() -> str:
    return ""
