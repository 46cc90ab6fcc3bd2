"""Run the queue's Redis: apart from the cluster, every write on disk before it is acknowledged, with a replica.

Between: topology.stores.queue and the kernel's queue.
Shape: pod 1 is the primary, pod 2 its replica.
Invariant: `appendfsync always` and `noeviction`: an acknowledged event is not lost by a crash. The primary does
not start with less than its replica has: it would make the replica the same. So without its file, or with one that is
damaged inside, it waits for a person (`audifi restore queue`), and events wait in the outboxes.
Units: none.
Errors: NotReady until the replica is linked; LocalError from `prepare` when files are lost or damaged.
Source: architecture.md 6.4; https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from audifi.local.components import JobSpec, PodSpec
from audifi.local.components.redis_server import answers, ask, command, write_settings
from audifi.local.errors import LocalError
from audifi.local.ports import LOOPBACK
from audifi.local.recovery.redis import aof
from audifi.local.resolution import accepted, port, ports, secret
from audifi.local.state import Instance
from audifi.local.waiting import NotReady
from audifi.topology.model.whole import Topology

NAME: Final = "redis-queue"


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    primary, *replicas = topology.component(NAME).pods
    password = partial(secret, instance, topology, f"{NAME}-password")  # asked each time: it may be replaced

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
    primary, *replicas = topology.component(NAME).pods
    if name == primary:
        _check_files(instance, primary, replicas)
    more: dict[str, str | int] = {"appendfsync": declared.append_fsync, "maxmemory-policy": declared.eviction}
    if name != primary:
        more["replica-announce-ip"] = LOOPBACK
    write_settings(
        settings,
        port=port(instance, topology, name, "redis"),
        passwords=accepted(instance, topology, f"{NAME}-password"),
        directory=instance.data(name),
        more=more,
    )
    if name != primary:  # two words, which must not be quoted as one
        with settings.open("a") as file:
            file.write(f"replicaof {LOOPBACK} {port(instance, topology, primary, 'redis')}\n")


def _check_files(instance: Instance, primary: str, replicas: Sequence[str]) -> None:
    if aof.judged(instance.data(primary)).exists:
        return
    with_files = [pod for pod in replicas if (instance.data(pod) / aof.FOLDER / aof.MANIFEST).exists()]
    if with_files:
        raise LocalError(
            f"{primary} has lost its append-only file in {instance.data(primary)}, and would make {with_files[0]} as "
            "empty as itself: ./audifi restore queue --in-place"
        )


async def _is_linked(number: int, password: Callable[[], str]) -> str:
    role, *rest = await ask(number, password(), "ROLE")
    if role != "slave" or rest[2] != "connected":
        raise NotReady(f"{role}, not linked to its primary yet")
    return "replica, linked"
