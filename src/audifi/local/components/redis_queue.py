"""Run the queue's Redis: apart from the cluster, every write on disk before it is acknowledged, with a replica.

Between: topology.stores.queue and the kernel's queue.
Shape: pod 1 is the primary, pod 2 its replica.
Invariant: `appendfsync always` and `noeviction`: an event that was acknowledged is not lost by a crash.
Units: none.
Errors: NotReady until the replica is linked.
Source: architecture.md 6.4; https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
"""

from functools import partial
from pathlib import Path
from typing import Final

from audifi.local.components import JobSpec, PodSpec
from audifi.local.components.redis_server import answers, ask, command, write_settings
from audifi.local.ports import LOOPBACK
from audifi.local.resolution import port, ports, secret
from audifi.local.state import Instance
from audifi.local.waiting import NotReady
from audifi.topology.model.whole import Topology

NAME: Final = "redis-queue"


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    primary, *replicas = topology.component(NAME).pods
    password = secret(instance, topology, f"{NAME}-password")

    def pod(name: str) -> PodSpec:
        settings = instance.config(name) / "redis.conf"
        numbers = ports(instance, topology, name, "redis")
        is_primary = name == primary
        asked = partial(answers if is_primary else _is_linked, numbers["redis"], password)
        return PodSpec(
            name=name,
            component=NAME,
            argv=command(settings),
            ports=numbers,
            after=() if is_primary else (primary,),
            prepare=partial(_prepare, instance, topology, name, settings),
            ready=asked,
        )

    return tuple(pod(name) for name in (primary, *replicas))


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:  # noqa: ARG001  # every runner has it
    return ()


def _prepare(instance: Instance, topology: Topology, name: str, settings: Path) -> None:
    declared = topology.stores.queue
    primary = topology.component(NAME).pods[0]
    more: dict[str, str | int] = {"appendfsync": declared.append_fsync, "maxmemory-policy": declared.eviction}
    if name != primary:
        more["replica-announce-ip"] = LOOPBACK
    write_settings(
        settings,
        port=port(instance, topology, name, "redis"),
        password=secret(instance, topology, f"{NAME}-password"),
        directory=instance.data(name),
        more=more,
    )
    if name != primary:  # two words, which must not be quoted as one
        with settings.open("a") as file:
            file.write(f"replicaof {LOOPBACK} {port(instance, topology, primary, 'redis')}\n")


async def _is_linked(number: int, password: str) -> str:
    role, *rest = await ask(number, password, "ROLE")
    if role != "slave" or rest[2] != "connected":
        raise NotReady(f"{role}, not linked to its primary yet")
    return "replica, linked"
