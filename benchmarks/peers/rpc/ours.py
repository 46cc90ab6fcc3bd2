"""Call through our own pool, in a process of its own like every peer.

Between: benchmarks/failover and audifi.clients.chain; uvloop, as in our services.
"""

import asyncio
import sys
from typing import Any

import uvloop

from audifi.clients.chain.pool.chains import Chains
from audifi.kernel.logs import Sink, log
from audifi.kernel.settings import Secret
from benchmarks.peers.rpc import open_loop


async def main() -> None:
    log.sink = Sink(sys.stderr.fileno())  # stdout is for answers
    told = open_loop.told()
    chains = await Chains.open(told["providers"], Secret(told["keys"]))
    running = asyncio.create_task(chains.run())
    chain = chains[1]

    async def ask(method: str, params: list[Any]) -> Any:
        return await chain.call(method, params)

    async def broadcast(raw: str) -> str:
        return await chain.broadcast(bytes.fromhex(raw.removeprefix("0x")))

    try:
        await open_loop.run(told, ask, broadcast)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await chains.close()


if __name__ == "__main__":
    uvloop.run(main())
