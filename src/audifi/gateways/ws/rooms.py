"""Keep an audience for every session that somebody watches here.

Between: commands (join, leave, reacted), connection (leave) and clients.live.feed, vstudio-service (snapshots, pulses).

    async with rooms.opened(settings, cache, peers) as open_rooms: ...

Shape: an audience is made at the first join, and forgotten when everybody has gone and that was told.
Units: *_S seconds. Errors: join raises a Problem when the session cannot be read.
Source: wire.live.calls (what is asked); domain.md 3.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from audifi.clients.live.feed import Feed
from audifi.gateways.ws.audience import Audience
from audifi.gateways.ws.presence import Present, Registration
from audifi.gateways.ws.settings import GatewaySettings
from audifi.gateways.ws.viewer import Viewer
from audifi.kernel.cache import Cache
from audifi.kernel.peers import Peers
from audifi.kernel.server import keep, stop
from audifi.wire.live.calls import Events, Pulse, Pulsed, Snapshot

BEAT_S: Final = 1.0
_SERVICE: Final = "vstudio-service"


@dataclass(frozen=True, slots=True)
class Asks:
    """What vstudio-service is asked."""

    snapshot: Callable[[str], Awaitable[Snapshot]]
    pulse: Callable[[str, Pulse], Awaitable[Pulsed]]


class Rooms:
    """All sessions somebody here watches."""

    def __init__(self, feed: Feed, asks: Asks, registration: Registration, pod: str) -> None:
        self._feed = feed
        self._asks = asks
        self._registration = registration
        self._pod = pod
        self._audiences: dict[str, Audience] = {}

    async def join(self, viewer: Viewer, last_seq: int | None) -> None:
        """Bring the viewer up to date, then show it what happens; joining again starts anew."""
        self.leave(viewer)
        audience = self._audiences.get(viewer.session_id)
        if audience is None:
            room = self._feed.follow(viewer.session_id)
            audience = self._audiences[viewer.session_id] = Audience(room, Present(self._pod), self._asks.snapshot)
        await audience.join(viewer, last_seq)

    def leave(self, viewer: Viewer) -> None:
        """Forget the viewer; nothing happens when it is in no room."""
        if isinstance(viewer.room, Audience):
            viewer.room.leave(viewer)

    def reacted(self, session_id: str, emoji: str) -> None:
        """Count a reaction for the next pulse."""
        audience = self._audiences.get(session_id)
        if audience is not None:
            audience.present.reacted(emoji)

    async def withdraw(self) -> None:
        """Take no more tickets: the pod drains."""
        await self._registration.withdraw()

    async def run(self) -> None:
        """Once a second: close who is too slow, and say that this pod is there."""
        while True:
            viewers = 0
            for audience in list(self._audiences.values()):
                audience.dismiss_slow()
                viewers += len(audience)
            await self._registration.renew(viewers)
            await asyncio.sleep(BEAT_S)

    async def tell(self) -> None:
        """Once a second: tell who watches. A loop of its own, for the service may be slow."""
        loop = asyncio.get_running_loop()
        while True:
            next_s = loop.time() + BEAT_S
            await self._tell_all(loop.time())
            await asyncio.sleep(max(next_s - loop.time(), 0.0))

    def close(self) -> None:
        for audience in self._audiences.values():
            audience.close()

    async def _tell_all(self, now_s: float) -> None:
        audiences = list(self._audiences.items())
        await asyncio.gather(
            *(audience.present.beat(session_id, self._asks.pulse, now_s) for session_id, audience in audiences)
        )
        for session_id, audience in audiences:
            if not len(audience) and audience.present.is_over:
                del self._audiences[session_id]
                audience.close()
                self._feed.leave(audience.room)


@asynccontextmanager
async def opened(settings: GatewaySettings, cache: Cache, peers: Peers) -> AsyncGenerator[Rooms]:
    """Open the rooms, and keep them going."""

    def path(session_id: str, part: str) -> str:
        return f"/internal/v1/sessions/{session_id}/{part}"

    async def snapshot(session_id: str) -> Snapshot:
        return await peers.get(_SERVICE, path(session_id, "snapshot"), Snapshot)

    async def pulse(session_id: str, body: Pulse) -> Pulsed:
        return await peers.post(_SERVICE, path(session_id, "pulse"), body, Pulsed)

    async def missed(session_id: str, after: int) -> Events:
        return await peers.get(_SERVICE, path(session_id, "events"), Events, query={"after": str(after)})

    feed = Feed.open(settings, cache, missed)
    rooms = Rooms(feed, Asks(snapshot, pulse), Registration(cache, settings.pod), settings.pod)
    loops = [asyncio.create_task(keep(loop)) for loop in (feed.run, rooms.run, rooms.tell)]
    try:
        yield rooms
    finally:
        await rooms.withdraw()
        await stop(loops)
        rooms.close()
        await feed.close()
