"""Look at the queue as an operator does: how far each group is, and what it gave up; send that again, or drop it.

Between: the worker's console (`audifi queue`) and the streams that kernel.queue writes.
Names. A dead letter is `<group>:<stream>:<id>`: `worker:events:chain:1763884000000-0`. Its id alone will do while no
other letter has it.
Send again. One script takes the letter out and appends its event to the stream it came from: both or nothing, once,
whoever else tries at the same time. Every group reads it again; whoever handled it knows it by its id
(processed_events) and does nothing. So it is refused for what nobody can read, and for what is older than those rows.
Invariant: a letter is in its stream, or moved, or dropped by name; nothing else removes it.
Errors: NotFound for a name nobody has; Invalid for what must not be sent again; Unavailable.
Source: domain.md 2.0 "Events"; https://redis.io/docs/latest/develop/data-types/streams/.
"""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from redis.exceptions import RedisError

from audifi.kernel.queue import HANDLED_DAYS, Queue
from audifi.wire import streams
from audifi.wire.events import Event
from audifi.wire.problems import Invalid, NotFound, Unavailable

SHOWN_MAX: Final = 50
_PAGE: Final = 500
_COUNTED_MAX: Final = 10_000
_PREFIX: Final = "dead:"
# KEYS: the dead letters, the stream. ARGV: id, field, length. XDEL decides who moves it.
_MOVE: Final = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 or redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
local fields = found[1][2]
for at = 1, #fields, 2 do
  if fields[at] == ARGV[2] then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', ARGV[2], fields[at + 1])
    return 1
  end
end
return redis.error_reply('the letter holds no event')
"""
_events = msgspec.json.Decoder(Event)


class Standing(msgspec.Struct, rename="camel"):
    """How far one group is with one stream."""

    stream: str
    group: str
    waiting: int  # not read yet
    pending: int  # read, not acknowledged
    oldest_age_s: float  # of these
    dead: int


class Letter(msgspec.Struct, rename="camel"):
    """What a group gave up."""

    name: str
    group: str
    stream: str
    id: str
    reason: str
    given_up_at: str
    payload: str
    event: Event | None  # None: nobody can read it


class DeadLetters:
    """The queue, seen from outside."""

    def __init__(self, queue: Queue) -> None:
        self._redis = queue.client

    async def standings(self) -> list[Standing]:
        """Return every stream and group, in the order of their names."""
        async with _translated():
            found: dict[tuple[str, str], Standing] = {}
            async for key in self._redis.scan_iter(match="events:*"):
                for row in await self._redis.xinfo_groups(key):
                    standing = await self._standing(key.decode(), row)
                    found[standing.stream, standing.group] = standing
            for group, stream in await self._given_up():
                empty = Standing(stream=stream, group=group, waiting=0, pending=0, oldest_age_s=0.0, dead=0)
                of_group = found.setdefault((stream, group), empty)
                of_group.dead = int(await self._redis.xlen(streams.dead_letters(stream, group)))
        return [found[name] for name in sorted(found)]

    async def letters(self, reference: str) -> list[Letter]:
        """Return the letter of this name, or the oldest of this stream of letters."""
        async with _translated():
            group, _, stream = reference.removeprefix(_PREFIX).partition(":")
            if (group, stream) in await self._given_up():
                return await self._read(group, stream, limit=SHOWN_MAX)
            return [await self._letter(reference.removeprefix(_PREFIX))]

    async def all(self) -> list[Letter]:
        """Return every letter there is."""
        async with _translated():
            return [each for group, stream in await self._given_up() for each in await self._read(group, stream)]

    async def retry(self, letter: Letter) -> bool:
        """Send its event again; False when somebody else has taken the letter."""
        refuse_to_send_again(letter)
        dead = streams.dead_letters(letter.stream, letter.group)
        arguments = (letter.id, streams.PAYLOAD_FIELD, streams.LENGTH_MAX)
        async with _translated():
            return bool(await self._redis.eval(_MOVE, 2, dead, letter.stream, *arguments))

    async def discard(self, letter: Letter) -> bool:
        """Drop it for good; False when somebody else has taken it."""
        async with _translated():
            return bool(await self._redis.xdel(streams.dead_letters(letter.stream, letter.group), letter.id))

    async def _standing(self, stream: str, row: Mapping[str, Any]) -> Standing:
        group, last = row["name"].decode(), row["last-delivered-id"]
        summary = await self._redis.xpending(stream, group)
        unread = await self._redis.xrange(stream, min=b"(" + last, count=1)
        ids = [summary["min"]] if summary["pending"] else []
        ids += [unread[0][0]] if unread else []
        return Standing(
            stream=stream,
            group=group,
            waiting=await self._waiting(stream, row),
            pending=int(summary["pending"]),
            oldest_age_s=round(max((_age_s(identity) for identity in ids), default=0.0), 1),
            dead=0,
        )

    async def _waiting(self, stream: str, row: Mapping[str, Any]) -> int:
        if row.get("lag") is not None:
            return int(row["lag"])
        # Redis does not know after entries were deleted: count, as far as anybody wants to know
        return len(await self._redis.xrange(stream, min=b"(" + row["last-delivered-id"], count=_COUNTED_MAX))

    async def _given_up(self) -> list[tuple[str, str]]:
        """Return (group, stream) of every stream of letters that holds one."""
        keys = [key.decode() async for key in self._redis.scan_iter(match=f"{_PREFIX}*")]
        held = [key for key in sorted(keys) if await self._redis.xlen(key)]
        pairs = [key.removeprefix(_PREFIX).partition(":") for key in held]
        return [(group, stream) for group, _, stream in pairs]

    async def _read(self, group: str, stream: str, *, limit: int | None = None) -> list[Letter]:
        found: list[Letter] = []
        after = "-"
        while limit is None or len(found) < limit:
            page = _PAGE if limit is None else limit - len(found)
            entries = await self._redis.xrange(streams.dead_letters(stream, group), min=after, count=page)
            found += [_letter(group, stream, identity, values) for identity, values in entries]
            if len(entries) < page:
                break
            after = f"({found[-1].id}"
        return found

    async def _letter(self, name: str) -> Letter:
        place, _, identity = name.rpartition(":")
        places = [tuple(place.split(":", 1))] if place else await self._given_up()
        found: list[Letter] = []
        for group, stream in places if _is_id(identity) else []:
            dead = streams.dead_letters(stream, group)
            entries = await self._redis.xrange(dead, min=identity, max=identity)
            found += [_letter(group, stream, at, values) for at, values in entries]
        if not found:
            raise NotFound(f"no dead letter is called {name!r}; see: audifi queue list, then audifi queue show STREAM")
        if len(found) > 1:
            raise Invalid(f"several dead letters have that id: {', '.join(each.name for each in found)}")
        return found[0]


def refuse_to_send_again(letter: Letter) -> None:
    """Raise Invalid, saying why, for what must not reach the stream again."""
    if letter.event is None:
        raise Invalid(f"{letter.name} cannot be read by anybody: discard it ({letter.reason})")
    if letter.event.occurred_at < datetime.now(UTC) - timedelta(days=HANDLED_DAYS):
        text = f"others may have forgotten that they handled it (after {HANDLED_DAYS} days)"
        raise Invalid(f"{letter.name} is of {letter.event.occurred_at:%Y-%m-%d}: {text}. Discard it")


def _letter(group: str, stream: str, identity: bytes, values: Mapping[bytes, bytes]) -> Letter:
    payload = values.get(streams.PAYLOAD_FIELD.encode(), b"")
    try:
        event = _events.decode(payload)
    except msgspec.MsgspecError:
        event = None
    return Letter(
        name=f"{group}:{stream}:{identity.decode()}",
        group=group,
        stream=stream,
        id=identity.decode(),
        reason=values.get(b"reason", b"").decode("utf-8", "replace"),
        given_up_at=datetime.fromtimestamp(_milliseconds(identity) / 1000, UTC).isoformat(timespec="milliseconds"),
        payload=payload.decode("utf-8", "replace"),
        event=event,
    )


def _is_id(text: str) -> bool:
    first, dash, second = text.partition("-")
    return bool(dash) and first.isdecimal() and second.isdecimal()


def _milliseconds(identity: bytes) -> int:
    return int(identity.partition(b"-")[0])  # an id begins with its time


def _age_s(identity: bytes) -> float:
    return max(0.0, time.time() - _milliseconds(identity) / 1000)


@asynccontextmanager
async def _translated() -> AsyncGenerator[None]:
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable(f"the queue does not answer: {error}", may_have_taken_effect=True) from error
