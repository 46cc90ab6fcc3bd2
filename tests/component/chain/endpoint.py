"""Ask one development chain directly, with faults of our choosing: the smallest thing that is a WritableChain.

Between: tests of transactions and followers (they are about what is written down, not about choosing providers, which
the pool's own tests and `test_writing_through_providers.py` cover) and anvil's JSON-RPC.
Why not the pool here: everything awaited runs in the caller's task, so that a walk over all awaits misses none.
Shape: `faults` are taken one by one by the next broadcasts; `development` calls are anvil's own (evm_mine …).
Errors: as the pool's.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import aiohttp
from eth_utils.crypto import keccak

from audifi.clients.chain.errors import CallerError, ChainUnavailable, NonceUsed, PoolRejected, RangeTooLarge
from audifi.clients.chain.pool import verdicts
from audifi.clients.chain.pool.verdicts import Verdict
from audifi.wire.chains import ChainFacts

FACTS = ChainFacts(
    chain_id=1, name="ethereum", block_time_s=1, lag_blocks_max=2, act_confirmations=2, final_confirmations=3
)


class Fault(Enum):
    """What happens to a broadcast."""

    LOST = "never arrives"
    LOST_ACKNOWLEDGEMENT = "arrives, and nobody hears of it"
    POOL_FULL = "txpool is full"
    UNDERPRICED = "transaction underpriced"
    NEVER = "invalid transaction: some rule of this chain"


@dataclass(frozen=True)
class Head:
    number: int


class Endpoint:
    """One anvil."""

    def __init__(self, session: aiohttp.ClientSession, url: str, facts: ChainFacts = FACTS) -> None:
        self.facts = facts
        self.faults: deque[Fault] = deque()
        self.is_down = False
        self.range_max: int | None = None
        self.sent: list[str] = []  # raw transactions that arrived
        self._session = session
        self._url = url

    async def call(self, method: str, params: Sequence[Any] = (), *, deadline_s: float = 5.0) -> Any:
        answer = await self._ask(method, params, deadline_s)
        if "error" in answer:
            judged = verdicts.judge(200, answer["error"], is_write=False)
            kind = {Verdict.CALLER: CallerError, Verdict.TOO_LARGE: RangeTooLarge}.get(judged.verdict)
            if kind is None:
                raise ChainUnavailable(judged.message)
            raise kind(judged.code, judged.message, judged.data)
        return answer["result"]

    async def call_many(self, calls: Sequence[tuple[str, Sequence[Any]]], *, deadline_s: float = 5.0) -> list[Any]:
        return [await self.call(method, params, deadline_s=deadline_s) for method, params in calls]

    async def head(self) -> Head:
        return Head(int(await self.call("eth_blockNumber"), 16))

    async def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        return await self.call("eth_getTransactionReceipt", [tx_hash])

    async def pending_nonce(self, address: str) -> int:
        return int(await self.call("eth_getTransactionCount", [address, "pending"]), 16)

    async def broadcast(self, raw: bytes, *, deadline_s: float = 10.0) -> str:
        fault = self.faults.popleft() if self.faults else None
        if fault is Fault.LOST:
            raise ChainUnavailable("it never arrived", may_have_taken_effect=True)
        if fault in (Fault.POOL_FULL, Fault.UNDERPRICED):
            raise PoolRejected(fault.value)
        if fault is Fault.NEVER:
            raise CallerError(-32000, fault.value)
        self.sent.append("0x" + raw.hex())
        answer = await self._ask("eth_sendRawTransaction", ["0x" + raw.hex()], deadline_s)
        if fault is Fault.LOST_ACKNOWLEDGEMENT:
            raise ChainUnavailable("the connection died", may_have_taken_effect=True)
        return await self._told(raw, answer)

    async def development(self, method: str, *params: Any) -> Any:
        answer = await self._ask(method, params)
        assert "error" not in answer, answer
        return answer["result"]

    async def _told(self, raw: bytes, answer: dict[str, Any]) -> str:
        if "error" not in answer:
            return str(answer["result"])
        judged = verdicts.judge(200, answer["error"], is_write=True)
        tx_hash = "0x" + keccak(raw).hex()
        if judged.verdict is Verdict.TX_KNOWN:
            return tx_hash
        if judged.verdict is Verdict.NONCE:
            if await self.call("eth_getTransactionByHash", [tx_hash]) is not None:
                return tx_hash
            raise NonceUsed
        if judged.verdict is Verdict.POOL_REJECT:
            raise PoolRejected(judged.message)
        raise CallerError(judged.code, judged.message)

    async def _ask(self, method: str, params: Sequence[Any], deadline_s: float = 5.0) -> dict[str, Any]:
        if self.is_down:
            raise ChainUnavailable("nobody answers")
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        try:
            async with asyncio.timeout(deadline_s), self._session.post(self._url, json=body) as answer:
                told = await answer.json()
        except (TimeoutError, aiohttp.ClientError) as error:
            raise ChainUnavailable(str(error), may_have_taken_effect=True) from error
        return self._limited(method, params, told)

    def _limited(self, method: str, params: Sequence[Any], told: dict[str, Any]) -> dict[str, Any]:
        if method != "eth_getLogs" or self.range_max is None or "fromBlock" not in params[0]:
            return told
        blocks = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
        return told if blocks <= self.range_max else {"error": {"code": -32005, "message": "block range is too wide"}}
