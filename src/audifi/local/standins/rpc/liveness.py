"""Let a provider die and live again on request, per chain.

Between: control (sets faults) and the listening port of the provider.
Shape: a chain is dead while refuse_connections is set, or in every second period of flap_ms (the first one is dead).
Invariant: the port is closed, and every connection cut, exactly while all chains are dead. Where only some are, their
requests are cut as they arrive: one port serves all chains, and a port cannot be half closed.
Units: *_s seconds.
Errors: OSError if the port was taken meanwhile.
"""

import asyncio
from collections.abc import Iterable

from audifi.local.standins.rpc.chain import Chain
from audifi.local.standins.rpc.server import Listener


class Liveness:
    """Who is dead now."""

    def __init__(self, listener: Listener, chains: Iterable[Chain]) -> None:
        self._listener = listener
        self._chains = tuple(chains)
        self._flapping: dict[str, asyncio.TimerHandle] = {}
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def follow(self, chains: Iterable[Chain]) -> None:
        """Do what the faults of these chains say now."""
        for chain in chains:
            if timer := self._flapping.pop(chain.name, None):
                timer.cancel()
            chain.is_dead = chain.faults.refuse_connections or chain.faults.flap_ms > 0
            if chain.faults.flap_ms:
                self._turn_later(chain)
        await self._apply()

    def stop(self) -> None:
        for timer in self._flapping.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()

    def _turn_later(self, chain: Chain) -> None:
        loop = asyncio.get_running_loop()
        self._flapping[chain.name] = loop.call_later(chain.faults.flap_ms / 1000, self._turn, chain)

    def _turn(self, chain: Chain) -> None:
        chain.is_dead = not chain.is_dead
        self._turn_later(chain)
        task = asyncio.get_running_loop().create_task(self._apply())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _apply(self) -> None:
        async with self._lock:  # opening takes a turn of the loop
            if all(chain.is_dead for chain in self._chains):
                self._listener.close()
            else:
                await self._listener.open()
