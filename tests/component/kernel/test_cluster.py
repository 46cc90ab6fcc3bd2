"""A pod that is late itself does not call its Redis dead."""

import asyncio
import time

import pytest

from audifi.kernel.cluster import CONNECT_S, Cluster
from audifi.local.held import Held

pytestmark = pytest.mark.asyncio


def _hold_the_loop(for_s: float) -> None:
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        pass


async def test_a_loop_held_up_at_every_turn_of_connecting_still_connects(stores: Held) -> None:
    told = stores.environment("vstudio-service-1")
    cluster = Cluster(told["REDIS_NODES"].split(","), told["REDIS_PASSWORD"])
    try:
        answer = asyncio.create_task(cluster.execute("{late}", "PING"))
        for _ in range(3):
            await asyncio.sleep(0)
            _hold_the_loop(CONNECT_S * 1.2)
        assert await answer == b"PONG"
    finally:
        await cluster.close()
