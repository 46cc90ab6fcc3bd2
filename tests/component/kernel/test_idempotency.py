"""Keyed requests against the real table: one effect, one answer, a crash frees the key."""

import asyncio
import hashlib

import pytest

from audifi.kernel import idempotency
from audifi.kernel.database import Database
from audifi.kernel.idempotency import Claim, Stored
from audifi.wire.problems import Conflict, IdempotencyKeyReused, RequestInProgress

pytestmark = pytest.mark.asyncio

SCOPE = hashlib.sha256(b"scope").digest()
SAME, OTHER = b"same request", b"other request"


async def claimed(database: Database) -> Claim:
    held = await idempotency.claim(database, scope=SCOPE, request_hash=SAME, deadline_s=30)
    assert isinstance(held, Claim)
    return held


async def test_the_second_request_gets_the_first_ones_answer(database: Database) -> None:
    held = await claimed(database)
    with pytest.raises(RequestInProgress):
        await claimed(database)
    await idempotency.finish(database, held, status=201, reply=b"made")
    stored = await idempotency.claim(database, scope=SCOPE, request_hash=SAME, deadline_s=30)
    assert stored == Stored(201, b"made")
    with pytest.raises(IdempotencyKeyReused):
        await idempotency.claim(database, scope=SCOPE, request_hash=OTHER, deadline_s=30)


async def test_of_many_at_once_one_runs(database: Database) -> None:
    results = await asyncio.gather(*(claimed(database) for _ in range(50)), return_exceptions=True)
    assert sum(isinstance(result, Claim) for result in results) == 1
    assert all(isinstance(result, Claim | RequestInProgress) for result in results)


async def test_an_outage_gives_the_key_up_and_a_refusal_does_not(database: Database) -> None:
    held = await claimed(database)
    await idempotency.finish(database, held, status=503, reply=b"")
    held = await claimed(database)
    await idempotency.finish(database, held, status=409, reply=b"no")
    assert await idempotency.claim(database, scope=SCOPE, request_hash=SAME, deadline_s=30) == Stored(409, b"no")


async def test_after_a_crash_another_takes_over_and_the_dead_one_cannot_settle(database: Database) -> None:
    dead = await claimed(database)
    async with database.transaction() as tx:
        await tx.execute("UPDATE idempotency_keys SET lease_until = now() - interval '1 s'")
    heir = await claimed(database)
    with pytest.raises(Conflict):  # noqa: PT012  # it must pass through the transaction
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO things (id, name) VALUES (1, 'effect of the dead')")
            await dead.settle(tx, 201, b"late")
    async with database.transaction() as tx:
        await heir.settle(tx, 201, b"right")
    assert await idempotency.claim(database, scope=SCOPE, request_hash=SAME, deadline_s=30) == Stored(201, b"right")
    row = await database.row("SELECT count(*) AS effects FROM things", primary=True)
    assert row is not None
    assert row["effects"] == 0
