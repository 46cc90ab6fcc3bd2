"""Translate frames between the flat dialect and the envelope, and make the bytes that go to a socket.

Between: commands (what clients say), fanout and recovery (what sessions say), connection (answers). Pure.

    flat      {"type": "vote_update", "ts": 1, …fields, "seq": 7, "version": 3, "requestId"?}
    envelope  {"type": "poll.update", "timestamp": 1, "seq": 7, "version": 3, "requestId"?, "payload": {…fields}}

How a frame is made without parsing: what comes through Redis begins with {"type":…,"ts":…, and has no numbers of its
own (wire.live.feed). Flat: the numbers go before the last brace. Envelope: the rest after that beginning is the payload
as it stands. A body that begins otherwise is parsed; what comes out means the same.
Invariant: a frame to a client is never masked, never fragmented, and is valid UTF-8 if its body is.
Errors: `Malformed` for what a client should not have sent; ValueError for a body that is no JSON object.
Source: domain.md 3 "Framing"; RFC 6455 section 5.2.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, cast

import msgspec

from audifi.wire.live import protocol

DEPTH_MAX: Final = 6  # decision_create in an envelope needs 4: frame, payload, options, option
REQUEST_ID_CHARACTERS_MAX: Final = 64
_NUMBERS: Final = ("seq", "version", "requestId")
_HEAD: Final = re.compile(rb'\{"type":"([a-z_]+)","ts":(\d+)([,}])')
_DOTTED: Final = {flat.encode(): dotted.encode() for flat, dotted in protocol.SERVED.items()}
_FLAT_COMMANDS: Final = {dotted: flat for flat, dotted in protocol.COMMANDS.items()}


class Dialect(Enum):
    """How a connection speaks."""

    FLAT = "flat"
    ENVELOPE = "envelope"


class Malformed(Exception):
    """A client sent what nobody can understand; the text says why."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a client said, by its flat name."""

    type: str
    fields: dict[str, Any]
    request_id: str | None


def heard(dialect: Dialect, text: str) -> Said:
    """Return what a client said. Raises Malformed."""
    try:
        frame = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(frame, dict) or not _is_flatter(cast("Any", frame), DEPTH_MAX):
        raise Malformed("not one JSON object of reasonable depth")
    if "\\u0000" in text:
        raise Malformed("U+0000 cannot be stored")
    fields = cast("dict[str, Any]", frame)
    name, request_id = fields.pop("type", None), fields.pop("requestId", None)
    if not isinstance(name, str):
        raise Malformed("no type")
    if request_id is not None and not (
        isinstance(request_id, str) and 0 < len(request_id) <= REQUEST_ID_CHARACTERS_MAX
    ):
        raise Malformed(f"requestId must be 1 to {REQUEST_ID_CHARACTERS_MAX} characters")
    if dialect is Dialect.ENVELOPE:
        name, fields = _FLAT_COMMANDS.get(name, ""), _payload(fields)
    if name not in protocol.COMMANDS:
        raise Malformed("unknown type")
    return Said(name, fields, request_id)


def _payload(fields: dict[str, Any]) -> dict[str, Any]:
    payload = fields.get("payload")
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise Malformed("payload must be an object")
    return cast("dict[str, Any]", payload)


def _is_flatter(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_is_flatter(each, depth - 1) for each in cast("dict[str, Any]", value).values())
    if isinstance(value, list):
        return depth > 0 and all(_is_flatter(each, depth - 1) for each in cast("list[Any]", value))
    return True


def event(dialect: Dialect, seq: int, body: bytes) -> bytes:
    """Return the WebSocket frame of an event as it came through Redis."""
    return framed(rendered(dialect, body, b',"seq":%d' % seq))


def state(dialect: Dialect, seq: int, version: int, body: bytes) -> bytes:
    """Return the WebSocket frame of a state as it came through Redis."""
    return framed(rendered(dialect, body, b',"seq":%d,"version":%d' % (seq, version)))


def answer(dialect: Dialect, frame: Mapping[str, Any]) -> bytes:
    """Return the WebSocket frame of an answer to one connection: a flat frame, `type` and `ts` first."""
    head = {name: frame[name] for name in _NUMBERS if name in frame}
    body = {name: value for name, value in frame.items() if name not in head}
    numbers = b"," + msgspec.json.encode(head)[1:-1] if head else b""
    return framed(rendered(dialect, msgspec.json.encode(body), numbers))


def rendered(dialect: Dialect, body: bytes, numbers: bytes = b"") -> bytes:
    """Return the text of a frame; `numbers` is JSON members with a comma before each, e.g. b',"seq":7'."""
    if dialect is Dialect.FLAT:
        return b"%b%b}" % (body[:-1], numbers)
    found = _HEAD.match(body)
    if found is None:
        return _rendered_slowly(body, numbers)
    name, moment, after = found.groups()
    rest = body[found.end() : -1] if after == b"," else b""
    return b'{"type":"%b","timestamp":%b%b,"payload":{%b}}' % (_DOTTED.get(name, name), moment, numbers, rest)


def _rendered_slowly(body: bytes, numbers: bytes) -> bytes:
    fields = msgspec.json.decode(body, type=dict[str, Any])
    name = str(fields.pop("type", "")).encode()
    dotted = _DOTTED.get(name, name).decode()
    head = msgspec.json.encode({"type": dotted, "timestamp": fields.pop("ts", None)})
    return b'%b%b,"payload":%b}' % (head[:-1], numbers, msgspec.json.encode(fields))


def framed(text: bytes) -> bytes:
    """Return one unmasked text frame."""
    size = len(text)
    if size < 126:
        return b"\x81%c%b" % (size, text)
    if size < 65536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), text)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), text)
