"""A provider that is behind, or on another history, contradicts the chain and never itself."""

import asyncio
import itertools

import pytest
from tests.component.standins.rpc.driver import NOBODY, SENDER, Provider

from audifi.local import knobs
from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio
LAG = 5


async def at_least(provider: Provider, height: int) -> None:
    async def grown() -> None:
        if (found := await provider.node_height()) < height:
            raise NotReady(f"height {found}")

    if await provider.node_height() < height:
        await provider.node("anvil_mine", hex(height))
    await wait_for(grown, within_s=10, saying=f"the chain is {height} high")


async def test_the_head_is_so_many_blocks_lower(alchemy: Provider) -> None:
    await at_least(alchemy, 20)
    await alchemy.turn(lag_blocks=LAG)
    before = await alchemy.node_height()
    seen = await alchemy.height()
    after = await alchemy.node_height()
    assert before - LAG <= seen <= after - LAG
    for tag in ("latest", "pending"):
        block = await alchemy.result("eth_getBlockByNumber", tag, False)
        assert before - LAG <= int(block["number"], 16) <= await alchemy.node_height() - LAG
    finalized = await alchemy.result("eth_getBlockByNumber", "finalized", False)
    assert int(finalized["number"], 16) < seen


async def test_blocks_beyond_the_view_are_not_there(alchemy: Provider) -> None:
    await at_least(alchemy, 20)
    newest = await alchemy.node("eth_getBlockByNumber", "latest", False)
    await alchemy.turn(lag_blocks=LAG)
    assert await alchemy.result("eth_getBlockByNumber", newest["number"], False) is None
    assert await alchemy.result("eth_getBlockByHash", newest["hash"], False) is None
    assert await alchemy.result("eth_getBlockReceipts", newest["number"]) is None
    error = (await alchemy.call("eth_getBalance", SENDER.address, newest["number"])).error
    assert error == {"code": -32000, "message": "header not found"}
    by_hash = {"blockHash": newest["hash"]}
    assert (await alchemy.call("eth_call", {"to": NOBODY}, by_hash)).error["message"] == "header not found"


async def test_a_transaction_beyond_the_view_is_pending(alchemy: Provider) -> None:
    await at_least(alchemy, 20)
    tx = await alchemy.sent()
    mined = int((await alchemy.node("eth_getTransactionReceipt", tx))["blockNumber"], 16)
    await alchemy.turn(lag_blocks=LAG)
    assert await alchemy.result("eth_getTransactionReceipt", tx) is None
    pending = await alchemy.result("eth_getTransactionByHash", tx)
    assert (pending["blockNumber"], pending["blockHash"]) == (None, None)

    async def caught_up() -> str:
        receipt = await alchemy.result("eth_getTransactionReceipt", tx)
        if receipt is None:
            raise NotReady("no receipt yet")
        return str(receipt["blockNumber"])

    assert int(await wait_for(caught_up, within_s=15, saying="the view reaches it"), 16) == mined
    assert await alchemy.height() >= mined


async def test_state_is_that_of_the_older_block(alchemy: Provider) -> None:
    await at_least(alchemy, 20)
    await alchemy.sent()
    count = int(await alchemy.node("eth_getTransactionCount", SENDER.address, "latest"), 16)
    await alchemy.turn(lag_blocks=LAG)
    for tag in ("latest", "pending"):
        assert int(await alchemy.result("eth_getTransactionCount", SENDER.address, tag), 16) < count


async def test_logs_end_at_the_view(alchemy: Provider) -> None:
    await at_least(alchemy, 20)
    # PUSH1 0 PUSH1 0 LOG0 as the code that creates a contract: one log in its block.
    fields = {"from": SENDER.address, "data": "0x60006000a000", "gas": "0x30000"}
    tx = await alchemy.mined(await alchemy.node("eth_sendTransaction", fields))
    block = (await alchemy.node("eth_getTransactionReceipt", tx))["blockNumber"]
    wanted = {"fromBlock": block, "toBlock": "latest"}
    assert len(await alchemy.result("eth_getLogs", wanted)) == 1
    await alchemy.turn(lag_blocks=LAG)
    assert await alchemy.result("eth_getLogs", wanted) == []
    assert await alchemy.result("eth_getLogs", {"fromBlock": "0x0", "toBlock": block}) == [
        log
        for log in await alchemy.node("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})
        if int(log["blockNumber"], 16) <= await alchemy.height()
    ]


async def test_another_history_agrees_with_itself(alchemy: Provider, infura: Provider) -> None:
    await at_least(alchemy, 20)
    depth = 4
    await alchemy.turn(fork_depth=depth)
    head = await alchemy.height()
    blocks = {
        number: await alchemy.result("eth_getBlockByNumber", hex(number), False)
        for number in range(head - depth - 3, head + 1)
    }
    truth = {number: await infura.result("eth_getBlockByNumber", hex(number), False) for number in blocks}
    forked = [number for number in blocks if blocks[number]["hash"] != truth[number]["hash"]]
    assert forked == list(range(min(forked), head + 1))
    assert depth <= len(forked) <= depth + 2  # it may have grown meanwhile
    for number in range(head - depth - 2, head + 1):
        assert blocks[number]["parentHash"] == blocks[number - 1]["hash"]
    for number, block in blocks.items():
        assert await alchemy.result("eth_getBlockByHash", block["hash"], False) == block
        other = await alchemy.result("eth_getBlockByHash", truth[number]["hash"], False)
        assert other == (None if number in forked else block)
        assert (await infura.result("eth_getBlockByHash", block["hash"], False) is None) == (number in forked)


async def test_receipts_and_state_know_only_the_other_history(alchemy: Provider) -> None:
    await at_least(alchemy, 20)
    await alchemy.turn(fork_depth=2)
    tx = await alchemy.sent()
    receipt, found, truth = await asyncio.gather(
        alchemy.result("eth_getTransactionReceipt", tx),
        alchemy.result("eth_getTransactionByHash", tx),
        alchemy.node("eth_getTransactionReceipt", tx),
    )
    assert receipt["blockHash"] == found["blockHash"] != truth["blockHash"]
    block = await alchemy.result("eth_getBlockByHash", receipt["blockHash"], True)
    assert [each["blockHash"] for each in block["transactions"]] == [receipt["blockHash"]]
    address = SENDER.address
    assert "error" not in (await alchemy.call("eth_getBalance", address, {"blockHash": receipt["blockHash"]})).json
    error = (await alchemy.call("eth_getBalance", address, {"blockHash": truth["blockHash"]})).error
    assert error["message"] == "header not found"
    assert (await alchemy.call("eth_getLogs", {"blockHash": truth["blockHash"]})).error["message"] == "unknown block"
    finalized = await alchemy.result("eth_getBlockByNumber", "finalized", False)
    assert finalized == await alchemy.node("eth_getBlockByNumber", finalized["number"], False)
    await knobs.clear_faults(alchemy.control)
    assert await alchemy.result("eth_getTransactionReceipt", tx) == truth


async def test_what_no_view_can_read_the_node_refuses(alchemy: Provider) -> None:
    await alchemy.turn(lag_blocks=LAG, fork_depth=2)
    for named in ("nonsense", [1], {"blockHash": 5}):
        assert "error" in (await alchemy.call("eth_getBlockByNumber", named, False)).json
    assert "error" in (await alchemy.call("eth_getLogs", {"fromBlock": "x"})).json


async def test_a_stuck_head_stays_while_the_chain_goes_on(alchemy: Provider) -> None:
    await alchemy.turn(stuck=True)
    stuck = await alchemy.height()
    await at_least(alchemy, stuck + 3)
    assert await alchemy.height() == stuck
    assert int((await alchemy.result("eth_getBlockByNumber", "latest", False))["number"], 16) == stuck
    assert await alchemy.result("eth_getBlockByNumber", hex(stuck + 1), False) is None
    assert (await alchemy.counted()).total(fault="stuck") == 4


async def test_one_late_node_among_several_makes_heads_run_backwards(alchemy: Provider) -> None:
    """As behind the balancer of a real provider: go-ethereum issue 27353."""
    await at_least(alchemy, 20)
    await alchemy.turn(lag_blocks=LAG, share=0.5, seed=1)
    heights = [await alchemy.height() for _ in range(20)]
    assert any(later < earlier for earlier, later in itertools.pairwise(heights))
