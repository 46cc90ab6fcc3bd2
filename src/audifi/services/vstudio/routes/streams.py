"""Stream a live session's events to who cannot keep a socket (server-sent events).

Between: the gateway (GET /vstudio/sse/{id}), sagas.admitting (who they are), clients.live.feed (what happens).
Shape: `data` is the flat frame as on the socket, with `seq` (and `version` for states); an event's `id` is its seq, and
`Last-Event-ID` resumes after it: from the room's ring, or with a snapshot (`session_state`) when that is too old, as at
the beginning. Votes, chat and reactions go over HTTP.
Why a reader that is slow is harmless: what waits for it is bounded; who falls behind starts again from a snapshot.
Units: *_S seconds.
Errors: those of an admission, before the stream begins; it ends with session_ended, or when the pod stops.
Source: domain.md 3 "SSE fallback"; https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from audifi.clients.live.ring import Event, State
from audifi.clients.live.room import Room
from audifi.kernel.context import PROCESS
from audifi.kernel.http import Access, Operation
from audifi.kernel.identity import Mfa
from audifi.services.vstudio.errors import Conflict, InvalidState, NotEligible, SessionNotFound
from audifi.services.vstudio.parts import Parts, VstudioCall
from audifi.services.vstudio.routes.fields import SessionPath
from audifi.services.vstudio.sagas import admitting, snapshots
from audifi.wire.live import protocol
from audifi.wire.live.calls import Admission, Asking

BEGIN_S: Final = 5.0  # a room that has not begun by then has neither Redis nor the database
LOOK_S: Final = 1.0  # how soon a stopping pod's streams end
SILENCE_S: Final = 15.0  # then a comment is sent, so that nobody in between takes the connection for dead
RETRY: Final = b"retry: 1000\n\n"
COMMENT: Final = b":\n\n"
_LAST: Final = b'{"type":"session_ended"'


async def stream(call: VstudioCall) -> AsyncIterator[bytes]:
    """Follow a session."""
    caller, parts = call.user(), call.deps
    asking = Asking(
        user_id=caller.user_id, sid=caller.session_id, roles=tuple(caller.roles), mfa=caller.mfa is Mfa.PASSED
    )
    admission = await admitting.admit(parts, str(call.parameters.id), asking)
    last = call.headers.lower("last-event-id")
    call.reply_headers["X-Accel-Buffering"] = "no"  # proxies send each piece at once
    return _pieces(parts, admission, int(last) if last.isdecimal() and len(last) < 16 else None)


class _Mailbox:
    """What a room told and the reader was not sent yet."""

    def __init__(self, room: Room) -> None:
        self.events: list[Event] = []
        self.states: dict[str, State] = {}
        self.has_overflowed = False
        self._room = room
        self._is_new = asyncio.Event()
        room.listeners.append(self._heard)

    def close(self) -> None:
        self._room.listeners.remove(self._heard)

    def _heard(self, events: Sequence[Event], states: Sequence[State]) -> None:
        self.events += events
        self.states.update((state.key, state) for state in states)  # of each key the newest is enough
        if len(self.events) > protocol.QUEUE_FRAMES_MAX:
            self.events.clear()
            self.has_overflowed = True
        self._is_new.set()

    async def is_filled(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await self._is_new.wait()
        except TimeoutError:
            return False
        self._is_new.clear()
        return True

    def taken(self) -> tuple[list[Event], list[State]]:
        events, states = self.events, list(self.states.values())
        self.events, self.states = [], {}
        return events, states


async def _pieces(parts: Parts, admission: Admission, last: int | None) -> AsyncIterator[bytes]:
    room = parts.feed.follow(admission.session_id)
    mailbox = _Mailbox(room)
    try:
        async with asyncio.timeout(BEGIN_S):
            await room.has_begun.wait()
        yield RETRY
        seq, pieces = await _beginning(parts, room, admission, last)
        yield pieces
        silent_s = 0.0
        while not PROCESS.is_stopping:
            if not await mailbox.is_filled(LOOK_S):
                silent_s += LOOK_S
                if silent_s >= SILENCE_S:
                    silent_s = 0.0
                    yield COMMENT
                continue
            silent_s = 0.0
            events, states = mailbox.taken()
            new = [each for each in events if each.seq > seq]
            if mailbox.has_overflowed or (new and new[0].seq != seq + 1):
                mailbox.has_overflowed = False
                seq, pieces = await _beginning(parts, room, admission, None)
            else:
                pieces = b"".join((*map(_event, new), *map(_state, states)))
                seq = new[-1].seq if new else seq
            yield pieces
            if any(each.body.startswith(_LAST) for each in events):
                return
    finally:
        mailbox.close()
        parts.feed.leave(room)


async def _beginning(parts: Parts, room: Room, admission: Admission, last: int | None) -> tuple[int, bytes]:
    """Return what a reader begins with, and the event it stands after."""
    missed = None if last is None else room.events_after(last)
    if last is not None and missed is not None:
        states = map(_state, room.states.values())
        return room.seq, b"".join((*map(_event, missed), *states))
    told = await snapshots.of_session(parts, admission.session_id)
    body: dict[str, Any] = {
        "type": "session_state",
        "ts": int(parts.clock.now_s() * 1000),
        **told.state,
        "you": admission.you,
        "seq": told.seq,
    }
    later = [each for each in room.events_after(told.seq) or () if each.seq > told.seq]
    first = b"id: %d\ndata: %b\n\n" % (told.seq, msgspec.json.encode(body))
    return (later[-1].seq if later else told.seq), b"".join((first, *map(_event, later)))


def _event(event: Event) -> bytes:
    return b'id: %d\ndata: %b,"seq":%d}\n\n' % (event.seq, event.body[:-1], event.seq)


def _state(state: State) -> bytes:
    return b'data: %b,"seq":%d,"version":%d}\n\n' % (state.body[:-1], state.seq, state.version)


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/vstudio/sse/{id}", handler=stream, summary="Follow a session as server-sent events",
        tag="streams", access=Access.USER, parameters=SessionPath, reply=str, sends="text/event-stream",
        errors=(SessionNotFound, InvalidState, NotEligible, Conflict),
    ),
)  # fmt: skip
