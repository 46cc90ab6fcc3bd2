"""An event that always fails ends as a dead letter; an operator looks, sends it again once, or drops it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from tests.component.worker.world import CHAIN, World, said

from audifi.kernel.connection import Connection
from audifi.kernel.context import PROCESS
from audifi.kernel.queue import Consumer
from audifi.services.worker.letterbox import Letterbox
from audifi.wire import streams
from audifi.wire.events import Event
from audifi.wire.events.auth import UserCreated
from audifi.wire.events.chain import ChainWanted, OpenSale
from audifi.wire.problems import Invalid, NotFound

pytestmark = pytest.mark.asyncio

STREAM = "events:user"
MASTER = "0x" + "aa" * 20


class Group:
    """A service of its own, that refuses while it is told to."""

    def __init__(self, world: World) -> None:
        self.name = f"group-{uuid4().hex[:8]}"
        self.is_broken = True
        self.handled: list[str] = []
        self.box = Letterbox(world.parts.queue, world.parts.database)
        self.consumer = Consumer(
            world.parts.queue, world.parts.database, group=self.name, handlers={"user.created": self._handle}
        )

    async def _handle(self, _: Connection, event: Event) -> None:
        if self.is_broken:
            raise Invalid("no")
        self.handled.append(event.aggregate_id)

    async def until(self, is_so: Callable[[list[str]], bool]) -> list[str]:
        """Consume until the names of its dead letters are as wanted."""
        names: list[str] = []
        async with asyncio.timeout(20):
            while True:
                await self.consumer.step(wait_s=0.05)
                names = await self.names()
                if is_so(names):
                    return names

    async def names(self) -> list[str]:
        dead = [each for each in await self.box.listed() if each["group"] == self.name]
        if not dead or not dead[0]["dead"]:
            return []
        return [each["name"] for each in await self.box.shown(f"{self.name}:{STREAM}")]


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five tries at once instead of within fifteen seconds."""

    def at_once(_: int) -> float:
        return 0.0

    monkeypatch.setattr(streams, "retry_after_s", at_once)


async def published(world: World, *events: Event) -> None:
    await world.parts.queue.append([(STREAM, msgspec.json.encode(event)) for event in events])


@pytest.mark.usefixtures("no_pauses")
async def test_poison_ends_dead_and_is_sent_again_once(world: World) -> None:
    group = Group(world)
    await group.consumer.create_groups()
    while await group.consumer.step(wait_s=0.01):
        pass  # what other tests left
    for name in await group.names():
        await group.box.discard(name)
    await published(world, said(UserCreated(user_id="poison")))
    [name] = await group.until(lambda names: len(names) == 1)
    [shown] = await group.box.shown(name)
    assert (shown["reason"], shown["event"]["data"]["userId"]) == ("Invalid: no", "poison")
    group.is_broken = False
    moved = await asyncio.gather(*(group.box.retry(name) for _ in range(5)), return_exceptions=True)
    assert sum(len(each["moved"]) for each in moved if isinstance(each, dict)) == 1, moved
    await group.until(lambda _: bool(group.handled))
    assert (await group.names(), len(group.handled)) == ([], 1)
    with pytest.raises(NotFound, match="audifi queue list"):
        await group.box.retry(name)


@pytest.mark.usefixtures("no_pauses")
async def test_those_who_handled_it_ignore_the_second_delivery(world: World) -> None:
    broken, sound = Group(world), Group(world)
    sound.is_broken = False
    for group in (broken, sound):
        await group.consumer.create_groups()
    await published(world, said(UserCreated(user_id="u"), event_id=uuid4()))
    names = await broken.until(bool)
    while await sound.consumer.step(wait_s=0.05):
        pass
    handled = len(sound.handled)
    assert handled
    await broken.box.retry(names[-1])
    while await sound.consumer.step(wait_s=0.05):
        pass
    assert len(sound.handled) == handled, "delivered again, and known by its id"


@pytest.mark.usefixtures("no_pauses")
async def test_all_are_sent_again_but_what_nobody_can_read_or_is_too_old(world: World) -> None:
    group = Group(world)
    await group.consumer.create_groups()
    old = msgspec.structs.replace(said(UserCreated(user_id="old")), occurred_at=datetime.now(UTC) - timedelta(days=31))
    await published(world, old, said(UserCreated(user_id="new")))
    await world.parts.queue.append([(STREAM, b"{not json")])
    await group.until(lambda names: len(names) >= 3)
    while await group.consumer.step(wait_s=0.05):
        pass
    group.is_broken = False
    found = await group.box.retry_all()
    mine = [each["why"] for each in found["kept"] if each["name"].startswith(group.name)]
    assert any("cannot be read by anybody: discard it" in why for why in mine)
    assert any("may have forgotten that they handled it (after 30 days)" in why for why in mine)
    left = await group.names()
    for name in left:
        await group.box.discard(name)
    assert await group.names() == []
    recorded = [event.data["targetId"] for event in await world.events("audit.recorded")]
    assert set(left) <= set(recorded)


async def test_a_name_that_means_nothing_is_told_so(world: World) -> None:
    box = Letterbox(world.parts.queue, world.parts.database)
    for wrong in ("", "nonsense", "worker:events:chain:x", "1-0", "worker:events:none:1763884000000-0"):
        with pytest.raises(NotFound):
            await box.shown(wrong)


@pytest.mark.usefixtures("no_pauses")
async def test_a_key_used_for_another_command_is_a_dead_letter_of_the_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PROCESS, "pod", "worker-test")
    key, group = f"nft:{uuid4()}:open", f"worker-{uuid4().hex[:8]}"
    consumer = Consumer(world.parts.queue, world.parts.database, group=group, handlers=world.handlers)
    await consumer.create_groups()
    one = said(ChainWanted(key=key, chain_id=CHAIN, command=OpenSale(master=MASTER)))
    other = said(ChainWanted(key=key, chain_id=CHAIN, command=OpenSale(master="0x" + "bb" * 20)))
    await world.parts.queue.append([("events:chain", msgspec.json.encode(each)) for each in (one, one, other)])
    box = Letterbox(world.parts.queue, world.parts.database)
    async with asyncio.timeout(20):
        while True:
            await consumer.step(wait_s=0.05)
            dead = [each for each in await box.listed() if each["group"] == group and each["dead"]]
            if any(each["stream"] == "events:chain" for each in dead):
                break
    [letter] = await box.shown(f"{group}:events:chain")
    assert letter["reason"].startswith("IdempotencyKeyReused")
    assert (await world.find(key)).to == MASTER
    await box.discard(letter["name"])
