"""The saga of an offer: every step once, in order, whatever comes late, twice, or not at all."""

import gc
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4
from warnings import catch_warnings

import msgspec
import pytest
from tests.component.chain.crashing import BrokenOff
from tests.component.nft.offers.world import CHAIN, TERMS, Person, World, calls, wallet

from audifi.kernel.identity import Mfa
from audifi.services.nft import timers
from audifi.services.nft.sagas import offers
from audifi.wire.events.chain import ChainSettled
from audifi.wire.problems import Unavailable

pytestmark = pytest.mark.asyncio(loop_scope="session")

AWAITS_MAX = 500
DEPLOYED = ["deploy_master", "deploy_dividend", "link_dividend", "mint_reserve", "mint_reserve", "mint_reserve"]


async def fresh(world: World, **terms: Any) -> tuple[Person, str]:
    """An artist with a master that could be launched, on a chain that has its marketplace."""
    artist = await world.artist()
    master_id = await world.locked_master(artist, **terms)
    await with_market(world)
    await world.wanted()
    return artist, master_id


async def with_market(world: World) -> None:
    await world.execute(
        """INSERT INTO nft.markets (chain_id, address, deploy_tx, deploy_block) VALUES ($1, $2, '0x', 1)
           ON CONFLICT (chain_id) DO UPDATE SET address = excluded.address""",
        CHAIN,
        "0x" + "ee" * 20,
    )


async def live(world: World, **terms: Any) -> tuple[Person, str]:
    artist, master_id = await fresh(world, **terms)
    assert (await artist.launch(master_id)).status == 202
    await world.work(master_id)
    assert await world.status(master_id) == ("LISTED", "LIVE", None)
    return artist, master_id


async def test_the_first_launch_of_a_chain_goes_all_the_way(world: World) -> None:
    artist = await world.artist()
    master_id = await world.locked_master(artist)
    await world.execute("DELETE FROM nft.markets WHERE chain_id = $1", CHAIN)
    await world.wanted()
    answer = await artist.launch(master_id)
    assert (answer.status, answer.data["status"]) == (202, "LAUNCHING")
    assert await world.status(master_id) == ("LOCKED", "LAUNCHING", "MARKET")
    done = await world.work(master_id)
    assert done == ["deploy_market", *DEPLOYED, "open_sale"]
    assert await world.status(master_id) == ("LISTED", "LIVE", None)
    ipo = (await artist.get(f"/masters/{master_id}/ipo")).data
    assert ipo["contractAddress"] != ipo["dividendAddress"] is not None
    assert ipo["actualStart"] is not None
    watched = await world.rows("SELECT address, contract FROM nft.chain_watches WHERE chain_id = $1", CHAIN)
    named = {row["address"]: row["contract"] for row in watched}
    assert (named[ipo["contractAddress"]], named[ipo["dividendAddress"]]) == ("Master", "Dividend")
    assert "Market" in named.values()
    [minted] = await world.told("master.minted", master_id)
    assert (minted["contract"], minted["dividendContract"]) == (ipo["contractAddress"], ipo["dividendAddress"])
    [launched] = await world.told("ipo.launched", master_id)
    assert (launched["publicSupply"], launched["artistWallet"]) == (100, ipo["artistWallet"])


async def test_what_is_deployed_says_what_was_promised(world: World) -> None:
    artist, master_id = await fresh(world)
    await artist.launch(master_id)
    await world.metadata_pinned(master_id)
    [asked] = await world.wanted()
    command = msgspec.to_builtins(asked.command)
    [row] = await world.rows("SELECT metadata_cid FROM nft.masters WHERE id = $1", master_id)
    assert command == {
        "call": "deploy_master", "masterId": master_id, "name": "Midnight Pulse", "symbol": "MIDNIGHT",
        "artist": command["artist"], "maxSupply": 1000, "artistReserve": 900,
        "mintPriceWei": TERMS["priceWei"], "baseUri": f"ipfs://{row['metadata_cid']}#",
    }  # fmt: skip
    await world.parts.shelf.verify(row["metadata_cid"])
    await world.settle([asked])
    await world.settle(await world.wanted())
    await world.settle(await world.wanted())
    reserve = [msgspec.to_builtins(each.command) for each in await world.wanted()]
    assert [(each["firstId"], each["lastId"]) for each in reserve] == [(101, 500), (501, 900), (901, 1000)]
    assert {each["to"] for each in reserve} == {command["artist"]}


async def test_nothing_is_deployed_before_its_document_is_pinned(world: World) -> None:
    artist, master_id = await fresh(world)
    await artist.launch(master_id)
    assert await world.status(master_id) == ("LOCKED", "LAUNCHING", "METADATA")
    assert await world.wanted() == []
    await world.metadata_pinned(master_id)
    assert calls(await world.wanted()) == ["deploy_master"]


async def die_everywhere(step: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Break a delivery off at its first await, its second, …, and let it end at last; return how many there were."""
    for awaits in range(1, AWAITS_MAX):
        broken = BrokenOff(step(), at=awaits)
        with suppress(Unavailable, TimeoutError):  # a death costs a connection: a slow machine runs out of them
            await broken.run()
            if not broken.reached:
                return awaits
    raise AssertionError(f"not done after {AWAITS_MAX} awaits")


async def test_a_pod_that_dies_at_any_await_of_any_step_loses_and_doubles_nothing(world: World) -> None:
    artist, master_id = await fresh(world, artistReserve=401, totalShares=501)
    assert (await artist.launch(master_id)).status == 202
    done = list[str]()
    walked = await die_everywhere(partial(world.metadata_pinned, master_id))
    while asked := await world.wanted():
        done += calls(asked)
        for each in asked:
            walked += await die_everywhere(partial(world.deliver, world.settled(each)))
    assert done == ["deploy_master", "deploy_dividend", "link_dividend", "mint_reserve", "mint_reserve", "open_sale"]
    assert await world.status(master_id) == ("LISTED", "LIVE", None)
    assert len(await world.told("ipo.launched", master_id)) == 1
    assert walked > 100, "the walk is shorter than the path"
    with catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # each death left a connection behind, which must not be counted against another test


async def test_an_earlier_launchs_command_does_not_touch_a_later_one(world: World) -> None:
    artist, master_id = await fresh(world)
    await artist.launch(master_id)
    await world.metadata_pinned(master_id)
    [first] = await world.wanted()
    await world.settle([first], "FAILED", "out of gas")
    await artist.launch(master_id)
    [second] = await world.wanted()
    for state in ("UNDONE", "FAILED", "UNDONE", "CONFIRMED"):  # a reorg, and another
        await world.settle([first], state, "out of gas")
        assert await world.status(master_id) == ("LOCKED", "LAUNCHING", "MASTER")
    assert await world.wanted() == []
    await world.settle([second])
    assert (await world.status(master_id))[2] == "DIVIDEND"


async def test_an_answer_that_comes_again_or_late_changes_nothing(world: World) -> None:
    artist, master_id = await fresh(world)
    await artist.launch(master_id)
    await world.metadata_pinned(master_id)
    history = list[Any]()
    while asked := await world.wanted():
        said = [world.settled(each, state) for each in asked for state in ("CONFIRMED", "UNDONE", "CONFIRMED", "FINAL")]
        # The same contract comes again after a reorg: an address follows from sender and nonce.
        for each in said:
            each.contract = said[0].contract
            await world.deliver(each)
        history += said
    before = await world.rows("SELECT * FROM nft.commands WHERE master_id = $1 ORDER BY key", master_id)
    for each in history:
        await world.deliver(each)
    assert await world.rows("SELECT * FROM nft.commands WHERE master_id = $1 ORDER BY key", master_id) == before
    assert await world.wanted() == []
    assert len(await world.told("ipo.launched", master_id)) == 1
    assert await world.status(master_id) == ("LISTED", "LIVE", None)


@pytest.mark.parametrize("state", ["REFUSED", "FAILED"])
async def test_a_failure_before_anything_is_deployed_leads_back_to_draft(world: World, state: str) -> None:
    artist, master_id = await fresh(world)
    await artist.launch(master_id)
    await world.metadata_pinned(master_id)
    asked = await world.wanted()
    await world.settle(asked, state, "execution reverted: ZeroPrice")
    assert await world.status(master_id) == ("LOCKED", "DRAFT", None)
    ipo = (await artist.get(f"/masters/{master_id}/ipo")).data
    assert "ZeroPrice" in ipo["launchError"]
    assert (await artist.put(f"/masters/{master_id}/ipo", {"priceWei": "9"})).status == 200
    assert (await artist.launch(master_id)).status == 202
    again = await world.work(master_id)
    assert again == [*DEPLOYED, "open_sale"]
    keys = await world.rows("SELECT key FROM nft.commands WHERE master_id = $1 AND step = 'MASTER'", master_id)
    assert len(keys) == 2, "a key stands for one command for ever"


async def test_a_marketplace_that_fails_sends_every_launch_back_and_is_asked_again(world: World) -> None:
    first, second = await world.artist(), await world.artist()
    masters = [await world.locked_master(each) for each in (first, second)]
    await world.execute("DELETE FROM nft.markets WHERE chain_id = $1", CHAIN)
    await world.wanted()
    for artist, master_id in zip((first, second), masters, strict=True):
        await artist.launch(master_id)
    asked = await world.wanted()
    assert calls(asked) == ["deploy_market"]
    await world.settle(asked, "REFUSED", "insufficient funds")
    assert [await world.status(each) for each in masters] == [("LOCKED", "DRAFT", None)] * 2
    await first.launch(masters[0])
    again = await world.wanted()
    assert calls(again) == ["deploy_market"]
    assert again[0].key != asked[0].key
    await world.settle(again)
    assert (await world.status(masters[0]))[2] == "METADATA"


async def test_a_failure_after_a_deployment_is_tried_again_later(world: World) -> None:
    artist, master_id = await fresh(world)
    await artist.launch(master_id)
    await world.metadata_pinned(master_id)
    await world.settle(await world.wanted())
    asked = await world.wanted()
    assert calls(asked) == ["deploy_dividend"]
    await world.settle(asked, "FAILED", "out of gas")
    assert await world.status(master_id) == ("LOCKED", "LAUNCHING", "DIVIDEND")
    assert await world.wanted() == []
    await timers.tick(world.parts)
    assert await world.wanted() == [], "not yet"
    world.clock.advance(11)
    await timers.tick(world.parts)
    again = await world.wanted()
    assert calls(again) == ["deploy_dividend"]
    assert again[0].key != asked[0].key
    await timers.tick(world.parts)
    assert await world.wanted() == []
    await world.settle(again)
    await world.work(master_id)
    assert await world.status(master_id) == ("LISTED", "LIVE", None)


async def test_one_chunk_of_the_reserve_that_fails_is_asked_again_alone(world: World) -> None:
    artist, master_id = await fresh(world)
    await artist.launch(master_id)
    await world.metadata_pinned(master_id)
    for _ in range(3):
        await world.settle(await world.wanted())
    first, second, third = await world.wanted()
    await world.settle([second], "FAILED", "out of gas")
    await world.settle([first, third])
    assert await world.wanted() == []
    world.clock.advance(11)
    await timers.tick(world.parts)
    [again] = await world.wanted()
    assert again.command == second.command
    await world.settle([again])
    assert (await world.status(master_id))[1:] == ("SCHEDULED", "OPEN")


async def test_minting_alone_leaves_the_sale_closed(world: World) -> None:
    artist, master_id = await fresh(world)
    answer = await artist.post(f"/masters/{master_id}/mint", key="m")
    assert answer.status == 202
    assert answer.data["jobId"] == (await artist.get(f"/masters/{master_id}/ipo")).data["id"]
    assert await world.work(master_id) == DEPLOYED
    await timers.tick(world.parts)
    assert await world.wanted() == []
    assert await world.status(master_id) == ("MINTED", "SCHEDULED", None)
    assert (await artist.post(f"/masters/{master_id}/mint", key="n")).code == "INVALID_STATE"
    assert (await artist.launch(master_id)).status == 202
    assert calls(await world.wanted()) == ["open_sale"]


async def test_a_sale_opens_at_its_time_and_ends_at_its_time(world: World) -> None:
    starts = world.clock.now() + timedelta(hours=1)
    times = {"startsAt": starts.isoformat(), "endsAt": (starts + timedelta(hours=1)).isoformat()}
    artist, master_id = await fresh(world, **times)
    await artist.launch(master_id)
    assert await world.work(master_id) == DEPLOYED
    await timers.tick(world.parts)
    assert await world.wanted() == []
    world.clock.advance(hours=1, seconds=1)
    await timers.tick(world.parts)
    asked = await world.wanted()
    assert calls(asked) == ["open_sale"]
    await world.settle(asked)
    assert await world.status(master_id) == ("LISTED", "LIVE", None)
    world.clock.advance(hours=1)
    await timers.tick(world.parts)
    assert calls(await world.wanted()) == ["close_sale"]


@pytest.mark.parametrize(("sold", "master_status"), [(3, "SOLD"), (0, "MINTED")])
async def test_closing_waits_for_reservations_and_for_the_chain(world: World, sold: int, master_status: str) -> None:
    artist, master_id = await live(world)
    await world.execute(
        "UPDATE nft.ipos SET shares_sold = $2, shares_reserved = 2 WHERE master_id = $1", master_id, sold
    )
    answer = await artist.post(f"/masters/{master_id}/ipo/close", key="c")
    assert (answer.status, answer.data["isEnding"]) == (202, True)
    assert await world.wanted() == []
    await world.execute("UPDATE nft.ipos SET shares_reserved = 0 WHERE master_id = $1", master_id)
    world.clock.advance(2)
    await timers.tick(world.parts)
    asked = await world.wanted()
    assert calls(asked) == ["close_sale"]
    said = world.settled(asked[0])
    assert said.block_number is not None
    await world.mirror_up_to(said.block_number - 1)
    await world.deliver(said)
    assert await world.status(master_id) == ("LISTED", "LIVE", "MIRROR")
    await world.mirror_up_to(said.block_number)
    world.clock.advance(2)
    await timers.tick(world.parts)
    assert await world.status(master_id) == (master_status, "CLOSED", None)
    [closed] = await world.told("ipo.closed", master_id)
    assert closed["sharesSold"] == sold
    assert (await artist.post(f"/masters/{master_id}/ipo/close", key="d")).code == "INVALID_STATE"


async def test_a_sale_that_sells_out_while_it_ends_stays_sold_out(world: World) -> None:
    artist, master_id = await live(world)
    await world.execute("UPDATE nft.ipos SET shares_reserved = 2 WHERE master_id = $1", master_id)
    await artist.post(f"/masters/{master_id}/ipo/close", key="c")
    await world.execute("UPDATE nft.ipos SET status = 'SOLD_OUT', shares_reserved = 0 WHERE master_id = $1", master_id)
    world.clock.advance(2)
    await timers.tick(world.parts)
    assert (await world.status(master_id))[1:] == ("SOLD_OUT", None)
    assert await world.wanted() == []


async def test_a_sale_that_a_reorg_opens_again_ends_as_it_was_to(world: World) -> None:
    ends = world.clock.now() + timedelta(hours=1)
    artist, master_id = await live(world, endsAt=ends.isoformat())
    await world.execute("UPDATE nft.ipos SET status = 'SOLD_OUT', due_at = now() WHERE master_id = $1", master_id)
    await timers.tick(world.parts)
    reopened = "UPDATE nft.ipos SET status = 'LIVE', due_at = $2 WHERE master_id = $1"
    await world.execute(reopened, master_id, world.clock.now())
    await timers.tick(world.parts)
    assert (await world.status(master_id), await world.wanted()) == (("LISTED", "LIVE", None), [])
    [row] = await world.rows("SELECT due_at FROM nft.ipos WHERE master_id = $1", master_id)
    assert row["due_at"] == ends
    await artist.post(f"/masters/{master_id}/ipo/close", key="c")
    assert calls(await world.wanted()) == ["close_sale"]
    await world.execute(
        "UPDATE nft.ipos SET status = 'SOLD_OUT', due_at = $2 WHERE master_id = $1", master_id, world.clock.now()
    )
    await timers.tick(world.parts)
    await world.execute(reopened, master_id, world.clock.now())
    await timers.tick(world.parts)
    assert await world.status(master_id) == ("LISTED", "LIVE", "CLOSE")


async def test_what_is_over_is_not_launched(world: World) -> None:
    artist, master_id = await fresh(world, endsAt=(world.clock.now() + timedelta(hours=1)).isoformat())
    await artist.post(f"/masters/{master_id}/mint", key="m")
    await world.work(master_id)
    world.clock.advance(hours=1)
    assert (await artist.launch(master_id)).code == "INVALID_STATE"


async def test_only_what_is_untouched_is_cancelled(world: World) -> None:
    artist, master_id = await live(world)
    await world.execute("UPDATE nft.ipos SET shares_reserved = 1 WHERE master_id = $1", master_id)
    path = f"/masters/{master_id}/ipo/cancel"
    assert (await artist.post(path, key="a")).code == "INVALID_STATE"
    await world.execute("UPDATE nft.ipos SET shares_reserved = 0 WHERE master_id = $1", master_id)
    assert (await artist.post(path, key="b")).status == 202
    [asked] = await world.wanted()
    said = world.settled(asked)
    await world.deliver(said)
    await world.mirror_up_to(said.block_number or 0)
    world.clock.advance(2)
    await timers.tick(world.parts)
    assert await world.status(master_id) == ("MINTED", "CANCELLED", None)
    assert len(await world.told("ipo.cancelled", master_id)) == 1


async def test_a_draft_is_cancelled_at_once_and_may_be_drawn_up_again(world: World) -> None:
    artist, master_id = await fresh(world)
    assert (await artist.post(f"/masters/{master_id}/ipo/cancel")).data["status"] == "CANCELLED"
    assert await world.wanted() == []
    assert (await artist.launch(master_id)).code == "INVALID_STATE"
    assert (await artist.post(f"/masters/{master_id}/ipo", TERMS)).data["status"] == "DRAFT"


async def test_what_is_deployed_and_cancelled_never_opens(world: World) -> None:
    artist, master_id = await fresh(world)
    await artist.post(f"/masters/{master_id}/mint", key="m")
    await world.work(master_id)
    assert (await artist.post(f"/masters/{master_id}/ipo/cancel")).data["status"] == "CANCELLED"
    asked = await world.wanted()
    assert calls(asked) == ["close_sale"]
    await world.settle(asked)
    await timers.tick(world.parts)
    assert await world.status(master_id) == ("MINTED", "CANCELLED", None)
    assert (await artist.post(f"/masters/{master_id}/ipo", TERMS)).code in ("CONFLICT", "INVALID_STATE")


async def test_a_launch_needs_everything_first(world: World) -> None:
    artist, master_id = await fresh(world)

    async def refused() -> str:
        answer = await artist.launch(master_id)
        assert answer.status >= 400
        return answer.code

    await world.execute("UPDATE nft.masters SET rights_confirmed_at = NULL WHERE id = $1", master_id)
    assert await refused() == "INVALID_STATE"
    await world.execute("UPDATE nft.masters SET rights_confirmed_at = now(), status = 'DRAFT' WHERE id = $1", master_id)
    assert await refused() == "INVALID_STATE"
    await world.execute("UPDATE nft.masters SET status = 'LOCKED' WHERE id = $1", master_id)
    unpinned = "UPDATE nft.contents c SET pinned_at = $2 FROM nft.masters m WHERE m.id = $1 AND c.cid = m.audio_cid"
    await world.execute(unpinned, master_id, None)
    assert await refused() == "INVALID_STATE"
    await world.execute(unpinned, master_id, world.clock.now())
    world.neighbours.missing[artist.user_id] = [{"policyType": "RIGHTS_DECLARATION", "policyVersion": "2"}]
    assert await refused() == "NOT_ELIGIBLE"
    del world.neighbours.missing[artist.user_id]
    world.neighbours.wallets[artist.user_id] = []
    assert await refused() == "NOT_ELIGIBLE"
    world.neighbours.wallets[artist.user_id] = [wallet("0x" + "ab" * 20, enabled_in=timedelta(days=30))]
    assert await refused() == "NOT_ELIGIBLE"
    del world.neighbours.wallets[artist.user_id]
    world.neighbours.plans[artist.user_id] = {"masters": 1, "iposPerMonth": 0}
    assert await refused() == "PLAN_LIMIT_REACHED"
    del world.neighbours.plans[artist.user_id]
    world.neighbours.is_away = True
    try:
        assert await refused() == "SERVICE_UNAVAILABLE"
    finally:
        world.neighbours.is_away = False
    assert await world.wanted() == []
    assert (await artist.launch(master_id)).status == 202


@pytest.mark.parametrize("verb", ["mint", "ipo/launch", "ipo/cancel", "ipo/close"])
async def test_money_actions_need_the_artist_a_factor_and_a_key(world: World, verb: str) -> None:
    artist, master_id = await fresh(world)
    path = f"/masters/{master_id}/{verb}"
    assert (await world.guest().post(path, key="k")).status == 401
    assert (await (await world.person()).post(path, key="k")).code == "FORBIDDEN"
    assert (await (await world.artist()).post(path, key="k")).code == "FORBIDDEN"
    for mfa in (Mfa.NONE, Mfa.ENROLLED):
        assert (await (await world.artist(mfa=mfa)).post(path, key="k")).code == "MFA_REQUIRED"
    if verb in ("mint", "ipo/launch"):
        assert "Idempotency-Key" in (await artist.post(path)).details


async def test_a_key_launches_once(world: World) -> None:
    artist, master_id = await fresh(world)
    path = f"/masters/{master_id}/ipo/launch"
    answers = [await artist.post(path, key="same") for _ in range(3)]
    assert {answer.body for answer in answers} == {answers[0].body}
    assert (await artist.launch(master_id)).code == "INVALID_STATE"
    deeds = [each["action"] for each in await world.told("audit.recorded", answers[0].data["id"])]
    assert deeds.count("ipo.launch_asked") == 1


async def test_two_pods_look_at_the_same_time_and_one_acts(world: World) -> None:
    artist, master_id = await fresh(world)
    await artist.post(f"/masters/{master_id}/mint", key="m")
    await world.work(master_id)
    await world.execute(
        "UPDATE nft.ipos SET launch_asked_at = now(), due_at = now() - interval '1 s' WHERE master_id = $1", master_id
    )
    async with world.parts.database.transaction() as one, world.parts.database.transaction() as other:
        await offers.look(one, world.parts, master_id)
        await offers.look(other, world.parts, master_id)
    assert calls(await world.wanted()) == ["open_sale"]


async def test_a_settled_command_of_nobody_is_ignored(world: World) -> None:
    _, master_id = await fresh(world)
    await world.deliver(ChainSettled(key=f"coin:{uuid4()}:deploy", chain_id=CHAIN, state="FINAL"))
    assert await world.status(master_id) == ("LOCKED", "DRAFT", None)
