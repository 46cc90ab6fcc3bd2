"""A broadcast ends with the transaction's hash whenever any node has it, and with the reason when none will.

Between: clients.chain.pool.broadcast and simulated mempools, in virtual time.
Source: outbound.md 2.4.
"""

import asyncio
from typing import Any

import msgspec
import pytest
from eth_utils.crypto import keccak
from tests.unit.chain.world import FACTS, Simulated, Truth, pause, run

from audifi.clients.chain import CallerError, Chain, ChainUnavailable, NonceUsed, PoolRejected
from audifi.clients.chain.pool.codec import Answer
from audifi.clients.chain.pool.endpoint import Endpoint
from audifi.clients.chain.pool.transport import Unreachable

RAW = b"\x02signed bytes"
HASH = "0x" + keccak(RAW).hex()
NONCE_LOW: dict[str, Any] = {"code": -32003, "message": "nonce too low"}
KNOWN: dict[str, Any] = {"code": -32000, "message": "already known"}
CHEAP: dict[str, Any] = {"code": -32000, "message": "transaction underpriced"}
POOR: dict[str, Any] = {"code": -32000, "message": "insufficient funds for gas * price + value"}
SEQUENCER: dict[str, Any] = {"code": -32000, "message": "sender is over rate limit"}


class Mempool(Simulated):
    """A provider that takes transactions, or says why not."""

    says: dict[str, Any] | None = None
    loses_answers: bool = False
    known: set[str]
    nonce: int = 0
    sent: int = 0

    async def post(self, body: bytes, *, is_heavy: bool = False) -> Answer:
        call: dict[str, Any] = msgspec.json.decode(body)
        method: str = call["method"]
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": call["id"]}
        if method not in ("eth_sendRawTransaction", "eth_getTransactionByHash", "eth_getTransactionCount"):
            return await super().post(body, is_heavy=is_heavy)
        spoiled = await self._spoiled([call])
        if spoiled is not None:
            return spoiled
        await pause(self.latency_s)
        match method:
            case "eth_getTransactionCount":
                return Answer(200, msgspec.json.encode(reply | {"result": hex(self.nonce)}))
            case "eth_getTransactionByHash":
                tx_hash: str = call["params"][0]
                found = {"hash": tx_hash, "blockNumber": None} if tx_hash in self.known else None
                return Answer(200, msgspec.json.encode(reply | {"result": found}))
            case _:
                return self._take(reply)

    def _take(self, reply: dict[str, Any]) -> Answer:
        self.sent += 1
        if self.says is not None:
            return Answer(200, msgspec.json.encode(reply | {"error": self.says}))
        self.known.add(HASH)
        if self.loses_answers:
            raise Unreachable("the connection broke", was_sent=True)
        return Answer(200, msgspec.json.encode(reply | {"result": HASH}))


def sent(says: list[dict[str, Any] | None], *, known: bool = False, faults: tuple[str, str] = ("", ""),
         loses: bool = False, deadline_s: float = 10.0) -> tuple[str, list[int]]:  # fmt: skip
    """Broadcast through two mempools that speak so; return the hash and how often each was sent to."""

    async def staged() -> tuple[str, list[int]]:
        truth = Truth()
        pools = [Mempool(truth, 0.01), Mempool(truth, 0.02)]
        known_to = {HASH} if known else set[str]()
        for pool, words in zip(pools, says, strict=True):
            pool.says, pool.known, pool.loses_answers = words, set(known_to), loses
        chain = Chain(FACTS, [Endpoint(name, pool) for name, pool in zip(("alchemy", "infura"), pools, strict=True)])
        running = asyncio.create_task(chain.run())
        try:
            await chain.head()
            for pool, fault in zip(pools, faults, strict=True):
                pool.set(fault)
            tx_hash = await chain.broadcast(RAW, deadline_s=deadline_s)
            await pause(1)  # the slower mempools get it too
            return tx_hash, [pool.sent for pool in pools]
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await chain.close()

    return run(staged())


def test_it_goes_to_every_healthy_endpoint() -> None:
    assert sent([None, None]) == (HASH, [1, 1])


@pytest.mark.parametrize("words", [[KNOWN, KNOWN], [NONCE_LOW, KNOWN], [CHEAP, None], [None, POOR], [NONCE_LOW, None]])
def test_one_that_has_it_is_enough(words: list[dict[str, Any] | None]) -> None:
    assert sent(words)[0] == HASH


def test_a_used_nonce_is_success_when_the_chain_knows_our_hash() -> None:
    assert sent([NONCE_LOW, NONCE_LOW], known=True)[0] == HASH


def test_a_lost_acknowledgement_ends_with_the_hash() -> None:
    assert sent([None, None], loses=True)[0] == HASH


@pytest.mark.parametrize("fault", ["kill", "hang", "429", "503", "garbage", "reset"])
def test_one_endpoint_may_fail(fault: str) -> None:
    assert sent([None, None], faults=(fault, ""))[0] == HASH


def test_another_transaction_with_the_nonce_is_told() -> None:
    with pytest.raises(NonceUsed):
        sent([NONCE_LOW, NONCE_LOW])


def test_a_mempools_refusal_is_told_when_all_refuse() -> None:
    with pytest.raises(PoolRejected) as told:
        sent([CHEAP, CHEAP])
    assert "underpriced" in told.value.reason


def test_the_chains_own_no_is_told() -> None:
    with pytest.raises(CallerError):
        sent([POOR, POOR])


def test_the_sequencer_is_not_pressed() -> None:
    with pytest.raises(ChainUnavailable) as told:
        sent([SEQUENCER, SEQUENCER])
    assert told.value.retry_after_s == 5


@pytest.mark.parametrize(("fault", "may_be_out"), [("hang", True), ("reset", True), ("kill", False)])
def test_no_answer_at_all_says_whether_it_may_be_out(fault: str, *, may_be_out: bool) -> None:
    with pytest.raises(ChainUnavailable) as told:
        sent([None, None], faults=(fault, fault), deadline_s=4.0)
    assert told.value.may_have_taken_effect is may_be_out


def test_the_greatest_pending_nonce_counts() -> None:
    async def staged() -> int:
        truth = Truth()
        pools = [Mempool(truth, 0.01), Mempool(truth, 0.02)]
        for pool, nonce in zip(pools, (4, 7), strict=True):
            pool.nonce, pool.known = nonce, set()
        chain = Chain(FACTS, [Endpoint(name, pool) for name, pool in zip(("alchemy", "infura"), pools, strict=True)])
        try:
            return await chain.pending_nonce("0x" + "ab" * 20)
        finally:
            await chain.close()

    assert run(staged()) == 7
