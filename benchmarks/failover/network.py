"""Run two providers over one chain, turn their knobs, and watch: the chain's own heads, and who was asked how often.

Between: rpc_failover and local.held (components ethereum, alchemy, infura: the chain and the providers' stand-ins).
Shape: `told` is what every candidate gets; `broken(scenario)` is a block in which the primary is broken; `watched()`
is one in which heads and counts are sampled.
Invariant: the primary answers after PRIMARY_MS, the second after SECOND_MS; every block ends with both well again. The
truth is read from the chain itself, past both providers.
Units: *_ms milliseconds; moments are CLOCK_MONOTONIC seconds, the clock the candidates print.
Errors: RuntimeError when a stand-in or the chain refuses.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any

import aiohttp

from audifi.local.held import Held
from audifi.local.ports import LOOPBACK
from audifi.local.waiting import NotReady, wait_for
from audifi.wire import environment as env
from audifi.wire.chains import CHAINS
from benchmarks.failover.judge import CHAIN_ID, PRIMARY, SECOND, Head, Sample
from benchmarks.failover.scenarios import Scenario

CHAIN = CHAINS[CHAIN_ID].name
COMPONENTS = (CHAIN, PRIMARY, SECOND)
PRIMARY_MS, SECOND_MS = 10, 20
BLOCK_S = 2  # the fastest of our chains (wire.chains); ethereum's own 12 s would hardly move within a round
SAMPLE_S = 0.05
COUNT_EVERY = 5  # samples of heads to one of counts
BEGIN_BLOCKS = 100  # so that a provider that lags 20 has something to show


class Network:
    """Both providers, and the chain they show."""

    def __init__(self, platform: Held, http: aiohttp.ClientSession, pids: Mapping[str, int]) -> None:
        self._platform, self._http, self._pids = platform, http, pids
        self._chain = f"http://{LOOPBACK}:{platform.port(f'{CHAIN}-1', 'rpc')}"
        self.heads: list[Head] = []
        self.samples: list[Sample] = []

    @property
    def told(self) -> dict[str, Any]:
        """Where the providers are: whole addresses for the peers, and what ours is told by its environment."""
        told = self._platform.environment("worker-1")
        keys = dict(entry.split("=", 1) for entry in told[env.RPC_KEYS].split(","))
        entries = [entry for entry in told[env.RPC_PROVIDERS].split(",") if entry.startswith(f"{CHAIN_ID}:")]
        urls = dict(entry.partition(":")[2].split("=", 1) for entry in entries)
        return {
            "a": urls[PRIMARY].replace("{key}", keys[PRIMARY]),
            "b": urls[SECOND].replace("{key}", keys[SECOND]),
            "providers": entries,
            "keys": told[env.RPC_KEYS],
        }

    async def begin(self) -> None:
        """Give the chain a past and a rhythm."""
        await self.chain("anvil_mine", hex(BEGIN_BLOCKS))
        await self.chain("evm_setIntervalMining", BLOCK_S)
        await self.heal()

    async def chain(self, method: str, *params: Any) -> Any:
        """Ask the chain itself."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._http.post(self._chain, json=body) as reply:
            answer = await reply.json()
        if "error" in answer:
            raise RuntimeError(f"the chain answers {method} with {answer['error']}")
        return answer["result"]

    async def knobs(self, provider: str, faults: Mapping[str, Any]) -> None:
        """Turn one provider's knobs, all of them."""
        async with self._http.put(self._control(provider, "faults"), json=dict(faults)) as reply:
            if reply.status != 200:
                raise RuntimeError(f"{provider} refuses {dict(faults)}: {await reply.text()}")

    async def heal(self) -> None:
        await self.knobs(PRIMARY, {"latency_ms": PRIMARY_MS})
        await self.knobs(SECOND, {"latency_ms": SECOND_MS})

    @asynccontextmanager
    async def broken(self, scenario: Scenario) -> AsyncGenerator[float]:
        """Break the primary for the length of the block, and say since when it is."""
        try:
            if scenario.frozen:
                os.kill(self._pids[PRIMARY], signal.SIGSTOP)
            else:
                await self.knobs(PRIMARY, {"latency_ms": PRIMARY_MS, **scenario.knobs})
            since = monotonic()
            await self._look_at_counts()  # at both edges: requests just before them are not the fault's
            yield since
            await self._look_at_counts()
        finally:
            if scenario.frozen:
                os.kill(self._pids[PRIMARY], signal.SIGCONT)
            await self.heal()

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[None]:
        """Sample anew for the length of the block."""
        self.heads, self.samples = [], []
        await self._look_at_head()
        await self._look_at_counts()
        watching = asyncio.create_task(self._watch())
        try:
            yield
            await self._look_at_counts()
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(SAMPLE_S)
            await self._look_at_head()
            looks += 1
            if looks % COUNT_EVERY == 0:
                await self._look_at_counts()

    async def _look_at_head(self) -> None:
        block = await self.chain("eth_getBlockByNumber", "latest", False)
        number = int(block["number"], 16)
        if not self.heads or number > self.heads[-1].number:
            self.heads.append(Head(monotonic(), number, block["hash"]))

    async def _look_at_counts(self) -> None:
        counts = {name: await self._count(name) for name in (PRIMARY, SECOND)}
        self.samples.append(Sample(monotonic(), counts))

    async def _count(self, provider: str) -> int:
        """Requests it has had; a frozen one has had what it had when it froze."""
        try:
            async with self._http.get(self._control(provider, "counts"), timeout=aiohttp.ClientTimeout(0.1)) as reply:
                return int((await reply.json())["requests"].get(CHAIN, 0))
        except TimeoutError:
            return self.samples[-1].requests[provider] if self.samples else 0

    def _control(self, provider: str, path: str) -> str:
        return f"http://{LOOPBACK}:{self._platform.port(f'{provider}-1', 'control')}/{path}"

    async def asked(self, provider: str, method: str) -> int:
        """How often a provider was asked for this method."""
        async with self._http.get(self._control(provider, "counts")) as reply:
            rows = (await reply.json())["calls"]
        return sum(row["count"] for row in rows if row["method"] == method)

    async def mined(self, tx_hash: str, *, within_s: float) -> bool:
        """Whether this transaction is in a block by then."""

        async def receipt() -> None:
            if await self.chain("eth_getTransactionReceipt", tx_hash) is None:
                raise NotReady("no receipt yet")

        with suppress(TimeoutError):
            await wait_for(receipt, within_s=within_s, saying="the transaction is in a block")
            return True
        return False


@asynccontextmanager
async def network(platform: Held) -> AsyncGenerator[Network]:
    """Give the running components, ready to be broken."""
    units = await platform.units()
    pids = {name: int(units[f"{name}-1"]["pid"]) for name in (PRIMARY, SECOND)}
    async with aiohttp.ClientSession() as http:
        found = Network(platform, http, pids)
        await found.begin()
        yield found
