"""Be a wallet: a key of its own, signatures, and transactions sent straight to a chain.

Between: people (each has one), the acts (let it pay) and the chain's node, as a wallet's own RPC.
Shape: `Wallet` signs; `Node` is the JSON-RPC of one chain. A wallet sends one transaction after the other.
Invariant: keys are made here and kept in memory only; the platform never sees one. Money is play money: it is given
by the development chain (anvil_setBalance).
Units: wei; *_s seconds.
Errors: Refused with what the node said, or that a transaction reverted; TimedOut when it is not mined.
Source: EIP-191 (signed messages), EIP-1559 (fees), Ethereum JSON-RPC.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final, cast

import aiohttp
import msgspec
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from audifi.drills.journey.narration import Mismatch
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Transaction

MINED_WITHIN_S: Final = 30.0  # a block a second, and a busy machine
ANSWER_WITHIN_S: Final = 20.0
GAS_SPARE: Final = 2  # others mint between our estimate and our block: what is not used is not paid
FUNDS_WEI: Final = 100 * 10**18


class Refused(Mismatch):
    """The chain did not take it."""


@dataclass
class Node:
    """One chain's node."""

    port: int
    chain_id: int
    http: aiohttp.ClientSession

    async def ask(self, method: str, *params: Any) -> Any:
        """The result of one call."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        try:
            async with self.http.post(f"http://127.0.0.1:{self.port}/", json=body, timeout=timeout) as reply:
                found = msgspec.json.decode(await reply.read())
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
            raise Refused(f"{method}: the node on port {self.port} did not answer: {error}") from error
        if "error" in found:
            raise Refused(f"{method}: {found['error'].get('message', found['error'])}")
        return found["result"]

    async def mined(self, tx_hash: str) -> dict[str, Any]:
        """The receipt, once there is one; a transaction that reverted is refused."""

        async def receipt() -> dict[str, Any]:
            found = await self.ask("eth_getTransactionReceipt", tx_hash)
            if found is None:
                raise NotReady("no receipt yet")
            return cast("dict[str, Any]", found)

        found = await wait_for(receipt, within_s=MINED_WITHIN_S, saying=f"{tx_hash} is mined", every_s=0.25)
        if int(found["status"], 16) != 1:
            raise Refused(f"transaction {tx_hash} was mined in block {int(found['blockNumber'], 16)} and reverted")
        return found

    async def balance(self, address: str) -> int:
        return int(await self.ask("eth_getBalance", address, "latest"), 16)


@dataclass
class Wallet:
    """One key on one chain."""

    node: Node
    account: LocalAccount
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def funded(cls, node: Node, key: str | None = None) -> "Wallet":
        """A new one with play money, or the one of this key."""
        wallet = cls(node, cast("LocalAccount", Account.from_key(key) if key else Account.create()))
        await node.ask("anvil_setBalance", wallet.address, hex(FUNDS_WEI))
        return wallet

    @property
    def address(self) -> str:
        """With its checksum, as wallets show it."""
        return self.account.address

    @property
    def key(self) -> str:
        """The address as it is stored and compared: lower case."""
        return self.address.lower()

    def sign(self, text: str) -> str:
        """Sign a message for people."""
        return "0x" + self.account.sign_message(encode_defunct(text=text)).signature.hex().removeprefix("0x")

    async def send(self, wanted: Transaction) -> str:
        """Sign and send what the platform asks for, and return its hash once it is mined."""
        async with self._turn:
            tx_hash = await self._sent(wanted)
            await self.node.mined(tx_hash)
        return tx_hash

    async def _sent(self, wanted: Transaction) -> str:
        call = {"from": self.address, "to": wanted.to, "data": wanted.data, "value": hex(wanted.value_wei)}
        gas = int(await self.node.ask("eth_estimateGas", call), 16)
        price = int(await self.node.ask("eth_gasPrice"), 16)
        nonce = int(await self.node.ask("eth_getTransactionCount", self.address, "pending"), 16)
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self.node.chain_id,
            "nonce": nonce,
            "to": checksummed(wanted.to),
            "data": wanted.data,
            "value": int(wanted.value_wei),
            "gas": gas * GAS_SPARE,
            "maxFeePerGas": price * 2,
            "maxPriorityFeePerGas": min(price, 10**9),
        }
        signed = self.account.sign_transaction(fields)
        return str(await self.node.ask("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex()))


def checksummed(address: str) -> str:
    """An address as libraries want it."""
    return to_checksum_address(address)
