"""Work with the worker's parts over real stores and a real chain, one step at a time.

Between: tests of this folder, the `stores` fixture and one development chain (tests.component.chain.endpoint).
Shape: `want` is what a service's event does; `settle` lets keepers work and blocks pass; `told` is what the worker's
outbox says about a key, in order.
Why step by step: a test decides when time and blocks pass, and where a pod dies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec
from tests.component.chain.endpoint import Endpoint
from tests.support.clock import MovableClock

from audifi.clients.chain.writing.ledger import SETTLED, State, Transaction
from audifi.kernel.queue import Handler
from audifi.services.worker.parts import Parts
from audifi.wire.events import Event, EventData, envelope
from audifi.wire.events.chain import AnyCommand, ChainSettled, ChainWanted

CHAIN = 1


def said(data: EventData, *, producer: str = "nft-service", event_id: Any = None) -> Event:
    """An event as a service's outbox writes it."""
    return envelope(
        data, event_id=event_id or uuid4(), producer=producer, aggregate_id="test", request_id="", traceparent=""
    )


@dataclass
class World:
    """One worker pod's parts."""

    parts: Parts
    endpoint: Endpoint
    clock: MovableClock
    handlers: Mapping[str, Handler]

    async def deliver(self, event: Event) -> None:
        """Handle an event as the consumer does, in one transaction."""
        async with self.parts.database.transaction() as tx:
            await self.handlers[event.type](tx, event)

    async def want(self, key: str, command: AnyCommand, *, producer: str = "nft-service") -> None:
        await self.deliver(said(ChainWanted(key=key, chain_id=CHAIN, command=command), producer=producer))

    async def done(self, key: str, command: AnyCommand, *, producer: str = "nft-service") -> ChainSettled:
        """Want something, and return what became of it."""
        await self.want(key, command, producer=producer)
        await self.settle(key)
        last = (await self.told(key))[-1]
        assert last.state == "FINAL", last
        return last

    async def work(self) -> None:
        """Let the keeper do what is due."""
        while await self.parts.transactions.step(CHAIN):
            pass

    async def settle(self, key: str, *, rounds_max: int = 40) -> Transaction:
        for _ in range(rounds_max):
            await self.work()
            found = await self.find(key)
            if found.state in SETTLED:
                return found
            await self.mine()
            self.clock.advance(20)
        raise AssertionError(f"not settled after {rounds_max} rounds: {await self.find(key)}")

    async def until(self, key: str, state: State, *, rounds_max: int = 20) -> Transaction:
        for _ in range(rounds_max):
            await self.work()
            if (found := await self.find(key)).state is state:
                return found
            await self.mine()
            self.clock.advance(2)
        raise AssertionError(f"not {state} after {rounds_max} rounds: {await self.find(key)}")

    async def find(self, key: str) -> Transaction:
        found = await self.parts.transactions.find(key, CHAIN)
        assert found is not None, key
        return found

    async def mine(self, blocks: int = 1) -> None:
        await self.endpoint.development("anvil_mine", hex(blocks))

    async def events(self, event_type: str) -> list[Event]:
        """What the worker published and nobody relayed yet, oldest first."""
        rows = await self.parts.database.rows("SELECT payload FROM outbox ORDER BY position", primary=True)
        found = [msgspec.json.decode(bytes(row["payload"]), type=Event) for row in rows]
        return [event for event in found if event.type == event_type]

    async def told(self, key: str) -> list[ChainSettled]:
        found = [msgspec.convert(event.data, ChainSettled) for event in await self.events("chain.settled")]
        return [settled for settled in found if settled.key == key]
