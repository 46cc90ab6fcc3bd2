"""Read what a live session's followers missed: from Redis' log, and from whoever has the truth when Redis forgot.

Between: clients.live.room (asks) and kernel.cache, and `missed`, which the owner of the feed gives: the gateway asks
vstudio-service over HTTP, vstudio-service its own table.
Errors: Unavailable.
Source: wire.live.feed.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from audifi.clients.live.ring import Event, State
from audifi.kernel.cache import Cache
from audifi.wire.live import feed
from audifi.wire.live.calls import Events

Missed = Callable[[str, int], Awaitable[Events]]  # (session, after this event)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where events and states are kept."""

    cache: Cache
    missed: Missed

    async def log(self, session_id: str, after: int) -> list[Event]:
        """Return what Redis has of the events after this one, which may have holes."""
        found: list[bytes] = await self.cache.command("ZRANGEBYSCORE", feed.log(session_id), f"({after}", "+inf")
        return [Event(*feed.parsed_event(message)) for message in found]

    async def states(self, session_id: str) -> list[State]:
        """Return the newest state of each key."""
        found: list[bytes] = await self.cache.command("HVALS", feed.states(session_id))
        return [State(*feed.parsed_state(message)) for message in found]

    async def truth(self, session_id: str, after: int) -> tuple[list[Event], Events]:
        """Return the events after this one as PostgreSQL has them, and the answer itself."""
        answer = await self.missed(session_id, after)
        return [Event(seq, body.encode()) for seq, body in answer.events], answer
