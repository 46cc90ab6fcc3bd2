"""Read what the chain says, from its node: what the platform's books are compared with.

Between: agreement and the acts (ask) and wallets.Node (answers).
Shape: `Ledger.read(address, "balanceOf(address)", wallet, returns="uint256")`.
Invariant: nothing here knows the platform's code: a call is its signature's hash and its arguments (Solidity ABI).
Units: wei, base units, shares.
Errors: Refused when a contract has no such function or reverts.
Source: docs/contracts.md; Solidity ABI specification.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from audifi.drills.journey.wallets import Node


@dataclass(frozen=True)
class Ledger:
    """One chain."""

    node: Node

    async def read(self, contract: str, signature: str, *arguments: Any, returns: str = "uint256") -> Any:
        """What a view function returns now."""
        types = [kind for kind in signature.partition("(")[2].removesuffix(")").split(",") if kind]
        data = keccak(text=signature)[:4] + encode(types, arguments)
        call = {"to": contract, "data": "0x" + data.hex()}
        answer = await self.node.ask("eth_call", call, "latest")
        return decode([returns], bytes.fromhex(str(answer).removeprefix("0x")))[0]

    async def owners(self, master: str, token_ids: Sequence[int]) -> dict[int, str]:
        """Who owns each share, lower case."""
        return {token: (await self.read(master, "ownerOf(uint256)", token, returns="address")) for token in token_ids}

    async def coins(self, coin: str, wallet: str) -> int:
        return int(await self.read(coin, "balanceOf(address)", wallet))
