"""Run the edge: nginx with TLS from the local authority, the firewall, the cache and the limits per address.

Between: targets.nginx (renders), local.certificates (leaf and authority), topology (hosts, gateways, TLS).
Invariant: it listens on loopback only. As root, nginx reads the key and its workers run as an unprivileged user who
owns nothing else here: not the databases' user.
Difference of one machine: tests, benchmarks and the browser share 127.0.0.1, so loopback has its own, higher limits
per address (targets.nginx.edge.Limits); production has none, and another machine cannot reach us.
Errors: nginx refuses a wrong configuration at its start; its log says where.
Source: components.md 1 (nginx with ModSecurity: 0.25-0.5 s to start, 41 MB).
"""

import os
import pwd
import signal

from audifi.local import certificates, probes, resolution
from audifi.local.binaries import binary
from audifi.local.components import JobSpec, PodSpec
from audifi.local.files import make_directory, write_text
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance
from audifi.targets.envoy.gateway import Address
from audifi.targets.nginx import configuration
from audifi.targets.nginx.edge import Edge, Hosts, Limits, Paths
from audifi.topology.model.whole import Topology

COMPONENT = "edge"
POD = "edge-1"
GATEWAY = "api-gateway"
BALANCER = "ws-balancer"
WORKER_USERS = ("www-data", "nobody")  # Debian's; the second exists everywhere
OURSELVES = "127.0.0.1/32"  # not all of 127.0.0.0/8: a test comes from 127.0.0.2 and meets what the internet meets


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """Describe the edge."""
    ports = resolution.ports(instance, topology, POD, "https", "http", "metrics")
    directory = instance.config(POD)

    def prepare() -> None:
        described = edge(instance, topology)
        make_directory(directory)
        make_directory(directory / "run")
        for name, text in configuration.render(described).items():
            write_text(directory / name, text)

    def tend() -> signal.Signals | None:
        """Renew the certificate before it ends: nginx takes the new one and drops no connection (SIGHUP)."""
        names, before = hosts(topology), certificates.held(instance.path)
        certificates.for_hosts(instance.path, names.all, domain=names.apex)
        return signal.SIGHUP if certificates.held(instance.path) != before else None

    async def ready() -> str:
        await probes.http_get(ports["metrics"], "/ready")
        return f"https on {ports['https']}"

    return (
        PodSpec(
            name=POD,
            component=COMPONENT,
            # -e: nginx would open Debian's log file before it reads ours
            argv=(str(binary("nginx")), "-e", "stderr", "-p", str(directory), "-c", str(directory / "nginx.conf")),
            ready=ready,
            ports=ports,
            after=(GATEWAY, BALANCER),  # and so it lets go of its sockets before the pods do
            prepare=prepare,
            tend=tend,
            stop_signal=signal.SIGQUIT,  # finish what is running
        ),
    )


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()


def hosts(topology: Topology) -> Hosts:
    """The names served here."""
    names = {domain.name: domain.host for domain in topology.domains}
    return Hosts(**{name: names[name] for name in ("apex", "www", "app", "api", "ws", "studio")})


def edge(instance: Instance, topology: Topology) -> Edge:
    """Bind the model to this machine's addresses; makes the certificate if it is missing."""
    names = hosts(topology)
    pair = certificates.for_hosts(instance.path, names.all, domain=names.apex)
    directory = instance.config(POD)
    return Edge(
        host=LOOPBACK,
        https_port=resolution.port(instance, topology, POD, "https"),
        http_port=resolution.port(instance, topology, POD, "http"),
        status_port=resolution.port(instance, topology, POD, "metrics"),
        hosts=names,
        gateways=_addresses(instance, topology, GATEWAY),
        balancers=_addresses(instance, topology, BALANCER),
        live_pods=_addresses(instance, topology, topology.surface.websocket.component),
        paths=Paths(
            config=str(directory),
            data=str(directory / "run"),
            certificate=str(pair.certificate),
            certificate_key=str(pair.key),
        ),
        limits=_limits(topology),
        ciphers=topology.surface.tls.ciphers,
        admin_networks=(OURSELVES,),
        user=_worker_user(),
    )


def _addresses(instance: Instance, topology: Topology, component: str) -> tuple[Address, ...]:
    """Where the pods of a component listen, the first first."""
    pods = topology.component(component).pods
    return tuple(Address(LOOPBACK, resolution.port(instance, topology, pod, "http")) for pod in pods)


def _limits(topology: Topology) -> Limits:
    """What the model allows one address, and loopback's own numbers."""
    trusted = (OURSELVES,)
    for limit in topology.rate_limits:
        if limit.per == "ip" and limit.scope == "*":
            per_min = limit.count * 60 // limit.window_s
            return Limits(per_min=per_min, burst=limit.burst_per_s or Limits.burst, trusted=trusted)
    return Limits(trusted=trusted)


def _worker_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in WORKER_USERS if name in known)
