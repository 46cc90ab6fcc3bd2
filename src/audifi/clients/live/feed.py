"""Follow live sessions: one room per session and process, however many viewers it has here.

Between: gateways.ws and services.vstudio (event streams) and clients.live.subscription.

    feed = Feed.open(settings, cache, missed)      # missed: where to read what Redis forgot
    room = feed.follow(session_id)
    room.listeners.append(heard)                   # called with (events, states)
    await room.has_begun.wait()
    ...
    feed.leave(room)

Invariant: a room is forgotten FORGET_S after the last who followed it left, so that a page that is loaded again finds
its ring. Units: *_S seconds. Errors: none from following; what cannot be read is tried again (see room).
Source: domain.md 3 "Scaling".
"""

import asyncio
from typing import Final, Self

from audifi.clients.live.room import Room
from audifi.clients.live.sources import Missed, Sources
from audifi.clients.live.subscription import Subscription
from audifi.kernel.cache import Cache, CacheSettings
from audifi.wire.live import feed

FORGET_S: Final = 30.0


class Feed:
    """All sessions that this process follows."""

    def __init__(self, sources: Sources, password: str) -> None:
        self._sources = sources
        self._subscription = Subscription(sources.cache, password, self._received, self._subscribed)
        self._rooms: dict[str, Room] = {}
        self._by_channel: dict[bytes, Room] = {}
        self._followers: dict[str, int] = {}
        self._forgetting: dict[str, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @classmethod
    def open(cls, settings: CacheSettings, cache: Cache, missed: Missed) -> Self:
        """Make it; `run` connects."""
        return cls(Sources(cache, missed), settings.redis_password.reveal())

    async def run(self) -> None:
        """Keep subscribed to what is followed, until cancelled."""
        await self._subscription.run()

    async def close(self) -> None:
        for timer in self._forgetting.values():
            timer.cancel()
        self._subscription.close()
        await asyncio.gather(*(room.close() for room in self._rooms.values()), *self._closing)

    def follow(self, session_id: str) -> Room:
        """Return the session's room; say `leave` once for each `follow`."""
        if (timer := self._forgetting.pop(session_id, None)) is not None:
            timer.cancel()
        room = self._rooms.get(session_id)
        if room is None:
            room = self._rooms[session_id] = Room(session_id, self._sources)
            self._by_channel[feed.channel(session_id).encode()] = room
            self._subscription.add(feed.channel(session_id))
        self._followers[session_id] = self._followers.get(session_id, 0) + 1
        return room

    def leave(self, room: Room) -> None:
        """One follower less; the last one starts the time after which the room is forgotten."""
        session_id = room.session_id
        self._followers[session_id] -= 1
        if self._followers[session_id] == 0:
            loop = asyncio.get_running_loop()
            self._forgetting[session_id] = loop.call_later(FORGET_S, self._forget, session_id)

    def _forget(self, session_id: str) -> None:
        del self._forgetting[session_id], self._followers[session_id]
        room = self._rooms.pop(session_id)
        channel = feed.channel(session_id)
        del self._by_channel[channel.encode()]
        self._subscription.remove(channel)
        task = asyncio.create_task(room.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _received(self, channel: bytes, message: bytes) -> None:
        room = self._by_channel.get(channel)
        if room is not None:
            room.receive(message)

    def _subscribed(self, channel: bytes) -> None:
        room = self._by_channel.get(channel)
        if room is not None:
            room.doubt()
