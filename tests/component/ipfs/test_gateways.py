"""Content is read through gateways nobody trusts: wrong bytes are seen, and another gateway answers."""

import asyncio
import secrets
from pathlib import Path

import pytest
from tests.component.ipfs.world import World

from audifi.clients.ipfs import car
from audifi.clients.ipfs.cids import Cid
from audifi.clients.ipfs.client import Ipfs
from audifi.clients.ipfs.errors import NotRetrievable, WrongBytes
from audifi.clients.ipfs.gateways import TooLarge

pytestmark = pytest.mark.asyncio


async def _published(world: World, ipfs: Ipfs, data: bytes) -> Cid:
    content = await world.wanted(ipfs, data)
    await world.kept(ipfs, content.cid)
    return Cid.parse(content.cid)


def _file(path: Path, root: Cid) -> bytes:
    return b"".join(car.file_bytes(path, root, car.verified(path, root)))


async def test_a_file_is_fetched_whole_and_proved(world: World, tmp_path: Path) -> None:
    ipfs = world.ipfs()
    data = secrets.token_bytes(5 * (1 << 20) + 3)
    root = await _published(world, ipfs, data)
    await ipfs.gateways.fetch(root, tmp_path / "a.car")
    assert _file(tmp_path / "a.car", root) == data


@pytest.mark.parametrize(
    "fault",
    [
        {"wrong_bytes": 1.0},
        {"refuse": {"status": 503}},
        {"drop_before": 1.0},
        {"refuse": {"status": 404}},
        {"wrong_bytes": 0.3},
        {"latency_ms": 400},
    ],
    ids=str,
)
async def test_another_gateway_makes_up_for_the_first(world: World, tmp_path: Path, fault: dict[str, object]) -> None:
    ipfs = world.ipfs()
    data = secrets.token_bytes(3 * (1 << 20) + 1)
    root = await _published(world, ipfs, data)
    await world.standins["pinata"].misbehave(**fault)
    await ipfs.gateways.fetch(root, tmp_path / "a.car")
    assert _file(tmp_path / "a.car", root) == data


async def test_a_gateway_that_hangs_costs_a_hedge_and_no_more(world: World) -> None:
    ipfs = world.ipfs()
    root = await _published(world, ipfs, b"hedged" + secrets.token_bytes(50))
    await world.standins["pinata"].misbehave(hang=True)
    block = await ipfs.gateways.block(root)
    assert root.names(block.data)
    counts = await world.standins["pinning-service"].counts()
    assert counts["requests.GET /ipfs/{cid}"] >= 1


async def test_a_gateway_that_hangs_is_not_asked_for_every_block(world: World, tmp_path: Path) -> None:
    ipfs = world.ipfs()
    root = await _published(world, ipfs, secrets.token_bytes(12 * (1 << 20)))
    await world.standins["pinata"].misbehave(hang=True)
    started = asyncio.get_running_loop().time()
    await ipfs.gateways.fetch(root, tmp_path / "a.car")
    assert asyncio.get_running_loop().time() - started < 3
    for _ in range(8):
        await ipfs.gateways.block(root)
    assert ipfs.providers[0].gateway.is_shut, "its silence was charged"


async def test_a_file_is_read_from_disk_or_gateways(world: World, tmp_path: Path) -> None:
    ipfs = world.ipfs()
    data = secrets.token_bytes((1 << 20) + 77)
    root = await _published(world, ipfs, data)
    for _ in range(2):
        assert await ipfs.retrieve(str(root), tmp_path / "song", size_max=4 << 20) == len(data)
        assert (tmp_path / "song").read_bytes() == data
        ipfs.shelf.drop(str(root))
    with pytest.raises(TooLarge):
        await ipfs.retrieve(str(root), tmp_path / "other", size_max=1 << 20)
    assert not (tmp_path / "other").exists()


async def test_one_lie_shuts_a_gateway(world: World) -> None:
    ipfs = world.ipfs()
    root = await _published(world, ipfs, secrets.token_bytes(70))
    gateway = ipfs.providers[0].gateway
    await world.standins["pinata"].misbehave(wrong_bytes=1.0)
    with pytest.raises(WrongBytes, match="another hash"):
        await gateway.block(root)
    assert gateway.is_shut
    await world.standins["pinata"].heal()
    before = (await world.standins["pinata"].counts()).get("requests.GET /ipfs/{cid}", 0)
    assert root.names((await ipfs.gateways.block(root)).data)
    assert (await world.standins["pinata"].counts()).get("requests.GET /ipfs/{cid}", 0) == before


async def test_what_nobody_has_is_not_retrievable(world: World, tmp_path: Path) -> None:
    ipfs = world.ipfs()
    with pytest.raises(NotRetrievable, match="no gateway has"):
        await ipfs.gateways.fetch(Cid.of(secrets.token_bytes(20)), tmp_path / "a.car")


async def test_no_more_is_fetched_than_was_asked_for(world: World, tmp_path: Path) -> None:
    ipfs = world.ipfs()
    root = await _published(world, ipfs, secrets.token_bytes(3 * (1 << 20)))
    with pytest.raises(TooLarge):
        await ipfs.gateways.fetch(root, tmp_path / "a.car", size_max=2 << 20)
    assert (tmp_path / "a.car").stat().st_size <= 2 << 20
