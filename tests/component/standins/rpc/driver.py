"""Speak to a provider's stand-in as a client would, and to the node behind it as nobody but a test may.

Between: the tests here and real sockets.
Shape: an Answer keeps what came over the wire: status, headers, bytes.
Units: *_s seconds.
Errors: aiohttp's own: what a cut connection looks like is what some tests are about.
"""

import json
from dataclasses import dataclass
from typing import Any

import aiohttp
from eth_account import Account

from audifi.local import knobs
from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for

NETWORKS = {
    "alchemy": {"ethereum": "eth-mainnet", "polygon": "polygon-mainnet", "base": "base-mainnet"},
    "infura": {"ethereum": "mainnet", "polygon": "polygon-mainnet", "base": "base-mainnet"},
}
VERSIONS = {"alchemy": "v2", "infura": "v3"}
CHAIN_IDS = {"ethereum": 1, "polygon": 137, "base": 8453}
# The first account of anvil's development mnemonic: the same on every machine, known to everybody.
SENDER = Account.from_key("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
NOBODY = "0x" + "1" * 40


@dataclass(frozen=True)
class Answer:
    """A response, read."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def result(self) -> Any:
        return self.json["result"]

    @property
    def error(self) -> Any:
        return self.json["error"]


@dataclass(frozen=True)
class Provider:
    """One stand-in."""

    name: str
    session: aiohttp.ClientSession
    http: int
    control: int
    key: str
    nodes: dict[str, int]  # the chains' own ports

    @classmethod
    def of(cls, outside: Held, name: str) -> "Provider":
        return cls(
            name,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)),
            outside.port(f"{name}-1", "http"),
            outside.port(f"{name}-1", "control"),
            outside.secret(f"{name}-api-key"),
            {chain: outside.port(f"{chain}-1", "rpc") for chain in CHAIN_IDS},
        )

    def url(self, chain: str = "ethereum", key: str | None = None) -> str:
        path = f"{NETWORKS[self.name][chain]}/{VERSIONS[self.name]}/{self.key if key is None else key}"
        return f"http://127.0.0.1:{self.http}/{path}"

    async def ask(self, body: Any, *, chain: str = "ethereum", key: str | None = None) -> Answer:
        """Post this body."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.session.post(self.url(chain, key), data=data) as response:
            return Answer(response.status, response.headers, await response.read())

    async def call(self, method: str, *params: Any, chain: str = "ethereum") -> Answer:
        return await self.ask(request(method, *params), chain=chain)

    async def result(self, method: str, *params: Any, chain: str = "ethereum") -> Any:
        return (await self.call(method, *params, chain=chain)).result

    async def height(self, chain: str = "ethereum") -> int:
        return int(await self.result("eth_blockNumber", chain=chain), 16)

    async def node(self, method: str, *params: Any, chain: str = "ethereum") -> Any:
        """Ask the node behind, past the stand-in."""
        async with self.session.post(f"http://127.0.0.1:{self.nodes[chain]}", json=request(method, *params)) as answer:
            return (await answer.json())["result"]

    async def node_height(self, chain: str = "ethereum") -> int:
        return int(await self.node("eth_blockNumber", chain=chain), 16)

    async def turn(self, *, chain: str | int | None = None, **faults: Any) -> Any:
        return await knobs.set_faults(self.control, chain=chain, **faults)

    async def counted(self) -> knobs.Counted:
        """The counts once nothing is in flight."""

        async def settled() -> knobs.Counted:
            found = await knobs.counts(self.control)
            if found.in_flight:
                raise NotReady(f"in flight: {found.in_flight}")
            return found

        return await wait_for(settled, within_s=5, saying="every request has ended")

    async def signed(self, chain: str = "ethereum", value: int = 1) -> str:
        """A transfer that was never sent."""
        fields = {
            "chainId": CHAIN_IDS[chain],
            "nonce": int(await self.node("eth_getTransactionCount", SENDER.address, "pending", chain=chain), 16),
            "to": NOBODY,
            "value": value,
            "gas": 21_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
        }
        return str(SENDER.sign_transaction(fields).raw_transaction.to_0x_hex())

    async def sent(self, chain: str = "ethereum") -> str:
        """A transfer that is in a block."""
        tx = await self.node("eth_sendRawTransaction", await self.signed(chain), chain=chain)
        return await self.mined(tx, chain)

    async def mined(self, tx: str, chain: str = "ethereum") -> str:
        async def has_receipt() -> str:
            if await self.node("eth_getTransactionReceipt", tx, chain=chain) is None:
                raise NotReady("no receipt")
            return tx

        return await wait_for(has_receipt, within_s=10, saying=f"{tx} is mined")


def request(method: str, *params: Any, number: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
