"""Simulate a chain and its providers in virtual time, with every fault they can have.

Between: the tests of clients.chain and a real Chain, whose transports are these.
Shape: one truth (a block every `block_s`), any number of providers, who answer from it after their latency.
Units: seconds of the loop's virtual clock.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

import looptime
import msgspec

from audifi.clients.chain.pool.codec import Answer
from audifi.clients.chain.pool.transport import Unreachable
from audifi.wire.chains import ChainFacts

FACTS = ChainFacts(
    chain_id=1, name="simulated", block_time_s=1.0, lag_blocks_max=2, act_confirmations=3, final_confirmations=20
)
FIRST_BLOCK = 1000


def virtual_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop whose clock jumps to the next timer."""
    return looptime.new_event_loop(start=1_000_000.0)


def run(work: Any) -> Any:
    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        return runner.run(work)


def pause(seconds: float) -> asyncio.Future[None]:
    """Let virtual time pass."""
    loop = asyncio.get_running_loop()
    passed: asyncio.Future[None] = loop.create_future()
    loop.call_later(seconds, lambda: passed.done() or passed.set_result(None))
    return passed


class Truth:
    """The chain as it is."""

    def __init__(self, block_s: float = 1.0) -> None:
        self.block_s = block_s
        self.started_s = asyncio.get_running_loop().time()
        self.receipts: dict[str, dict[str, Any]] = {}

    def tip(self) -> int:
        return FIRST_BLOCK + int((asyncio.get_running_loop().time() - self.started_s) / self.block_s)


@dataclass
class Fault:
    """What is wrong with a provider now."""

    kind: str = ""
    amount: float = 0.0


@dataclass
class Simulated:
    """One provider of the simulated chain."""

    truth: Truth
    latency_s: float
    fault: Fault = field(default_factory=Fault)
    requests: Counter[str] = field(default_factory=Counter[str])
    log: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    connections: int = 1
    forked_from: int = 0
    offset: int = 0  # how many blocks it is behind the truth, always
    balances: dict[str, str] = field(default_factory=dict[str, str])
    refused: dict[str, Any] = field(default_factory=dict[str, Any])

    async def post(self, body: bytes, *, is_heavy: bool = False) -> Answer:  # noqa: ARG002  # the protocol's
        is_batch = body.startswith(b"[")
        calls: list[dict[str, Any]] = msgspec.json.decode(body) if is_batch else [msgspec.json.decode(body)]
        now_s = asyncio.get_running_loop().time()
        for call in calls:
            self.requests[call["method"]] += 1
            self.log.append((now_s, call["method"]))
        spoiled = await self._spoiled(calls)
        if spoiled is not None:
            return spoiled
        await pause(self.latency_s)
        replies = [self._reply(call) for call in calls]
        return Answer(200, msgspec.json.encode(replies if is_batch else replies[0]))

    async def close(self) -> None:
        pass

    def set(self, kind: str, amount: float = 0.0) -> None:
        self.fault = Fault(kind, amount)
        if kind == "forked":
            self.forked_from = self.tip() - 2

    def is_down(self) -> bool:
        """Flapping: up for a second, down for a second."""
        return self.fault.kind == "flapping" and int(asyncio.get_running_loop().time()) % 2 == 1

    def tip(self) -> int:
        lag = int(self.fault.amount) if self.fault.kind == "lag" else 0
        return self.truth.tip() - lag - self.offset

    async def _spoiled(self, calls: list[dict[str, Any]]) -> Answer | None:
        """Do what the fault does; None when it lets the request through."""
        kind = "kill" if self.is_down() else self.fault.kind
        first = calls[0]["id"]
        match kind:
            case "kill":
                raise Unreachable("cannot connect (refused)", was_sent=False)
            case "hang":
                await asyncio.get_running_loop().create_future()
            case "reset":
                await pause(self.latency_s / 2)
                raise Unreachable("the connection broke", was_sent=True)
            case "slow":
                await pause(self.fault.amount)
            case "garbage":
                await pause(self.latency_s)
                return Answer(200, b"<html>upstream sent nonsense</html>")
            case "wrong_id":
                await pause(self.latency_s)
                return Answer(200, b'{"jsonrpc":"2.0","id":"other","result":"0xdead"}')
            case _:
                return await self._refused(kind, first)
        return None

    async def _refused(self, kind: str, first: int) -> Answer | None:
        errors = {
            "429_in_200": (200, 429, "exceeded its compute units per second capacity", None),
            "-32005": (200, -32005, "rate limit", {"rate": {"backoff_seconds": 1}}),
            "quota": (402, -33000, "daily credits exhausted", None),
            "-32603": (200, -32603, "internal error", None),
        }
        if kind in ("429", "429_bare", "503"):
            await pause(self.latency_s)
            return Answer(int(kind[:3]), b"slow down" if kind != "503" else b"", "1" if kind == "429" else None)
        if kind in errors:
            await pause(self.latency_s)
            status, code, message, data = errors[kind]
            error = {"code": code, "message": message, **({"data": data} if data else {})}
            return Answer(status, msgspec.json.encode({"jsonrpc": "2.0", "id": first, "error": error}))
        return None

    def _reply(self, call: dict[str, Any]) -> dict[str, Any]:
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": call["id"]}
        method, params = call["method"], call["params"]
        if method in self.refused:
            return reply | {"error": self.refused[method]}
        match method:
            case "eth_chainId":
                return reply | {"result": "0x5" if self.fault.kind == "wrong_chain" else "0x1"}
            case "eth_getBlockByNumber":
                return reply | {"result": self._block(params[0])}
            case "eth_getBalance" | "eth_call":
                return reply | self._balance(self._height(params[1]))
            case "eth_getTransactionReceipt":
                found = self.truth.receipts.get(params[0])
                is_seen = found is not None and int(found["blockNumber"], 16) <= self.tip()
                return reply | {"result": found if is_seen else None}
            case _:
                return reply | {"error": {"code": -32601, "message": f"the method {method} does not exist"}}

    def _balance(self, number: int) -> dict[str, Any]:
        if number < 0 or number > self.tip():
            return {"error": {"code": -32000, "message": "header not found"}}
        return {"result": hex(number + (1 << 64 if self._is_forked(number) else 0))}

    def _height(self, block: Any) -> int:
        if isinstance(block, dict):
            wanted = str(cast("dict[str, Any]", block)["blockHash"])
            number = int(wanted[4:], 16)
            return number if wanted == self._hash(number) else -1
        return max(0, self.tip() - 10) if block == "finalized" else self.tip() if block == "latest" else int(block, 16)

    def _hash(self, number: int) -> str:
        return f"0x{'ff' if self._is_forked(number) else '00'}{number:062x}"

    def _is_forked(self, number: int) -> bool:
        return self.fault.kind == "forked" and number >= self.forked_from

    def _block(self, block: str) -> dict[str, Any] | None:
        number = self._height(block)
        if number > self.tip():
            return None
        return {
            "number": hex(number), "hash": self._hash(number), "parentHash": self._hash(number - 1),
            "timestamp": hex(1_700_000_000 + number), "transactions": [],
        }  # fmt: skip
