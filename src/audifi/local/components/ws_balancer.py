"""Run the WebSocket pods' balancer: Envoy, one process per pod, configured from the model.

Between: targets.envoy.balancer (renders), topology (links, pods).
Invariant: the admin interface listens on loopback only; it is the pod's `metrics` port (counters and readiness).
A stopping Envoy takes no new sockets for a while, then cuts the ones it has; their clients come back through the
other pod.
Errors: Envoy refuses a wrong configuration at its start; its log says where.
Source: components.md 1 (Envoy ready in 0.17 s).
"""

from importlib.metadata import version

from audifi.local import probes, resolution
from audifi.local.components import JobSpec, PodSpec, envoy
from audifi.local.files import write_text
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance
from audifi.targets.envoy import balancer as target
from audifi.targets.envoy.gateway import Address
from audifi.topology.model.whole import Topology

COMPONENT = target.COMPONENT
BEHIND = target.CLUSTER


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """Describe every balancer pod."""
    return tuple(_pod(instance, topology, name) for name in topology.component(COMPONENT).pods)


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()


def balancer(instance: Instance, topology: Topology, pod: str) -> target.Balancer:
    """Bind the model to this machine's addresses."""
    (link,) = [link for link in topology.links_from(COMPONENT) if link.target == BEHIND]
    behind = topology.component(BEHIND).pods
    return target.Balancer(
        pod=pod,
        listen=Address(LOOPBACK, resolution.port(instance, topology, pod, "http")),
        admin=Address(LOOPBACK, resolution.port(instance, topology, pod, "metrics")),
        pods=tuple(Address(LOOPBACK, resolution.port(instance, topology, name, link.port)) for name in behind),
        connect_ms=link.connect_ms,
        version=version("audifi"),
    )


def _pod(instance: Instance, topology: Topology, name: str) -> PodSpec:
    ports = resolution.ports(instance, topology, name, "http", "metrics")
    file = instance.config(name) / "envoy.json"

    def prepare() -> None:
        write_text(file, target.render(balancer(instance, topology, name)))

    async def ready() -> str:
        return (await probes.http_get(ports["metrics"], "/ready")).strip().lower()

    return PodSpec(
        name=name,
        component=COMPONENT,
        argv=envoy.command(str(file)),
        ready=ready,
        ports=ports,
        after=(BEHIND,),
        prepare=prepare,
        before_stop=envoy.leaving(ports["metrics"], linger_s=envoy.DRAIN_S),
    )
