"""Be a chain that branches: blocks as values, reorganised at will, answered as JSON-RPC would.

Between: property tests of the follower and a chain that no node could be made to play a thousand times a second.
Shape: one log per chosen block, of CONTRACT; some answers come from another branch or half from before a reorg, as
providers' do.
Invariant: a block's hash depends on its parent and its branch, so two branches share no hash after their fork.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_utils.crypto import keccak

from audifi.clients.chain.errors import RangeTooLarge
from audifi.wire.chains import ChainFacts

CONTRACT = "0x" + "c0" * 20
FACTS = ChainFacts(
    chain_id=1, name="ethereum", block_time_s=12, lag_blocks_max=2, act_confirmations=2, final_confirmations=8
)


@dataclass(frozen=True)
class Block:
    number: int
    hash: str
    parent: str
    has_log: bool

    @property
    def header(self) -> dict[str, Any]:
        return {
            "number": hex(self.number),
            "hash": self.hash,
            "parentHash": self.parent,
            "logsBloom": hex(_bloom(CONTRACT) if self.has_log else 0),
        }

    @property
    def logs(self) -> list[dict[str, Any]]:
        if not self.has_log:
            return []
        where = {"blockNumber": hex(self.number), "blockHash": self.hash, "transactionIndex": "0x0", "logIndex": "0x0"}
        return [{"address": CONTRACT, "topics": [], "data": "0x", "transactionHash": self.hash, **where}]


@dataclass(frozen=True)
class Head:
    number: int


@dataclass
class Branching:
    """A chain and, at the side, the branch it left last."""

    facts: ChainFacts = FACTS
    range_max: int = 10**9
    blocks: list[Block] = field(default_factory=list[Block])
    left: list[Block] = field(default_factory=list[Block])
    branch: int = 0
    lies: int = 0  # so many of the next answers about logs come from the branch that was left
    asked: list[int] = field(default_factory=list[int])  # the ranges of eth_getLogs, in blocks

    def mine(self, count: int, *, logs_every: int = 2) -> None:
        for _ in range(count):
            parent = self.blocks[-1].hash if self.blocks else "0x" + "00" * 32
            number = len(self.blocks)
            name = "0x" + keccak(text=f"{parent}:{self.branch}").hex()
            self.blocks.append(Block(number, name, parent, number % logs_every == 0))

    def reorganise(self, depth: int, count: int) -> None:
        self.left = list(self.blocks)
        self.branch += 1
        del self.blocks[max(len(self.blocks) - depth, 1) :]
        self.mine(count, logs_every=1 + (self.branch + 1) % 3)

    async def head(self) -> Head:
        return Head(max(len(self.blocks), len(self.left)) - 1)  # what was seen once is never unseen

    async def call_many(self, calls: Sequence[tuple[str, Sequence[Any]]], *, deadline_s: float = 5.0) -> list[Any]:
        return [await self.call(method, params, deadline_s=deadline_s) for method, params in calls]

    async def call(self, method: str, params: Sequence[Any] = (), *, deadline_s: float = 5.0) -> Any:
        assert deadline_s > 0
        if method == "eth_getBlockByNumber":
            number = int(params[0], 16)
            return self.blocks[number].header if number < len(self.blocks) else None
        assert method == "eth_getLogs", method
        told = self.blocks
        if self.lies > 0 and self._is_believed():
            self.lies -= 1
            told = self.left
        return self._logs(told, params[0])

    def _is_believed(self) -> bool:
        """The pool asks no provider that is further behind."""
        return bool(self.left) and len(self.blocks) - len(self.left) <= self.facts.lag_blocks_max

    def _logs(self, told: list[Block], asked: dict[str, Any]) -> list[dict[str, Any]]:
        if "blockHash" in asked:
            return [log for block in self.blocks if block.hash == asked["blockHash"] for log in block.logs]
        first, last = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        self.asked.append(last - first + 1)
        if last - first + 1 > self.range_max:
            raise RangeTooLarge(-32005, "block range is too wide")
        return [log for block in told[first : last + 1] for log in block.logs]


def _bloom(word: str) -> int:
    digest = keccak(hexstr=word)
    return sum(1 << place for place in {int.from_bytes(digest[at : at + 2], "big") % 2048 for at in (0, 2, 4)})
