"""Drive one anvil: send as anybody, move the clock, go back to a snapshot.

Between: the tests of this folder and a development node (JSON-RPC over one kept connection).
Why not the pool: it refuses anvil's own methods, and these tests are about contracts, not about providers. The typed
readers of clients.chain.contracts.surface take this node in the pool's place.
Units: wei, epoch seconds.
Invariant: every transaction is mined when `send` returns; a reverted one raises.
Errors: Reverted with the contract's reason, decoded from the committed ABI; NodeFailed for any other refusal.
"""

import http.client
import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from eth_utils.crypto import keccak

from audifi.clients.chain.contracts import abi
from audifi.clients.chain.contracts.surface import NAMES

Answer = TypeVar("Answer")
GAS = 16_000_000  # below EIP-7825's 2^24: what no transaction may exceed
RICH_WEI = 10**24
ETHER = 10**18


class Reverted(Exception):
    """The transaction was refused by a contract."""


class NodeFailed(Exception):
    """The node answered with an error that is no revert."""


def wallet(name: str) -> str:
    """Return an address that belongs to this name in every test."""
    return "0x" + keccak(text=name)[-20:].hex()


def now(reading: Coroutine[Any, Any, Answer]) -> Answer:
    """Finish a read that never waits: this node answers at once, so no loop is needed."""
    try:
        reading.send(None)
    except StopIteration as done:
        return cast("Answer", done.value)
    raise AssertionError("the read waited for something else than this node")


@dataclass(frozen=True)
class Receipt:
    """A transaction that took effect."""

    logs: Sequence[Mapping[str, Any]]
    gas_used: int
    gas_wei: int
    created: str


class Node:
    """One anvil."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.rpc("anvil_autoImpersonateAccount", True)
        self.rpc("evm_setAutomine", True)

    def close(self) -> None:
        self._connection.close()

    def rpc(self, method: str, *params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = json.loads(self._connection.getresponse().read())
        if "error" not in answer:
            return answer["result"]
        error = answer["error"]
        if "revert" in error["message"]:
            raise Reverted(reason(error.get("data") or "0x") or error["message"])
        raise NodeFailed(f"{method}: {error}")

    async def call(self, method: str, params: Sequence[Any] = (), *, deadline_s: float = 5.0) -> Any:
        """Read, as clients.chain.contracts.surface.Reader."""
        del deadline_s
        return self.rpc(method, *params)

    def send(self, sender: str, to: str | None, data: bytes, value_wei: int = 0) -> Receipt:
        """Have a transaction mined."""
        request: dict[str, str] = {"from": sender, "data": "0x" + data.hex(), "value": hex(value_wei), "gas": hex(GAS)}
        if to is not None:
            request["to"] = to
        found = self.rpc("eth_sendTransactionSync", request)  # EIP-7966: answers when it is mined
        if found["status"] != "0x1":
            self.rpc("eth_call", request, "latest")  # raises with the reason
            raise Reverted("without a reason")
        return Receipt(
            logs=found["logs"],
            gas_used=int(found["gasUsed"], 16),
            gas_wei=int(found["gasUsed"], 16) * int(found["effectiveGasPrice"], 16),
            created=found["contractAddress"] or "",
        )

    def deploy(self, sender: str, data: bytes) -> str:
        return self.send(sender, None, data).created

    def balance(self, address: str) -> int:
        return int(self.rpc("eth_getBalance", address, "latest"), 16)

    def give(self, address: str, wei: int = RICH_WEI) -> None:
        """Set a balance; for a contract, this is what ether forced upon it looks like."""
        self.rpc("anvil_setBalance", address, hex(wei))

    def time_s(self) -> int:
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def next_block_at(self, time_s: int) -> None:
        """Date the next block."""
        self.rpc("evm_setNextBlockTimestamp", time_s)

    def mine_at(self, time_s: int) -> None:
        """Let an empty block be mined at this time."""
        self.next_block_at(time_s)
        self.rpc("evm_mine")

    def snapshot(self) -> str:
        return self.rpc("evm_snapshot")

    def revert(self, snapshot: str) -> None:
        assert self.rpc("evm_revert", snapshot), f"snapshot {snapshot} is gone"


def reason(data: str) -> str | None:
    """Say why any of our contracts refused."""
    for name in NAMES:
        if found := abi.interface(name).error(data):
            return found
    return None
