"""Answer for one chain of a provider: its faults, its view of the history, and the node behind.

Between: gate (decides what happens to a request) and node (answers it).
Shape: `answered` says per call which fault it met; without a view and without refused methods the node's bytes go back
as they are.
Invariant: what no provider offers to the public (anvil_*, eth_sendTransaction …) is refused always, or code that
works here would fail at the real one.
Errors: NodeAway passes through.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import msgspec

from audifi.local.standins.rpc import dialect as says
from audifi.local.standins.rpc.calls import Asked, Call, answered, failed
from audifi.local.standins.rpc.faults import NONE, Dice, Faults
from audifi.local.standins.rpc.node import Node
from audifi.local.standins.rpc.options import ChainOptions
from audifi.local.standins.rpc.server import Reply
from audifi.local.standins.rpc.view import Fork, View

SUCCESS: Final = 200
PRIVATE_PREFIXES: Final = ("anvil_", "evm_", "hardhat_", "personal_", "admin_", "miner_", "ots_")
PRIVATE: Final = frozenset({"eth_sendTransaction", "eth_sign", "eth_signTransaction", "eth_signTypedData_v4"})
NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is answered (None: the connection is cut) and the fault that decided it; `each`: per call of a batch."""

    reply: Reply | None
    fault: str = ""
    each: tuple[str, ...] = ()


class Chain:
    """One network of the provider."""

    def __init__(self, options: ChainOptions, dialect: says.Dialect) -> None:
        self.name = options.name
        self.chain_id = options.chain_id
        self.node = Node(options.node)
        self.dice = Dice(NONE, 0.0)
        self.view: View | None = None
        self.is_dead = False
        self._dialect = dialect

    @property
    def faults(self) -> Faults:
        return self.dice.faults

    async def view_of(self, faults: Faults) -> View | None:
        """What the chain will look like through these faults.

        Raises: NodeAway, because where it is stuck, or another history begins, is asked of the node.
        """
        if not faults.has_view:
            return None
        head = await self.node.height() if faults.stuck or faults.fork_depth else 0
        since = max(head - faults.lag_blocks - faults.fork_depth, 0)
        fork = Fork.at(since, faults.seed) if faults.fork_depth else None
        return View(self.node, faults, fork, head if faults.stuck else None)

    def misbehave(self, faults: Faults, view: View | None) -> None:
        """Be so from now on."""
        self.view = view
        self.dice = Dice(faults, asyncio.get_running_loop().time())

    async def answered(self, body: bytes, asked: Asked) -> Outcome:
        """What a well-behaved provider answers."""
        if not any(is_own(call.method) for call in asked.calls):
            return Outcome(Reply(SUCCESS, await self.node.post(body)))
        return await self._one_by_one(asked, None, NOTHING)

    async def shown(self, asked: Asked) -> Outcome:
        """What it answers through its view, without the methods that it refuses."""
        return await self._one_by_one(asked, self.view, frozenset(self.faults.refuse_methods))

    async def _one_by_one(self, asked: Asked, view: View | None, refused: frozenset[str]) -> Outcome:
        told = await asyncio.gather(*(self._one(call, view, refused) for call in asked.calls))
        reply = Reply(SUCCESS, asked.joined([answer for answer, _ in told]))
        return Outcome(reply, each=tuple(fault for _, fault in told))

    async def _one(self, call: Call, view: View | None, refused: frozenset[str]) -> tuple[bytes, str]:
        if call.method == "eth_accounts":
            return answered(call, []), ""
        if call.method in refused or is_private(call.method):
            fault = "refuse_methods" if call.method in refused else "unsupported"
            return failed(call, says.unsupported(self._dialect, call.method)), fault
        if view is None:
            return await self.node.post(msgspec.json.encode(call)), ""
        return await view.answer(call), view.fault


def is_own(method: str) -> bool:
    """Whether the provider answers this, not its node: whose accounts would a node's be?"""
    return method == "eth_accounts" or is_private(method)


def is_private(method: str) -> bool:
    """Whether only a node's owner may ask this."""
    return method in PRIVATE or method.startswith(PRIVATE_PREFIXES)
