"""content.wanted becomes pins, and content.pinned is said once, when the first provider's copy is verified."""

import asyncio
from uuid import uuid4

import pytest
from tests.component.worker.world import World, said

from audifi.services.worker import announcing
from audifi.wire.events.chain import ContentWanted

pytestmark = pytest.mark.asyncio


def wanted() -> ContentWanted:
    cid = "bafkrei" + uuid4().hex.translate(str.maketrans("0189", "wxyz")).ljust(52, "a")
    return ContentWanted(cid=cid, sha256="ab" * 32, size_bytes=3, car_bytes=99, profile="unixfs-v1-2025", name="x")


async def pin(world: World, cid: str, provider: str, state: str) -> None:
    async with world.parts.database.transaction() as tx:
        await tx.execute(
            "UPDATE pins SET state = $3, verified_at = now() WHERE cid = $1 AND provider = $2", cid, provider, state
        )


async def announced(world: World, cid: str) -> int:
    """Have three pods look at once; return how often it was said so far."""
    await asyncio.gather(*(announcing.announce(world.parts.database, world.clock) for _ in range(3)))
    return [event.data["cid"] for event in await world.events("content.pinned")].count(cid)


async def test_it_is_said_once_and_only_of_the_first_copy(world: World) -> None:
    content = wanted()
    await world.deliver(said(content))
    await pin(world, content.cid, "pinning-service", "verified")
    await pin(world, content.cid, "pinata", "pinned")
    assert await announced(world, content.cid) == 0, "taken is not verified"
    await pin(world, content.cid, "pinata", "verified")
    assert await announced(world, content.cid) == 1
    await pin(world, content.cid, "pinata", "lost")
    await pin(world, content.cid, "pinata", "verified")
    assert await announced(world, content.cid) == 1, "once"


async def test_who_wants_it_later_hears_of_it_too(world: World) -> None:
    content = wanted()
    await world.deliver(said(content))
    await pin(world, content.cid, "pinata", "verified")
    assert await announced(world, content.cid) == 1
    await world.deliver(said(content))
    assert await announced(world, content.cid) == 2
    rows = await world.parts.database.rows("SELECT provider FROM pins WHERE cid = $1", content.cid, primary=True)
    assert len(rows) == 2, "no further pins"
