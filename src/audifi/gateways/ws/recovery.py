"""Bring a viewer up to date: by the events it missed, or by a snapshot.

Between: rooms (decides when), clients.live (the ring) and vstudio-service (the snapshot, through `ask`).

# One question for everybody
However many viewers want a snapshot at once, it is asked for once, and kept as long as nothing happened since, at
least KEPT_S: what did happen since is replayed from the ring like anything else that was missed.
`you` is spliced in for each viewer; the rest is encoded once.

# States
A snapshot holds every state as of its question, so only those that came later are sent after it. Somebody who missed
events is sent every kept state: which of them it has is not known, and what is not newer it ignores.

Units: *_S seconds. Errors: the Problem that asking raised, for everybody who waited for it.
Source: realtime.md 3 "Recovery" (one read for many); domain.md 3 "Recovery".
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from audifi.clients.live.ring import State
from audifi.clients.live.room import Room
from audifi.gateways.ws import dialects
from audifi.gateways.ws.dialects import Dialect
from audifi.wire.live.calls import Snapshot, You

KEPT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Encoded:
    """A snapshot, ready but for whom it is for."""

    seq: int
    at_s: float
    body: bytes  # the flat frame without its last brace
    known: dict[str, State]

    def frame(self, dialect: Dialect, you: You) -> bytes:
        """Return the WebSocket frame for one viewer."""
        body = b'%b,"you":%b}' % (self.body, _encoded_you(you))
        return dialects.framed(dialects.rendered(dialect, body, b',"seq":%d' % self.seq))

    def later(self, room: Room) -> list[State]:
        """The states that came after it."""
        return [state for key, state in room.states.items() if self.known.get(key) is not state]


class Snapshots:
    """One session's newest snapshot."""

    def __init__(self, room: Room, ask: Callable[[str], Awaitable[Snapshot]]) -> None:
        self._room = room
        self._ask = ask
        self._kept: Encoded | None = None
        self._asking: asyncio.Task[Encoded] | None = None

    async def newest(self) -> Encoded:
        """Return a snapshot after which the ring can replay; asked for once by all who want it."""
        kept = self._kept
        if kept is not None and self._is_good(kept):
            return kept
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._fetch())
        return await asyncio.shield(self._asking)

    def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    def _is_good(self, kept: Encoded) -> bool:
        if kept.seq >= self._room.seq:
            return True
        is_fresh = asyncio.get_running_loop().time() - kept.at_s < KEPT_S
        return is_fresh and self._room.events_after(kept.seq) is not None

    async def _fetch(self) -> Encoded:
        known, at_s = dict(self._room.states), asyncio.get_running_loop().time()
        snapshot = await self._ask(self._room.session_id)
        state = {"type": "session_state", "ts": time.time_ns() // 1_000_000, "status": snapshot.status}
        body = msgspec.json.encode(state | snapshot.state)[:-1]
        self._kept = Encoded(seq=snapshot.seq, at_s=at_s, body=body, known=known)
        if snapshot.seq > self._room.seq:
            self._room.expect(snapshot.seq)
        return self._kept


def _encoded_you(you: You) -> bytes:
    # Every field, for clients do not know our defaults.
    return msgspec.json.encode({name: getattr(you, name) for name in You.__struct_fields__})
