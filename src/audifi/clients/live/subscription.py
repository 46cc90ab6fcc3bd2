"""Stay subscribed to channels of the Redis Cluster, wherever a failover puts them.

Between: clients.live.feed (names channels; hears messages and when a subscription began) and the cluster's masters.

# How it stays subscribed
Every LOOK_S, and at once after anything changed, each channel's place is compared with the master that owns its slot
now; what differs is subscribed there and given up here. A connection that is lost, whose master does not answer a ping
for ANSWER_S (frozen), that is told MOVED or that its channel went away, is cut: its channels have no place any more,
and the kernel's own client is told to learn who owns what.
Messages published meanwhile are lost here (Redis keeps none), so whoever follows is told of each beginning, and reads.

Why connections of its own: RESP2 allows a subscribed connection nothing but subscriptions and pings.
Shape: one connection per master that owns one of our channels; sharded channels (SSUBSCRIBE), 5 µs a message on one
master instead of 14 on all (realtime.md 2.4).
Units: *_S seconds. Errors: none; logged.
Source: https://redis.io/docs/latest/develop/pubsub/#sharded-pubsub; realtime.md 3.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, cast

import hiredis

from audifi.kernel.logs import log
from audifi.wire.problems import Unavailable

ANSWER_S: Final = 1.0
PING_S: Final = 0.25
CONNECT_S: Final = 0.5
LOOK_S: Final = 1.0
RETRY_S: Final = 0.1
_packed: Final[Callable[[Sequence[str | bytes]], bytes]] = cast("Any", hiredis.pack_command)


class Owners(Protocol):
    """Who owns a channel's slot; kernel.cache is one."""

    async def owner(self, key: str) -> str: ...
    def doubt(self) -> None: ...


class _Ear(asyncio.Protocol):
    """One connection to one master."""

    def __init__(self, address: str, told: "Subscription") -> None:
        self.address = address
        self.asked: set[bytes] = set()
        self.is_open = False
        self._told = told
        self._reader = hiredis.Reader()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pinged_s: float | None = None
        self._was_late = False
        self.entered: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._timer is not None:
            self._timer.cancel()
        if not self.entered.done():
            self.entered.set_exception(exc or ConnectionError("closed"))
        self._told.lost(self, exc)

    def say(self, *words: str | bytes) -> None:
        if self._transport is not None and self.is_open:
            self._transport.write(_packed(words))

    def cut(self, why: str) -> None:
        if self._transport is not None and self.is_open:
            log.warning("a subscription is cut", address=self.address, reason=why)
            self._transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        answer: Any
        while (answer := self._reader.gets()) is not False:  # False: not all there yet
            match answer:
                case [b"smessage", bytes(channel), bytes(message)]:
                    self._told.heard(channel, message)
                case _:
                    self._answered(answer)

    def _answered(self, answer: Any) -> None:
        match answer:
            case [b"ssubscribe", bytes(channel), _]:
                self._told.subscribed(self, channel)
            case [b"sunsubscribe", bytes(channel), _]:
                if channel in self.asked:
                    self.cut(f"{channel.decode()} went to another master")
            case [b"pong", _] | b"PONG":
                self._pinged_s, self._was_late = None, False
            case b"OK":
                self.entered.set_result(None)
                self._ping()
            case _:
                self.cut(str(answer))

    def _ping(self) -> None:
        if self._pinged_s is None:
            self._pinged_s = self._loop.time()
            self.say("PING")
        elif self._loop.time() - self._pinged_s > ANSWER_S:
            # Seen twice: between the two the loop has read what there was, so it is the master that is late, not we.
            if self._was_late:
                self.cut(f"no answer for {ANSWER_S:g} s")
                return
            self._was_late = True
        self._timer = self._loop.call_later(PING_S, self._ping)


class Subscription:
    """Channels, and where each is subscribed."""

    def __init__(
        self,
        owners: Owners,
        password: str,
        heard: Callable[[bytes, bytes], None],
        began: Callable[[bytes], None],
    ) -> None:
        self.heard = heard
        self._owners = owners
        self._password = password
        self._began = began
        self._wanted: set[bytes] = set()
        self._places: dict[bytes, _Ear] = {}
        self._ears: dict[str, _Ear] = {}
        self._is_changed = asyncio.Event()

    def add(self, channel: str) -> None:
        self._wanted.add(channel.encode())
        self._is_changed.set()

    def remove(self, channel: str) -> None:
        self._wanted.discard(channel.encode())
        self._is_changed.set()

    async def run(self) -> None:
        """Compare and correct, until cancelled."""
        while True:
            self._is_changed.clear()
            is_settled = await self._settle()
            try:
                async with asyncio.timeout(LOOK_S if is_settled else RETRY_S):
                    await self._is_changed.wait()
            except TimeoutError:
                continue

    def close(self) -> None:
        self._wanted.clear()
        for ear in list(self._ears.values()):
            ear.close()

    def subscribed(self, ear: _Ear, channel: bytes) -> None:
        before = self._places.get(channel)
        self._places[channel] = ear
        if before is not None and before is not ear:
            before.asked.discard(channel)
            before.say("SUNSUBSCRIBE", channel)
        self._began(channel)

    def lost(self, ear: _Ear, error: Exception | None) -> None:
        if self._ears.get(ear.address) is ear:
            del self._ears[ear.address]
        self._places = {channel: place for channel, place in self._places.items() if place is not ear}
        if self._wanted:
            log.warning("a subscription ended", address=ear.address, error=str(error or "closed"))
            self._owners.doubt()
        self._is_changed.set()

    async def _settle(self) -> bool:
        """Put every channel in its place; return whether there was nothing to wait for."""
        for channel in self._places.keys() - self._wanted:
            ear = self._places.pop(channel)
            ear.asked.discard(channel)
            ear.say("SUNSUBSCRIBE", channel)
        by_owner: dict[str, list[bytes]] = {}
        for channel in tuple(self._wanted):
            try:
                by_owner.setdefault(await self._owners.owner(channel.decode()), []).append(channel)
            except Unavailable:
                return False
        done = await asyncio.gather(*(self._subscribe(owner, channels) for owner, channels in by_owner.items()))
        for ear in list(self._ears.values()):
            if not ear.asked:
                ear.close()
        return all(done)

    async def _subscribe(self, owner: str, channels: list[bytes]) -> bool:
        ear = self._ears.get(owner) or await self._connected(owner)
        if ear is None:
            return False
        for channel in self._wanted.intersection(channels) - ear.asked:
            ear.asked.add(channel)
            ear.say("SSUBSCRIBE", channel)
        return True

    async def _connected(self, address: str) -> _Ear | None:
        host, _, port = address.rpartition(":")
        ear = _Ear(address, self)
        try:
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().create_connection(lambda: ear, host, int(port))
                ear.say("AUTH", self._password)
                await ear.entered
            self._ears[address] = ear
        except OSError as error:  # TimeoutError is one
            log.warning("a master cannot be entered", address=address, error=repr(error))
            self._owners.doubt()
            return None
        finally:
            if self._ears.get(address) is not ear:
                ear.close()
        return ear
