"""Append events to the queue as a relay does, and look at the end which of them are there.

Between: drills.catalogue.redis and the queue's Redis; the one workload that does not come through the public endpoints,
because its promise is about acknowledged events, and only a producer knows which were.
Shape: one errand, "write": an event to a stream of the drill's own, which no group reads, in one round trip with WAIT.
Units: attempts a second; *_s seconds.
Invariant: acknowledged means what kernel.queue means by it: the primary has it on disk and as many replicas as are
declared have it in memory. The stream is removed at the end.
Errors: an answer that does not come leaves open whether the event is there.
Source: kernel.queue.append; promise queue-no-loss.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from audifi.drills.drill import Scene
from audifi.drills.journey.stage import Stage
from audifi.drills.workloads.workload import Ask, Company, Errand
from audifi.local import resolution
from audifi.local.ports import LOOPBACK
from audifi.local.waiting import NotReady, wait_for
from audifi.wire.problems import Unavailable

PER_S: Final = 40.0
PRIMARY: Final = "redis-queue-1"
WAIT_MS: Final = 1000
ANSWERS_WITHIN_S: Final = 3.0
FOUND_WITHIN_S: Final = 30.0


@asynccontextmanager
async def events(scene: Scene) -> AsyncGenerator[Company]:
    """Producers at a fixed rate (a Workload)."""
    stage = scene.stage
    run = f"{stage.run}{scene.dice.getrandbits(32):08x}"
    stream = f"drill:{run}"
    client = _client(stage)
    replicas = stage.topology.stores.queue.wait_replicas

    def write(number: int) -> Ask:
        marker = f"{run}-{number}"

        async def make() -> str:
            await _append(client, stream, marker, replicas)
            return ""

        return Ask(key=stream, make=make, value=marker)

    try:
        yield Company(errands=(Errand(kind="write", per_s=PER_S, ask=write),), found=lambda: _found(client, stream))
    finally:
        await _removed(client, stream)
        await client.aclose()


async def _append(client: Any, stream: str, marker: str, replicas: int) -> None:
    pipeline = client.pipeline(transaction=False)
    pipeline.xadd(stream, {"event": marker})
    pipeline.execute_command("WAIT", replicas, WAIT_MS)
    try:
        _, have_it = await pipeline.execute()
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable(f"the queue does not answer: {error}", may_have_taken_effect=True) from error
    if int(have_it) < replicas:
        raise Unavailable(f"{have_it} of {replicas} replicas have it", may_have_taken_effect=True)


async def _found(client: Any, stream: str) -> Mapping[str, list[str]]:
    async def asked() -> list[str]:
        try:
            rows = await client.xrange(stream)
        except (RedisError, OSError) as error:
            raise NotReady(str(error)) from error
        return [values[b"event"].decode() for _, values in rows]

    return {stream: await wait_for(asked, within_s=FOUND_WITHIN_S, saying="the queue can be read")}


async def _removed(client: Any, stream: str) -> None:
    try:
        await asyncio.wait_for(client.delete(stream), ANSWERS_WITHIN_S)
    except (RedisError, OSError, TimeoutError):
        return  # a stream of markers that nobody reads is left


def _client(stage: Stage) -> Any:
    return Redis(
        host=LOOPBACK,
        port=stage.port(PRIMARY, "redis"),
        password=resolution.secret(stage.instance, stage.topology, "redis-queue-password"),
        socket_timeout=ANSWERS_WITHIN_S,
        socket_connect_timeout=ANSWERS_WITHIN_S,
    )
