"""An audit finds what is wrong and changes nothing; a repair mends it and never gives up the last copy."""

import secrets
from dataclasses import replace

import pytest
from tests.component.ipfs.world import HASTY, World

from audifi.clients.ipfs.audit import Fault
from audifi.clients.ipfs.policy import Standing

pytestmark = pytest.mark.asyncio
ONCE = {"pinata": 1, "pinning-service": 1}


async def test_an_audit_of_what_is_well_is_clean(world: World) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs)
    await world.kept(ipfs, content.cid)
    told: list[str] = []
    report = await ipfs.audit(told.append)
    assert not world.wrong(report.findings)
    assert report.is_clean
    assert (report.contents, report.pins, report.proved) == (1, 2, 2)
    assert report.standing == {"pinned": 1, "degraded": 0, "unpinned": 0}
    assert told


@pytest.mark.parametrize("provider", ["pinata", "pinning-service"])
@pytest.mark.parametrize(
    ("knob", "fault"),
    [("lose_pin", Fault.MISSING), ("lose_blocks", Fault.NOT_SERVED), ("wrong_bytes", Fault.WRONG_BYTES)],
)
async def test_a_spoilt_copy_is_found_and_mended(world: World, provider: str, knob: str, fault: Fault) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs, secrets.token_bytes((1 << 20) + 99))
    await world.kept(ipfs, content.cid)
    await world.standins[provider].misbehave(**{knob: [content.cid]})
    report = await ipfs.audit()
    assert [(each.provider, each.cid, each.fault) for each in world.wrong(report.findings)] == [
        (provider, content.cid, fault)
    ]
    assert (await world.status(ipfs, content.cid)).standing is Standing.PINNED, "an audit changes nothing"
    await world.standins[provider].heal()
    if knob == "wrong_bytes":
        return  # it has healed itself: there is nothing left to mend
    repaired = await ipfs.repair()
    assert not world.wrong(repaired.left)
    assert repaired.mended >= 1
    assert await world.remote(ipfs, content.cid) == ONCE


async def test_content_gone_from_our_disk_comes_back_from_the_other_provider(world: World) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs, secrets.token_bytes(2 * (1 << 20) + 7))
    await world.kept(ipfs, content.cid)
    ipfs.shelf.drop(content.cid)
    await world.standins["pinata"].misbehave(lose_pin=[content.cid])
    repaired = await ipfs.repair()
    assert not world.wrong(repaired.left)
    assert await world.remote(ipfs, content.cid) == ONCE
    assert len(await ipfs.shelf.verify(content.cid)) == 4


async def test_what_nobody_has_is_called_lost(world: World) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs)
    await world.kept(ipfs, content.cid)
    ipfs.shelf.drop(content.cid)
    for standin in world.standins.values():
        await standin.misbehave(lose_pin=[content.cid])
    repaired = await ipfs.repair()
    assert {(each.provider, each.fault) for each in repaired.left if each.cid == content.cid} >= {
        ("pinata", Fault.LOST),
        ("pinning-service", Fault.LOST),
    }


async def test_dead_letters_are_tried_again(world: World) -> None:
    """A provider that is full long enough is given up, clearly; a repair starts over."""
    ipfs = world.ipfs(replace(HASTY, attempts_max=2))
    for standin in world.standins.values():
        await standin.misbehave(full=True)
    content = await world.wanted(ipfs)
    await world.kept(ipfs, content.cid, states="failed wanted")
    status = await world.status(ipfs, content.cid)
    assert (status.standing, status.is_mintable) == (Standing.UNPINNED, False)
    assert "plan is used up" in (status.pins[0].last_error or "")
    await world.heal()
    repaired = await ipfs.repair()
    assert not world.wrong(repaired.left)
    assert (await world.status(ipfs, content.cid)).is_mintable


async def test_a_provider_that_is_away_is_a_finding(world: World) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs)
    await world.kept(ipfs, content.cid)
    await world.standins["pinning-service"].misbehave(refuse={"status": 503})
    report = await ipfs.audit()
    assert [(each.provider, each.fault) for each in world.wrong(report.findings)] == [("pinning-service", Fault.AWAY)]


async def test_pins_nobody_wants_are_named_and_kept(world: World) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs)
    await world.kept(ipfs, content.cid)
    async with world.database.transaction() as tx:
        await tx.execute("TRUNCATE contents, pins, preservations")
    report = await ipfs.repair()
    extra = {(each.provider, each.cid) for each in report.left if each.fault is Fault.EXTRA}
    assert {("pinata", content.cid), ("pinning-service", content.cid)} <= extra
    assert await world.remote(ipfs, content.cid) == ONCE


async def test_a_double_pin_is_found_and_one_is_given_up(world: World) -> None:
    ipfs = world.ipfs()
    content = await world.wanted(ipfs)
    await world.kept(ipfs, content.cid)
    await ipfs.providers[1].pin(content)
    report = await ipfs.audit()
    assert [(each.provider, each.fault) for each in world.wrong(report.findings)] == [("pinning-service", Fault.DOUBLE)]
    assert not world.wrong((await ipfs.repair()).left)
    assert await world.remote(ipfs, content.cid) == ONCE


async def test_a_list_is_read_to_its_end_page_by_page(world: World) -> None:
    ipfs = world.ipfs(replace(HASTY, page=2))
    contents = [await world.wanted(ipfs) for _ in range(7)]
    for content in contents:
        await world.kept(ipfs, content.cid)
    for provider in ipfs.providers:
        found: list[str] = []
        token: str | None = None
        while True:
            page = await provider.page(token)
            found += [str(pin.cid) for pin in page.pins]
            token = page.next_token
            if token is None:
                break
        assert {content.cid for content in contents} <= set(found)
    assert not world.wrong((await ipfs.audit()).findings)
