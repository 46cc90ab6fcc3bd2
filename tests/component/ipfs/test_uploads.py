"""Large files go up in parts, from where they stopped, in little memory; the older API keeps its regions."""

import asyncio
import os
import secrets
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from tests.component.ipfs.world import HASTY, World

from audifi.clients.ipfs.client import Ipfs
from audifi.clients.ipfs.content import ContentError
from audifi.clients.ipfs.pinata_legacy import regions
from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio
MIB = 1 << 20
ONCE = {"pinata": 1, "pinning-service": 1}


def _large(path: Path, size_mib: int) -> Path:
    with path.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(MIB))
    return path


async def _wanted(world: World, ipfs: Ipfs, path: Path) -> str:
    content = await ipfs.shelf.add(path)
    async with world.database.transaction() as tx:
        await ipfs.pins.want(tx, content)
    return content.cid


async def test_a_hundred_megabytes_go_up_in_parts_and_in_little_memory(world: World, tmp_path: Path) -> None:
    ipfs = world.ipfs()
    source = await asyncio.to_thread(_large, tmp_path / "song.wav", 100)
    tracemalloc.start()
    try:
        cid = await _wanted(world, ipfs, source)
        await world.kept(ipfs, cid, within_s=60)
        peak_mib = tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()
    counts = await world.standins["pinata"].counts()
    assert counts["requests.PATCH /v3/files/{id}"] == 3, "50 MiB at a time"
    assert await world.remote(ipfs, cid) == ONCE
    assert peak_mib < 16, f"{peak_mib:.1f} MiB were held at once"


async def test_an_upload_goes_on_where_it_stopped(world: World, tmp_path: Path) -> None:
    """The keeper is stopped in the second part; the next one asks how much is there and sends the rest."""
    first, second = world.ipfs(), world.ipfs()
    cid = await _wanted(world, first, await asyncio.to_thread(_large, tmp_path / "song.wav", 95))
    await world.standins["pinata"].misbehave(slow_bytes_per_s=60 * MIB)
    turn = asyncio.create_task(first.keeper.turn())

    async def is_in_second_part() -> None:
        if (await world.standins["pinata"].counts()).get("requests.PATCH /v3/files/{id}", 0) < 2:
            raise NotReady("the second part has not begun")

    await wait_for(is_in_second_part, within_s=30, saying="the second part has begun")
    turn.cancel()
    await asyncio.gather(turn, return_exceptions=True)
    await world.heal()
    world.clock.advance(HASTY.lease_s + 1)
    await world.kept(second, cid, within_s=60)
    counts = await world.standins["pinata"].counts()
    assert "requests.POST /v3/files" not in counts, "nothing was begun anew"
    assert counts["requests.HEAD /v3/files/{id}"] == 1
    assert counts["requests.PATCH /v3/files/{id}"] == 1
    assert await world.remote(second, cid) == ONCE


async def test_a_slow_upload_is_no_silence(world: World) -> None:
    """It takes longer to send than we wait for an answer; the wait begins when it was sent."""
    ipfs = world.ipfs(replace(HASTY, read_s=1.0))
    await world.standins["pinata"].misbehave(slow_bytes_per_s=6 * MIB, only=["/v3/files"])
    content = await world.wanted(ipfs, secrets.token_bytes(15 * MIB))
    await ipfs.keeper.turn()
    assert (await world.pin(content.cid, "pinata")).state in ("pinned", "verified")
    assert (await world.standins["pinata"].counts())["requests.POST /v3/files"] == 1


async def test_a_cancelled_turn_leaves_no_task_and_loses_nothing(world: World) -> None:
    ipfs = world.ipfs()
    await world.standins["pinata"].misbehave(latency_ms=500)
    content = await world.wanted(ipfs)
    before = len(asyncio.all_tasks())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ipfs.keeper.turn(), 0.2)
    assert len(asyncio.all_tasks()) == before
    await world.heal()
    world.clock.advance(HASTY.lease_s + 1)
    await world.kept(ipfs, content.cid)


async def test_a_directory_is_pinned_as_one(world: World, tmp_path: Path) -> None:
    ipfs = world.ipfs()
    folder = tmp_path / "tokens"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.json").write_bytes(secrets.token_bytes(40))
    status = await ipfs.add(folder)
    assert (status.name, status.size_bytes) == ("tokens", 200)
    await world.kept(ipfs, status.cid)
    assert [each.cid async for each in ipfs.list()] == [status.cid]
    (folder / "more").mkdir()
    with pytest.raises(ContentError, match="only flat directories"):
        await ipfs.add(folder)


async def test_the_older_api_pins_with_regions(world: World) -> None:
    world.settings = replace(world.settings, pinata_legacy_regions=("FRA1:1", "NYC1:2"))
    ipfs = world.ipfs()
    content = await world.wanted(ipfs, secrets.token_bytes(2 * MIB + 3))
    assert content.profile == "kubo-v1-legacy"
    await world.kept(ipfs, content.cid)
    assert await world.remote(ipfs, content.cid) == ONCE
    assert not world.wrong((await ipfs.audit()).findings)
    counts = await world.standins["pinata"].counts()
    assert counts["requests.POST /pinning/pinFileToIPFS"] == 1


async def test_regions_are_read_strictly() -> None:
    assert regions(["FRA1:1"]) == [{"id": "FRA1", "desiredReplicationCount": 1}]
    for wrong in ("FRA1", "LON1:1", "NYC1:3", "NYC1:x"):
        with pytest.raises(ValueError, match="expected one of"):
            regions([wrong])
