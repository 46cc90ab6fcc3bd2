"""Break the Redis Cluster and the queue: find who carries what, lose it, take protections away.

Between: drills.catalogue.redis and faults.processes (ends processes); faults.redis_files takes files away.
Shape: a Choose finds pods at the moment of the deed.
Invariant: settings changed for a sabotage are put back, or gone with the process that had them.
Units: *_s seconds.
Errors: NotReady while nobody answers for a slot; Mismatch when Redis refuses; TimedOut when it does not come about.
Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ (cluster-replica-no-failover).
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from redis.crc import key_slot

from audifi.drills.drill import Scene, Way
from audifi.drills.faults import processes
from audifi.drills.journey.stage import Stage
from audifi.drills.scars import Told, scarred
from audifi.local import resolution
from audifi.local.components import redis_cluster, redis_server
from audifi.local.waiting import NotReady, wait_for
from audifi.wire import channels

CLUSTER: Final = "redis-cluster"
QUEUE: Final = "redis-queue"
FINDS_WITHIN_S: Final = 30.0


async def primary(scene: Scene) -> Sequence[str]:
    """Who carries sessions, or who carries limits: everybody who is signed in needs both (a Choose)."""
    tag = scene.dice.choice((channels.SESSION_TAGS[0], channels.LIMIT_TAGS[0]))
    return (await owner(scene.stage, tag),)


async def owner(stage: Stage, tag: str, *, but: str = "") -> str:
    """The pod that answers for this tag's slot, other than `but`; waits for one."""
    slot = key_slot(tag.encode())

    async def found() -> str:
        for pod in stage.topology.component(CLUSTER).pods:
            if pod != but:
                with suppress(NotReady):
                    # A node that does not own the slot answers MOVED, which is NotReady.
                    await ask(stage, pod, "EXISTS", f"{{{tag}}}:drill")
                    role, *_ = await ask(stage, pod, "ROLE")
                    if role == "master":
                        return pod
        raise NotReady(f"no node answers for slot {slot}")

    return await wait_for(found, within_s=FINDS_WITHIN_S, saying=f"a primary of slot {slot}")


@asynccontextmanager
async def primary_lost(scene: Scene) -> AsyncGenerator[str]:
    """SIGKILL to a primary that the supervisor does not start again: only the cluster's failover saves us."""
    tag = scene.dice.choice((channels.SESSION_TAGS[0], channels.LIMIT_TAGS[0]))
    pod = await owner(scene.stage, tag)

    async def watched() -> None:
        await owner(scene.stage, tag, but=pod)
        scene.mark("failed_over")

    async with processes.lost(processes.pod(pod))(scene) as told:
        watching = asyncio.create_task(watched())
        try:
            yield f"{told}: the primary of {{{tag}}}"
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    await whole(scene.stage)


@asynccontextmanager
async def all_killed(scene: Scene) -> AsyncGenerator[str]:
    """SIGKILL to all six at once; the supervisor starts them again, or under sabotage nobody does."""
    end = processes.lost if scene.way is Way.SABOTAGE else processes.killed
    async with end(processes.every(CLUSTER))(scene) as told:
        yield told
    await whole(scene.stage)


@asynccontextmanager
async def nobody_takes_over(scene: Scene) -> AsyncGenerator[str]:
    """A sabotage: replicas do not stand for election."""
    async with _configured(scene, CLUSTER, "cluster-replica-no-failover", "yes", back="no"):
        yield "no replica takes over"


@asynccontextmanager
async def queue_forgets(scene: Scene) -> AsyncGenerator[str]:
    """A sabotage: the queue's primary writes nothing to its append-only file any more."""
    async with _configured(scene, QUEUE, "appendonly", "no", back="yes"):
        yield "the queue writes no append-only file"


async def whole(stage: Stage) -> None:
    """Wait until all slots are served and every replica is linked."""
    (form,) = redis_cluster.jobs(stage.instance, stage.topology)
    await wait_for(form.run, within_s=FINDS_WITHIN_S, saying="the Redis Cluster is whole", every_s=0.2)


async def ask(stage: Stage, pod: str, *question: str | int) -> Any:
    """The answer of one server."""
    component = pod.rpartition("-")[0]
    password = resolution.secret(stage.instance, stage.topology, f"{component}-password")
    return await redis_server.ask(stage.port(pod, "redis"), password, *question)


@asynccontextmanager
async def _configured(scene: Scene, component: str, name: str, value: str, *, back: str) -> AsyncGenerator[None]:
    pods = scene.stage.topology.component(component).pods
    told = {"component": component, "name": name, "value": back}
    async with scarred(scene.stage, f"{name} {value} in {component}", configure, **told):
        await configure(scene.stage, {**told, "value": value})
        found: list[dict[str, str]] = [await ask(scene.stage, pod, "CONFIG", "GET", name) for pod in pods]
        assert all(each[name] == value for each in found), f"{name} is {found}"
        yield


async def configure(stage: Stage, told: Told) -> None:
    """Set one setting in every server of a component that answers (an undo): one that starts reads its file."""
    for pod in stage.topology.component(str(told["component"])).pods:
        with suppress(NotReady):
            await ask(stage, pod, "CONFIG", "SET", str(told["name"]), str(told["value"]))
