"""The chains behind: blocks come, `finalized` follows, a restart keeps what was mined, the end is quick."""

import asyncio
import os
import signal

import pytest
from tests.component.standins.rpc.driver import CHAIN_IDS, Provider

from audifi.local import knobs, launch
from audifi.local.held import Held
from audifi.local.standins import anvil
from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("chain", sorted(CHAIN_IDS))
async def test_blocks_come_and_finality_follows(chain: str, alchemy: Provider) -> None:
    async def numbers() -> list[int]:
        tags = ("finalized", "safe", "latest")
        blocks = [await alchemy.node("eth_getBlockByNumber", tag, False, chain=chain) for tag in tags]
        found = [int(block["number"], 16) for block in blocks]
        if found[0] < 1:
            raise NotReady(f"finalized, safe, latest: {found}")
        return found

    finalized, safe, latest = await wait_for(numbers, within_s=20, saying="finality moves")
    assert finalized < safe <= latest <= finalized + 8


async def restarted(outside: Held, pod: str) -> None:
    async for event in launch.restart(outside.instance, pod):
        assert event["event"] != "failed", event


async def test_a_restart_keeps_what_was_mined(outside: Held, alchemy: Provider) -> None:
    tx = await alchemy.sent("base")
    before = await alchemy.node("eth_getTransactionReceipt", tx, chain="base")
    begun = asyncio.get_running_loop().time()
    await restarted(outside, "base-1")
    assert asyncio.get_running_loop().time() - begun < 8
    assert await alchemy.result("eth_getTransactionReceipt", tx, chain="base") == before
    assert await alchemy.height("base") >= int(before["blockNumber"], 16)


async def test_a_killed_chain_keeps_its_transactions_and_its_height(outside: Held, alchemy: Provider) -> None:
    tx = await alchemy.sent("polygon")
    receipt = await alchemy.node("eth_getTransactionReceipt", tx, chain="polygon")

    async def saved() -> None:
        state = (outside.instance.data("polygon-1") / "state.json").read_text()  # a file of ours
        if tx not in state:
            raise NotReady("not in the state yet")

    await wait_for(saved, within_s=10, saying="the transaction is saved")
    height = await alchemy.node_height("polygon")
    await killed(outside, "polygon-1")
    assert await alchemy.result("eth_getTransactionReceipt", tx, chain="polygon") == receipt

    async def as_high() -> None:
        if (found := await alchemy.node_height("polygon")) < height:
            raise NotReady(f"{found}, it was {height}")

    await wait_for(as_high, within_s=3, saying="the chain is as high as before")


async def test_whoever_stops_the_rhythm_mines_by_hand(alchemy: Provider) -> None:
    await alchemy.node("evm_setIntervalMining", 0, chain="base")
    tx = await alchemy.result("eth_sendRawTransaction", await alchemy.signed("base"), chain="base")
    await alchemy.mined(await alchemy.sent("polygon"), "polygon")  # another chain goes on meanwhile
    assert await alchemy.result("eth_getTransactionReceipt", tx, chain="base") is None
    await alchemy.node("evm_mine", chain="base")
    assert await alchemy.result("eth_getTransactionReceipt", tx, chain="base") is not None
    await alchemy.node("evm_setIntervalMining", anvil.OURS_S, chain="base")
    await alchemy.sent("base")


async def killed(outside: Held, pod: str) -> None:
    """Kill a pod's process and wait until its keeper has another one ready."""
    unit = (await outside.units())[pod]
    os.kill(unit["pid"], signal.SIGKILL)

    async def back() -> None:
        found = (await outside.units())[pod]
        if found["restarts"] <= unit["restarts"] or found["state"] != "ready":
            raise NotReady(f"{found['state']}, {found['detail']}")

    await wait_for(back, within_s=20, saying=f"{pod} is back")


async def test_a_provider_ends_at_once_although_requests_hang(outside: Held, alchemy: Provider) -> None:
    await alchemy.turn(hang=True)
    waiting = asyncio.create_task(alchemy.call("eth_chainId"))
    await wait_for(lambda: _in_flight(alchemy), within_s=5, saying="it hangs")
    begun = asyncio.get_running_loop().time()
    await restarted(outside, "alchemy-1")
    assert asyncio.get_running_loop().time() - begun < 5
    assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], Exception)
    assert await alchemy.result("eth_chainId") == "0x1", "a new process has no faults"


async def _in_flight(provider: Provider) -> None:
    if not (await knobs.counts(provider.control)).in_flight:
        raise NotReady("nothing in flight")


async def test_a_killed_provider_comes_back_on_its_ports(outside: Held, infura: Provider) -> None:
    await killed(outside, "infura-1")
    assert await infura.result("eth_chainId") == "0x1"


async def test_a_provider_whose_node_is_away_answers_like_a_proxy(outside: Held, infura: Provider) -> None:
    unit = (await outside.units())["base-1"]
    os.kill(unit["pid"], signal.SIGKILL)

    async def bad_gateway_then_back() -> None:
        answer = await infura.call("eth_chainId", chain="base")
        seen.add(answer.status)
        if answer.status != 200 or len(seen) == 1:
            raise NotReady(f"seen {seen}")

    seen: set[int] = set()
    await wait_for(bad_gateway_then_back, within_s=20, saying="502 while it is away, then 200", every_s=0.01)
    assert seen == {200, 502}
    assert (await infura.counted()).total(fault="node") >= 1
