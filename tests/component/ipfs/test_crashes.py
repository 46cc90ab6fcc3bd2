"""A keeper whose process ends at any await loses nothing and pins nothing twice.

Shape: a worker process ends the k-th time that any of its tasks hands control back, for every STRIDE-th k until one
gets through untouched; then a keeper that knows nothing but the database takes over when the lease is over.
"""

import asyncio
import multiprocessing
import secrets
from multiprocessing.context import ForkServerContext

import pytest
from tests.component.ipfs.dying import DIED, PATIENT, die
from tests.component.ipfs.world import TABLES, World

pytestmark = pytest.mark.asyncio
ONCE = {"pinata": 1, "pinning-service": 1}
STRIDE = 5  # from a random start, so that runs together walk every await (about 120)


def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["audifi.clients.ipfs.client", "audifi.services.worker.settings"])
    return context


async def test_a_keeper_may_die_at_every_await(world: World) -> None:
    forks = _forks()
    points = 0
    first = secrets.randbelow(STRIDE) + 1
    for at in range(first, 2000, STRIDE):
        survivor = world.ipfs(PATIENT)
        content = await world.wanted(survivor)
        worker = forks.Process(
            target=die, args=(world.environment, str(world.directory), world.clock.ahead.total_seconds(), at)
        )
        worker.start()
        await asyncio.to_thread(worker.join, 30)
        assert worker.exitcode in (0, DIED), f"await {at}: exit code {worker.exitcode}"
        has_died = worker.exitcode == DIED
        worker.close()
        world.clock.advance(PATIENT.lease_s + 1)
        await world.kept(survivor, content.cid)
        assert await world.remote(survivor, content.cid) == ONCE, f"died at await {at}"
        if not has_died:
            break
        points += 1
        async with world.database.transaction() as tx:
            await tx.execute(f"TRUNCATE {', '.join(TABLES)}")
    assert points > 12, "the walk ended before it began: is the work still counted?"
