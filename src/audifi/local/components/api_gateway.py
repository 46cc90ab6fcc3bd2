"""Run the API gateway: Envoy, one process per pod, configured from the model.

Between: targets.envoy (renders), topology (links, origins), local.resolution (the issuer auth-service was told).
Invariant: the admin interface listens on loopback only; it is the pod's `metrics` port (counters and readiness).
A stopping Envoy first lets the edge go (components.envoy). A killed one cannot: the edge tries reads at the other
pod, and writes that were never sent; a write that was is the client's to repeat, by its key.
Errors: Envoy refuses a wrong configuration at its start; its log says where.
Source: components.md 1 (Envoy ready in 0.17 s); Envoy 1.40 command line.
"""

from importlib.metadata import version

from audifi.local import probes, resolution
from audifi.local.components import JobSpec, PodSpec, envoy
from audifi.local.files import write_text
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance
from audifi.targets.envoy import bootstrap
from audifi.targets.envoy.gateway import Address, Cors, Gateway, Upstream
from audifi.topology.model.compute import Kind
from audifi.topology.model.network import Link, LinkKind
from audifi.topology.model.whole import Topology
from audifi.wire import environment

COMPONENT = "api-gateway"
LINGER_S = 32.0  # the longest answer of a route (wire.routes.TIMEOUT_S), and the drain before it


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """Describe every gateway pod."""
    return tuple(_pod(instance, topology, name) for name in topology.component(COMPONENT).pods)


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()


def gateway(instance: Instance, topology: Topology, pod: str) -> Gateway:
    """Bind the model to this machine's addresses."""
    told = resolution.environment(instance, topology, "auth-service-1")
    cors = topology.surface.cors
    return Gateway(
        pod=pod,
        listen=Address(LOOPBACK, resolution.port(instance, topology, pod, "http")),
        admin=Address(LOOPBACK, resolution.port(instance, topology, pod, "metrics")),
        issuer=told[environment.TOKEN_ISSUER],
        audience=told[environment.TOKEN_AUDIENCE],
        upstreams=tuple(_upstream(instance, topology, link) for link in _routes(topology)),
        cors=Cors(
            origins=tuple(resolution.resolved(origin, instance, topology, pod) for origin in cors.origins),
            origin_patterns=cors.origin_patterns,
            methods=cors.methods,
            request_headers=cors.request_headers,
            exposed_headers=cors.exposed_headers,
            max_age_s=cors.max_age_s,
        ),
        version=version("audifi"),
        otlp=_collector(instance, topology),
    )


def _pod(instance: Instance, topology: Topology, name: str) -> PodSpec:
    ports = resolution.ports(instance, topology, name, "http", "metrics")
    file = instance.config(name) / "envoy.json"

    def prepare() -> None:
        write_text(file, bootstrap.render(gateway(instance, topology, name)))

    async def ready() -> str:
        return (await probes.http_get(ports["metrics"], "/ready")).strip().lower()

    return PodSpec(
        name=name,
        component=COMPONENT,
        argv=envoy.command(str(file)),
        ready=ready,
        ports=ports,
        after=tuple(link.target for link in _routes(topology) if link.readiness),
        prepare=prepare,
        before_stop=envoy.leaving(ports["metrics"], linger_s=LINGER_S),
        stop_grace_s=LINGER_S + 3,
    )


def _routes(topology: Topology) -> tuple[Link, ...]:
    """The services a request can go to on this machine."""
    links = [link for link in topology.links_from(COMPONENT) if link.kind is LinkKind.ROUTE]
    return tuple(link for link in links if topology.component(link.target).runs_locally)


def _upstream(instance: Instance, topology: Topology, link: Link) -> Upstream:
    names = topology.component(link.target).pods
    addresses = [Address(LOOPBACK, resolution.port(instance, topology, name, link.port)) for name in names]
    return Upstream(
        name=link.target,
        pods=tuple(addresses),
        connect_ms=link.connect_ms,
        retry_budget_percent=link.retry_budget_percent,
    )


def _collector(instance: Instance, topology: Topology) -> Address | None:
    for link in topology.links_from(COMPONENT):
        target = topology.component(link.target)
        if link.port == "otlp" and target.runs_locally and target.kind is Kind.OBSERVABILITY:
            return Address(LOOPBACK, resolution.port(instance, topology, target.pods[0], link.port))
    return None
