"""Decide from an upgrade request alone whether it may become a connection. Pure.

Between: app (has the request) and connection (keeps what was wanted).

    /vstudio/{id}   /p/<n>/vstudio/{id} (a ticket named pod n)   /vstudio/sessions/{id}/ws
    /v1/vstudio/ws/{id}   /v1/vstudio/ws?sessionId=   /ws?sessionId=          each with ?ticket= or without

Why a pod's number is not compared with ours: a ticket is good at every pod, and the edge sends its people here when the
pod it names is gone.
Invariant: a browser (it always sends Origin) is one of ours; a ticket or token is never part of what is logged.
Errors: none: a refusal is a `Declined` with an HTTP status.
Source: domain.md 3 "Endpoint", "Handshake checks"; RFC 6455 sections 4.2.1, 4.4, 10.2.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from audifi.gateways.ws.dialects import Dialect
from audifi.wire.live import protocol

PATH_CHARACTERS_MAX: Final = 512
_ID: Final = r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_PATH: Final = re.compile(
    rf"(?:/p/[0-9]{{1,3}})?(?:/vstudio/{_ID}|/vstudio/sessions/{_ID}/ws|/v1/vstudio/ws/{_ID}|/v1/vstudio/ws|/ws)/?"
)
_SESSION: Final = re.compile(_ID)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a handshake asks for."""

    session_id: str
    ticket: str | None
    dialect: Dialect
    forwarded: str  # X-Forwarded-For, believed if the peer is a proxy of ours


@dataclass(frozen=True, slots=True)
class Declined:
    """Why not."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()


def wanted(target: bytes, headers: Mapping[str, str], origins: frozenset[str]) -> Wanted | Declined:
    """Return what is asked for, or why it is declined."""
    if len(target) > PATH_CHARACTERS_MAX or not target.isascii():
        return Declined(414, "The address is too long.")
    path, _, query = target.decode("ascii").partition("?")
    asked = dict(_named(part) for part in query.split("&"))
    session_id = _session(path, asked)
    if session_id is None:
        return Declined(404, "There is no such socket. Connect to /vstudio/{sessionId}.")
    origin = headers.get("Origin")
    if origin is not None and origin not in origins:
        return Declined(403, "This origin may not connect.")
    if headers.get("Upgrade", "").lower() != "websocket" or not is_upgrade(headers.get("Connection", "")):
        return Declined(426, "This is a WebSocket.", (("Upgrade", "websocket"),))
    if headers.get("Sec-WebSocket-Version") != "13":
        return Declined(426, "Only version 13 of WebSocket is spoken.", (("Sec-WebSocket-Version", "13"),))
    return Wanted(
        session_id=session_id,
        ticket=asked.get("ticket"),
        dialect=_dialect(headers.get("Sec-WebSocket-Protocol", "")),
        forwarded=headers.get("X-Forwarded-For", ""),
    )


def is_upgrade(connection: str) -> bool:
    """Say whether the Connection header asks for an upgrade, alone or among others (Firefox adds keep-alive)."""
    return "upgrade" in [token.strip().lower() for token in connection.split(",")]


def _named(part: str) -> tuple[str, str]:
    # Nothing that is looked at needs %-decoding: ids and tickets are written in letters, digits, - and _.
    name, _, value = part.partition("=")
    return name, value


def _session(path: str, asked: Mapping[str, str]) -> str | None:
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    in_path = next((group for group in found.groups() if group), None)
    if in_path is not None:
        return in_path
    in_query = asked.get("sessionId", "")
    return in_query if _SESSION.fullmatch(in_query) else None


def _dialect(offered: str) -> Dialect:
    names = [name.strip() for name in offered.split(",")]
    return Dialect.ENVELOPE if protocol.ENVELOPE in names else Dialect.FLAT
