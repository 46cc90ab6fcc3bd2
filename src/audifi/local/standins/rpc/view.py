"""Show a chain as a node would that is behind, that follows another history, or that is of another chain.

Between: gate (asks per call while such a fault is set) and node (has the truth).

An older view (lag_blocks; stuck: more of them with every block): the head is lower, and all answers agree with that.
Tags mean the older blocks; blocks, receipts and logs beyond are not there, transactions beyond are pending, state
beyond is "header not found". What is sent still reaches the chain, as a node that is behind passes transactions on.
Another history (fork_depth): since the block that was so deep when the knob was turned, every hash is another one,
parents agree, and lookups by hash know only these. Transactions are the same ones, in other blocks. The other history
never becomes final: `safe` and `finalized` stay where both are one. It grows with the chain until the knob is cleared.
Another chain (wrong_chain_id): it says so when asked.

Why a mask: hash' = hash xor mask is its own inverse, so a lookup by hash' needs no memory of what was shown.
Invariant: one call sees one height: the tags in it, and what is cut off its answer, agree.
Errors: NodeAway passes through. Filters (eth_newFilter …) show the node's own history: they are state of the node.
Source: go-ethereum's answers: rpc/errors "header not found" (-32000), null for unknown blocks and receipts
(ethereum/execution-apis, eth namespace); tags: execution-apis BlockTag.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from audifi.local.standins.rpc.calls import Call, answered, failed
from audifi.local.standins.rpc.faults import Faults
from audifi.local.standins.rpc.node import Node

HASH_CHARS: Final = 66
# Where the block is among the parameters. State is refused beyond the head, the others are not there.
STATE_AT: Final[Mapping[str, int]] = {
    "eth_call": 1,
    "eth_estimateGas": 1,
    "eth_createAccessList": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_getStorageAt": 2,
    "eth_getProof": 2,
    "eth_feeHistory": 1,
}
BLOCK_FIRST: Final = frozenset(
    {
        "eth_getBlockByNumber",
        "eth_getBlockByHash",
        "eth_getHeaderByNumber",
        "eth_getHeaderByHash",
        "eth_getBlockReceipts",
        "eth_getBlockTransactionCountByNumber",
        "eth_getBlockTransactionCountByHash",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getUncleCountByBlockNumber",
        "eth_getUncleCountByBlockHash",
    }
)
NOT_FOUND: Final = {"code": -32000, "message": "header not found"}
UNKNOWN: Final = {"code": -32000, "message": "unknown block"}
IN_NO_BLOCK: Final = {"blockHash": None, "blockNumber": None, "transactionIndex": None}


@dataclass(frozen=True, slots=True)
class Fork:
    """Another history after `since`, the last common block."""

    since: int
    mask: int

    @classmethod
    def at(cls, since: int, seed: int) -> "Fork":
        return cls(since, int.from_bytes(hashlib.sha256(f"{since}/{seed}".encode()).digest(), "big"))

    def other(self, block_hash: str) -> str:
        """The hash in the other history; the same function leads back."""
        return f"0x{int(block_hash, 16) ^ self.mask:064x}"

    def rewritten(self, value: Any) -> Any:
        """The value with the hashes of the other history, however deep they are in it."""
        if isinstance(value, list):
            return [self.rewritten(item) for item in cast("list[Any]", value)]
        if not isinstance(value, dict):
            return value
        fields = cast("dict[str, Any]", value)
        changed = {name: self.rewritten(fields[name]) for name in ("transactions", "logs") if name in fields}
        if fields.get("blockNumber") and fields.get("blockHash") and int(fields["blockNumber"], 16) > self.since:
            changed["blockHash"] = self.other(fields["blockHash"])
        if "parentHash" in fields and fields.get("number"):
            number = int(fields["number"], 16)
            if number > self.since and fields.get("hash"):
                changed["hash"] = self.other(fields["hash"])
            if number - 1 > self.since:
                changed["parentHash"] = self.other(fields["parentHash"])
        return fields | changed


class View:
    """What one chain looks like through the faults of one knob."""

    def __init__(self, node: Node, faults: Faults, fork: Fork | None, stuck_at: int | None) -> None:
        self._node = node
        self._lag = faults.lag_blocks
        self._stuck_at = stuck_at
        self._fork = fork
        self._chain_id = faults.wrong_chain_id
        self.fault = next(
            name for name in ("lag_blocks", "stuck", "fork_depth", "wrong_chain_id") if getattr(faults, name)
        )

    async def answer(self, call: Call) -> bytes:
        """The answer to one call."""
        if self._chain_id and call.method == "eth_chainId":
            return answered(call, hex(self._chain_id))
        if self._chain_id and call.method == "net_version":
            return answered(call, str(self._chain_id))
        if not self._lag and self._stuck_at is None and not self._fork:
            return await self._node.post(msgspec.json.encode(call))
        height = await self._node.height()
        top = height if self._stuck_at is None else min(height, self._stuck_at)
        head = max(top - self._lag, 0)
        return await _Look(self._node, height - head, self._fork, head).answer(call)


class _Gone(Exception):
    """The block is not in this view."""


def _gone(call: Call) -> bytes:
    """What a node says of a block that it does not have."""
    if call.method == "eth_getLogs":
        return failed(call, UNKNOWN)
    return failed(call, NOT_FOUND) if call.method in STATE_AT else answered(call, None)


@dataclass(frozen=True, slots=True)
class _Look:
    """One call, at one height."""

    node: Node
    lag: int
    fork: Fork | None
    head: int

    async def answer(self, call: Call) -> bytes:
        method = call.method
        if method == "eth_blockNumber":
            return answered(call, hex(self.head))
        try:
            arguments = await self._arguments(method, call.arguments())
        except _Gone:
            return _gone(call)
        except (ValueError, TypeError, AttributeError):  # no block that we can read: the node says what is wrong
            return await self.node.post(msgspec.json.encode(call))
        if method == "eth_getLogs" and self._is_beyond(arguments):
            return answered(call, [])
        body = msgspec.json.encode(Call(method, call.id, msgspec.Raw(msgspec.json.encode(arguments))))
        found = msgspec.json.decode(await self.node.post(body))
        if "result" not in found:
            return failed(call, found.get("error", {}))
        result = self._cut(method, found["result"])
        return answered(call, self.fork.rewritten(result) if self.fork else result)

    async def _arguments(self, method: str, arguments: list[Any]) -> list[Any]:
        """The parameters, naming blocks as the node knows them."""
        if method == "eth_getLogs" and arguments and isinstance(arguments[0], dict):
            return [await self._filter(cast("dict[str, Any]", arguments[0])), *arguments[1:]]
        place = STATE_AT.get(method, 0 if method in BLOCK_FIRST else None)
        if place is None:
            return arguments
        while len(arguments) <= place:
            arguments.append("latest")
        return [*arguments[:place], await self._block(arguments[place]), *arguments[place + 1 :]]

    async def _block(self, named: Any) -> Any:
        """A tag, number, hash or EIP-1898 object as the node knows it."""
        if isinstance(named, dict):
            fields = cast("dict[str, Any]", named)
            if "blockHash" in fields:
                return fields | {"blockHash": await self._real(fields["blockHash"])}
            return await self._block(fields.get("blockNumber"))
        if isinstance(named, str) and len(named) == HASH_CHARS:
            return await self._real(named)
        if named in {"latest", "pending", None}:
            return hex(self.head) if self.lag else (named or "latest")
        number = await self._number(named)
        if number > self.head:
            raise _Gone
        return hex(number)

    async def _number(self, named: Any) -> int:
        if named in {"safe", "finalized"}:
            block = await self.node.call("eth_getBlockByNumber", named, False)
            number = max(int(block["number"], 16) - self.lag, 0)
            return min(number, self.fork.since) if self.fork else number
        if named in {"latest", "pending", None}:
            return self.head
        return 0 if named == "earliest" else int(named, 16)

    async def _real(self, block_hash: str) -> str:
        """The node's hash of the block that this view calls so."""
        fork = self.fork
        names = [block_hash] if fork is None else [fork.other(block_hash), block_hash]
        blocks = await asyncio.gather(*(self.node.call("eth_getBlockByHash", name, False) for name in names))
        for name, block in zip(names, blocks, strict=True):
            number = int(block["number"], 16) if block else self.head + 1
            is_of_fork = fork is not None and number > fork.since
            if number <= self.head and is_of_fork == (name != block_hash):
                return name
        raise _Gone

    async def _filter(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if "blockHash" in wanted:
            return wanted | {"blockHash": await self._real(wanted["blockHash"])}
        since, until = [await self._number(wanted.get(name)) for name in ("fromBlock", "toBlock")]
        return wanted | {"fromBlock": hex(since), "toBlock": hex(min(until, self.head))}

    def _is_beyond(self, arguments: list[Any]) -> bool:
        wanted: Any = arguments[0] if arguments else {}
        return "fromBlock" in wanted and int(wanted["fromBlock"], 16) > self.head

    def _cut(self, method: str, result: Any) -> Any:
        """What a node at this height has of a transaction."""
        if method not in {"eth_getTransactionByHash", "eth_getTransactionReceipt"} or not result:
            return result
        number = result.get("blockNumber")
        if number is None or int(number, 16) <= self.head:
            return result
        return result | IN_NO_BLOCK if method == "eth_getTransactionByHash" else None
