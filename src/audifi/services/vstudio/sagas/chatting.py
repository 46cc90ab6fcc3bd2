"""Take chat lines and take them back: many people's in one transaction, each an event of the session.

Between: routes.chat (one line of a browser), routes.gateway (a batch) and store.chat, store.live_events.
Invariant: a line said again with the same requestId is the same line; what everybody sees are committed lines, in the
order of their numbers.
Errors: those of one line are its result; SessionNotFound and Unavailable fail the batch.
Source: domain.md 3 (chat if enabled, ≤ 500 characters); producers moderate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id
from audifi.services.vstudio.errors import Forbidden, Invalid, InvalidState, NotFound, Problem
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.rules import states
from audifi.services.vstudio.sagas import deciding, frames, recent
from audifi.services.vstudio.store import chat, live_events
from audifi.services.vstudio.store.chat import Line
from audifi.services.vstudio.store.sessions import Session
from audifi.wire.live import protocol

REQUEST_ID_CHARS_MAX: Final = 100


@dataclass(frozen=True, kw_only=True)
class Said:
    """A line somebody wants to say."""

    user_id: str
    request_id: str
    role: str
    text: str


Result = str | Problem  # the line's id


async def say(parts: Parts, session_id: str, said: Sequence[Said]) -> list[Result]:
    """Take lines; the results are in their order."""
    session = await recent.session(parts, session_id)
    now = parts.clock.now()
    judged = [_judged(session, each) for each in said]
    new = [each for each in judged if isinstance(each, Said)]
    names = await parts.names.all_of({each.user_id for each in new})
    lines = [
        Line(
            id=str(new_id()),
            user_id=each.user_id,
            request_id=each.request_id,
            display_name=names[each.user_id],
            role=each.role,
            text=each.text,
            created_at=now,
        )
        for each in new
    ]
    if lines:
        async with parts.database.transaction() as tx:
            ids = iter(await _written(tx, session_id, lines))
        parts.wake_live()
        return [each if isinstance(each, Problem) else next(ids) for each in judged]
    return [each for each in judged if isinstance(each, Problem)]


async def remove(parts: Parts, session: Session, line_id: str, by: str, reason: str | None) -> None:
    """Take a line back: its author, the artist, or a producer the artist named; again changes nothing."""
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        line = await chat.one(tx, session.id, line_id)
        if line is None:
            raise NotFound("There is no such line.")
        if by != line.user_id and not deciding.may_run(session, by):
            raise Forbidden("Only the artist, a producer of the session or its author takes a line back.")
        if await chat.remove(tx, line_id, by, reason, now):
            await live_events.add(tx, session.id, frames.frame("chat_removed", now, id=line_id))
    parts.wake_live()


def _judged(session: Session, said: Said) -> Said | Problem:
    text = said.text.strip()
    if session.status not in (*states.LIVE, "SCHEDULED", "LOCKED"):
        return InvalidState("Nobody chats here now.")
    if not session.chat_enabled:
        return Forbidden("The artist has switched chat off.")
    if not 1 <= len(text) <= protocol.CHAT_CHARACTERS_MAX or not text.replace("\n", " ").isprintable():
        return Invalid(details={"text": f"1 to {protocol.CHAT_CHARACTERS_MAX} characters that can be shown"})
    if not 1 <= len(said.request_id) <= REQUEST_ID_CHARS_MAX or not said.request_id.isprintable():
        return Invalid(details={"requestId": f"1 to {REQUEST_ID_CHARS_MAX} printable characters"})
    return replace(said, text=text)


async def _written(tx: Connection, session_id: str, lines: Sequence[Line]) -> list[str]:
    """Write what was not said before, tell it; return every line's id."""
    written = await chat.insert(tx, session_id, lines[0].created_at, lines)
    new = [each for each in lines if each.id in written]
    if new:
        told = [frames.frame("chat_message", each.created_at, **chat.fields_of(each)) for each in new]
        await live_events.add_all(tx, session_id, told)
    again = [each for each in lines if each.id not in written]
    before = await chat.said_before(tx, session_id, again) if again else {}
    return [each.id if each.id in written else before[str(each.user_id), each.request_id] for each in lines]
