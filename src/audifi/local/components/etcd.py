"""Run etcd: it holds PostgreSQL's leader lease, which the cluster's API server does in production.

Between: topology (one pod) and components.postgres (Patroni's store of record).
Invariant: loopback only and without TLS or passwords: whoever may open its port is on this machine already. It
holds no data of users.
Units: times in ms.
Errors: NotReady while it has no leader.
Source: etcd 3.4 configuration flags, https://etcd.io/docs/v3.4/op-guide/configuration/
"""

from functools import partial

from audifi.local.binaries import binary
from audifi.local.components import JobSpec, PodSpec
from audifi.local.ports import LOOPBACK
from audifi.local.probes import http_json
from audifi.local.resolution import ports
from audifi.local.state import Instance
from audifi.local.waiting import NotReady
from audifi.topology.model.whole import Topology


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    names = topology.component("etcd").pods
    numbers = {name: ports(instance, topology, name, "client", "peer") for name in names}
    cluster = ",".join(f"{name}=http://{LOOPBACK}:{numbers[name]['peer']}" for name in names)
    return tuple(_pod(instance, name, numbers[name], cluster) for name in names)


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:  # noqa: ARG001  # every runner has it
    return ()


def _pod(instance: Instance, name: str, numbers: dict[str, int], cluster: str) -> PodSpec:
    client, peer = (f"http://{LOOPBACK}:{numbers[port]}" for port in ("client", "peer"))
    options = {
        "name": name,
        "data-dir": str(instance.data(name) / "etcd"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": cluster,
        "initial-cluster-state": "new",  # ignored once there is data
        "auto-compaction-retention": "1",  # hours: Patroni writes every second
        "logger": "zap",
        "log-level": "warn",
    }
    return PodSpec(
        name=name,
        component="etcd",
        argv=(str(binary("etcd")), *(f"--{option}={value}" for option, value in options.items())),
        ports=numbers,
        ready=partial(_has_leader, numbers["client"]),
    )


async def _has_leader(port: int) -> str:
    # {"health":"true"} ; "false" while there is no leader
    health = await http_json(port, "/health")
    if health.get("health") != "true":
        raise NotReady(f"no leader yet: {health}")
    return "has a leader"
