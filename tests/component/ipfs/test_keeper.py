"""Wanted content ends at both providers, once each and proved, whatever they do on the way."""

import asyncio
import contextlib
import secrets
from typing import Any

import pytest
from tests.component.ipfs.world import HASTY, World

from audifi.clients.ipfs.policy import Standing

pytestmark = pytest.mark.asyncio
ONCE = {"pinata": 1, "pinning-service": 1}


async def test_content_is_pinned_twice_and_proved(world: World) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs)
    before = await world.status(ipfs, content.cid)
    assert (before.standing, before.is_mintable) == (Standing.UNPINNED, False)
    await world.kept(ipfs, content.cid)
    after = await world.status(ipfs, content.cid)
    assert (after.standing, after.is_mintable) == (Standing.PINNED, True)
    assert await world.remote(ipfs, content.cid) == ONCE
    assert await ipfs.keeper.turn() == 0, "nothing is due again before the next proof"


async def test_a_tree_of_many_blocks_is_proved_by_its_leaves(world: World) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs, secrets.token_bytes(3 * (1 << 20) + 5))
    await world.kept(ipfs, content.cid)
    assert await world.remote(ipfs, content.cid) == ONCE


async def test_a_promise_rolled_back_pins_nothing(world: World) -> None:
    ipfs = world.ipfs()
    content = await ipfs.shelf.add(secrets.token_bytes(50))
    with contextlib.suppress(ZeroDivisionError):
        async with world.database.transaction() as tx:
            await ipfs.pins.want(tx, content)
            raise ZeroDivisionError
    assert await ipfs.keeper.turn() == 0


async def test_wanting_the_same_bytes_twice_is_one_content(world: World) -> None:
    ipfs = world.ipfs()
    data = secrets.token_bytes(500)
    first, second = await world.wanted(ipfs, data), await world.wanted(ipfs, data)
    assert first == second
    await world.kept(ipfs, first.cid)
    assert await world.remote(ipfs, first.cid) == ONCE


FAULTS: list[tuple[str, str, dict[str, Any]]] = [
    (provider, name, fault)
    for provider in ("pinata", "pinning-service")
    for name, fault in {
        "refuses with 500": {"refuse": {"status": 500}},
        "refuses half of all": {"refuse": {"status": 503, "rate": 0.5}},
        "says the token is wrong": {"refuse": {"status": 401}},
        "asks to slow down": {"refuse": {"status": 429, "headers": {"Retry-After": "1"}}},
        "is slow": {"latency_ms": 300},
        "hangs": {"hang": True},
        "cuts connections before": {"drop_before": 0.5},
        "cuts connections after it did it": {"drop_after": 1.0},
        "loses what it accepted": {"lose_pin": 1.0},
        "serves wrong bytes": {"wrong_bytes": 1.0},
        "is full": {"full": True},
    }.items()
]


@pytest.mark.parametrize(("provider", "name", "fault"), FAULTS, ids=[f"{each[0]} {each[1]}" for each in FAULTS])
async def test_a_fault_ends_with_both_copies_proved(
    world: World, provider: str, name: str, fault: dict[str, Any]
) -> None:
    """While it lasts the state says so; when it heals nobody has to help."""
    ipfs = world.ipfs()
    await world.standins[provider].misbehave(**fault)
    content = await world.wanted(ipfs)
    for _ in range(4):
        await ipfs.keeper.turn()
    during = await world.status(ipfs, content.cid)
    if name in {"refuses with 500", "says the token is wrong", "hangs", "serves wrong bytes", "is full"}:
        assert during.standing is not Standing.PINNED
        assert not during.is_mintable or (provider == "pinning-service" and name == "serves wrong bytes")
    await world.standins[provider].heal()
    if name == "loses what it accepted":
        world.clock.advance(HASTY.verify_soon_s)  # what was lost after its proof is seen at the second look
    await world.kept(ipfs, content.cid)
    assert await world.remote(ipfs, content.cid) == ONCE


async def test_another_name_for_our_bytes_is_a_dead_letter_that_repair_mends(world: World) -> None:
    ipfs = world.ipfs()
    await world.standins["pinata"].misbehave(wrong_cid=1.0)
    content = await world.wanted(ipfs)
    await world.kept(ipfs, content.cid, states="failed wanted")
    assert (await world.remote(ipfs, content.cid))["pinata"] == 0, "its copy was deleted"
    assert "calls" in ((await world.pin(content.cid, "pinata")).last_error or "")
    await world.standins["pinata"].heal()
    report = await ipfs.repair()
    assert not world.wrong(report.left)
    assert await world.remote(ipfs, content.cid) == ONCE


async def test_two_pods_at_once_pin_everything_once(world: World) -> None:
    one, other = world.ipfs(), world.ipfs()
    contents = [await world.wanted(one) for _ in range(12)]
    loops = [asyncio.create_task(ipfs.keeper.work()) for ipfs in (one, other)]
    try:
        for content in contents:
            await world.kept(one, content.cid)
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
    for content in contents:
        assert await world.remote(one, content.cid) == ONCE
    counts = await world.standins["pinata"].counts()
    assert counts["requests.POST /v3/files"] == len(contents)


async def test_a_lost_pin_is_found_and_pinned_anew(world: World) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs)
    await world.kept(ipfs, content.cid)
    for standin in world.standins.values():
        await standin.misbehave(lose_pin=[content.cid])
    world.clock.advance(HASTY.verify_every_s)
    await ipfs.keeper.turn()
    status = await world.status(ipfs, content.cid)
    assert [pin.state for pin in status.pins] == ["lost", "lost"]
    assert status.standing is Standing.UNPINNED
    await world.kept(ipfs, content.cid)
    assert await world.remote(ipfs, content.cid) == ONCE


async def test_a_copy_the_other_provider_cannot_fetch_is_looked_at(world: World) -> None:
    """The first copy is lost right after its proof: the second provider's vain search makes the keeper look."""
    ipfs = world.ipfs()
    await world.standins["pinning-service"].misbehave(stuck_queue=True)
    content = await world.wanted(ipfs)
    await world.kept(ipfs, content.cid, states="verified uploading")
    await world.standins["pinata"].misbehave(lose_pin=[content.cid])
    await world.standins["pinning-service"].heal()
    await world.kept(ipfs, content.cid)
    assert await world.remote(ipfs, content.cid) == ONCE


async def test_surplus_copies_of_overtaken_keepers_are_given_up(world: World) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs)
    await world.kept(ipfs, content.cid)
    service = ipfs.providers[1]
    await service.pin(content)
    world.clock.advance(HASTY.verify_every_s)
    await world.kept(ipfs, content.cid)
    assert await world.remote(ipfs, content.cid) == ONCE


async def test_a_provider_that_is_down_costs_no_attempts(world: World) -> None:
    """Its breaker opens; the pins wait for it without being counted down to a dead letter."""
    ipfs = world.ipfs()
    await world.standins["pinata"].misbehave(refuse={"status": 503})
    contents = [await world.wanted(ipfs) for _ in range(6)]
    for _ in range(30):
        await ipfs.keeper.turn()
    for content in contents:
        pin = await world.pin(content.cid, "pinata")
        assert pin.state == "wanted"
        assert pin.attempts < HASTY.attempts_max
    counts = await world.standins["pinata"].counts()
    assert sum(count for name, count in counts.items() if name.startswith("requests.")) <= 20
    await world.standins["pinata"].heal()
    for content in contents:
        await world.kept(ipfs, content.cid)
