"""Minted tokens are registered once at NFT.Storage, after their content is pinned, and looked after until preserved."""

import pytest
from tests.component.ipfs.world import World

from audifi.clients.ipfs import preserving
from audifi.clients.ipfs.client import Ipfs
from audifi.clients.ipfs.preserving import Token
from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio


async def _minted(world: World, cid: str, contract: str, count: int) -> None:
    async with world.database.transaction() as tx:
        for number in range(count):
            token = Token(chain_id=137, contract=contract, token_id=number, cid=cid)
            await preserving.want(tx, token, world.clock.now())


async def _preserved(world: World, ipfs: Ipfs, count: int) -> None:
    async def all_are() -> None:
        await ipfs.preserver.turn()
        world.clock.advance(3600)
        rows = await world.database.rows("SELECT state, last_error FROM preservations", primary=True)
        if [row["state"] for row in rows] != ["preserved"] * count:
            raise NotReady(str([dict(row) for row in rows]))

    await wait_for(all_are, within_s=30, saying="all tokens are preserved", every_s=0.3)


async def test_tokens_are_preserved_after_their_content_is_pinned(world: World) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs)
    await _minted(world, content.cid, "0x" + content.sha256[:40], 3)
    assert await ipfs.preserver.turn() == 0, "nothing is registered that could not be fetched"
    await world.kept(ipfs, content.cid)
    await _preserved(world, ipfs, 3)
    counts = await world.standins["nft-storage"].counts()
    assert counts["requests.POST /api/v1/collection/create_collection"] == 1
    assert counts["requests.POST /api/v1/collection/add_tokens"] == 1
    assert len((await world.status(ipfs, content.cid)).pins) == 2, "a preservation is no pin"


@pytest.mark.parametrize(
    "fault", [{"drop_after": 1.0}, {"refuse": {"status": 500}}, {"full": True}, {"drop_before": 0.5}], ids=str
)
async def test_a_fault_delays_a_preservation_and_doubles_nothing(world: World, fault: dict[str, object]) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs)
    await world.kept(ipfs, content.cid)
    contract = "0x" + content.sha256[:40]
    await _minted(world, content.cid, contract, 2)
    await world.standins["nft-storage"].misbehave(**fault)
    for _ in range(3):
        await ipfs.preserver.turn()
        world.clock.advance(1)
    await world.heal()
    await _preserved(world, ipfs, 2)
    collection = await ipfs.preservation.collection(137, contract)
    assert collection is not None
    assert sorted(await ipfs.preservation.tokens(collection)) == ["0", "1"]
