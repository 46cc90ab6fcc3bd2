"""Run the pods that hold the live sockets: `python -m audifi.gateways.ws`, one process per pod.

Between: topology (replicas, what each process is told), service (how a process of ours is started).
Units: *_s seconds.
Errors: NotReady with the answer of /ready, which is on the sockets' own port.
"""

from dataclasses import replace

from audifi.local.components import JobSpec, PodSpec, service
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology

COMPONENT = "ws-gateway"
STOP_GRACE_S = 30.0  # realtime.md 3 "Drain": hard stop; viewers are sent elsewhere within 5 s or as long as that takes


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """Describe every pod."""
    component = topology.component(COMPONENT)
    return tuple(
        replace(service.pod(instance, topology, component, name), stop_grace_s=STOP_GRACE_S) for name in component.pods
    )


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()
