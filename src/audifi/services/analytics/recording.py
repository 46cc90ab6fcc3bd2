"""Turn an event of the queue into what is kept of it: a row, a mark on its day, shares moved, masters known.

Between: consumers and routes.internal (hand events over, in their transaction), store.*.
Shape: what an event is about is read by field names all events share: masterId, artistId, sessionId, userId.
Invariant: everything below happens once for an event and once for a fact, in one transaction; a second delivery, a
replay of the queue or another event about the same fact changes nothing.
Errors: ValueError or KeyError for an event that lacks what its type must have: the queue tries again, then buries it.
Source: domain.md 2.6 "replaying the queue does not change totals".
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from audifi.kernel.connection import Connection
from audifi.services.analytics.rules import facts, kinds, periods, retention, visitors
from audifi.services.analytics.store import catalog, events, holdings, months
from audifi.wire.amounts import parsed

_MASTER_STATES: Final = {"master.locked": "LOCKED", "master.minted": "MINTED"}
_IPO_STATES: Final = {
    "ipo.configured": "DRAFT",
    "ipo.launched": "LIVE",
    "ipo.closed": "CLOSED",
    "ipo.sold_out": "SOLD_OUT",
    "ipo.cancelled": "CANCELLED",
}
_SESSION_STATES: Final = {
    "session.created": "SCHEDULED",
    "session.started": "ACTIVE",
    "session.ended": "COMPLETE",
    "session.cancelled": "CANCELLED",
    "session.locked": "COMPLETE",
}
_PREPARED: Final = timedelta(days=31)


@dataclass(frozen=True, kw_only=True)
class Happened:
    """What somebody told us happened."""

    event_id: UUID
    at: datetime
    kind: str
    data: Mapping[str, Any]
    actor_id: str | None = None


async def record(tx: Connection, happened: Happened, now: datetime) -> bool:
    """Keep it, unless it is known already or comes too late to count; return whether it was kept."""
    if retention.comes_too_late(happened.kind, happened.at, now):
        return False
    if abs(happened.at - now) > _PREPARED:
        await months.ensure(tx, periods.day_of(happened.at))
    if not await events.keep(tx, await _told(tx, happened, now)):
        return False
    await _move_share(tx, happened)
    await _tell_catalog(tx, happened)
    if happened.kind == "user.deleted":
        await events.forget_user(tx, UUID(happened.data["userId"]), _stranger())
    return True


async def _told(tx: Connection, happened: Happened, now: datetime) -> events.Told:
    data, kind = happened.data, happened.kind
    session_id = _id(data, "sessionId")
    artist_id = _id(data, "artistId")
    if artist_id is None and session_id is not None:
        artist_id = await catalog.artist_of_session(tx, session_id)
    user_id = _id(data, "userId")
    if user_id is None and happened.actor_id is not None and not kinds.is_lasting(kind):
        user_id = _as_id(happened.actor_id)
    day, lasting = periods.day_of(happened.at), kinds.is_lasting(kind)
    return events.Told(
        event_id=happened.event_id,
        at=happened.at,
        kind=kind,
        is_lasting=lasting,
        due_at=now + timedelta(seconds=retention.due_s(kind, has_session=session_id is not None)),
        artist_id=artist_id,
        master_id=_id(data, "masterId"),
        session_id=session_id,
        user_id=user_id,
        visitor=None if lasting else visitors.visitor(day, user_id=user_id, ip=None, user_agent=None),
        fact=facts.fact(kind, data),
        properties=data,
    )


async def _move_share(tx: Connection, happened: Happened) -> None:
    move = facts.move(happened.kind, happened.data)
    if move is None or not await holdings.count_once(tx, move.fact, happened.event_id):
        return
    taken = {} if move.taken_from is None else {move.taken_from: -1}
    data = happened.data
    changes = {**taken, move.given_to: 1}
    await holdings.add(tx, master_id=UUID(data["masterId"]), artist_id=UUID(data["artistId"]), changes=changes)


async def _tell_catalog(tx: Connection, happened: Happened) -> None:
    kind = happened.kind
    if kinds.stream(kind) in ("master", "ipo"):
        await catalog.tell_master(tx, _master_told(happened))
    elif kind in _SESSION_STATES and "artistId" in happened.data:
        await catalog.tell_session(tx, _session_told(happened))


def _master_told(happened: Happened) -> catalog.MasterTold:
    data, kind = happened.data, happened.kind
    is_launch = kind == "ipo.launched"
    return catalog.MasterTold(
        master_id=UUID(data["masterId"]),
        artist_id=UUID(data["artistId"]),
        at=happened.at,
        title=data.get("title"),
        type=data.get("type"),
        status=data.get("status") or _MASTER_STATES.get(kind),
        ipo_status=_IPO_STATES.get(kind),
        chain_id=data.get("chainId"),
        total_shares=data.get("totalShares"),
        public_supply=data.get("publicSupply"),
        price_wei=parsed(data["priceWei"]) if is_launch else None,
        launched_at=happened.at if is_launch else None,
    )


def _session_told(happened: Happened) -> catalog.SessionTold:
    data, kind = happened.data, happened.kind
    return catalog.SessionTold(
        session_id=UUID(data["sessionId"]),
        artist_id=UUID(data["artistId"]),
        at=happened.at,
        master_id=_id(data, "masterId"),
        status=_SESSION_STATES[kind],
        started_at=happened.at if kind == "session.started" else None,
        ended_at=happened.at if kind in ("session.ended", "session.locked") else None,
    )


def _id(data: Mapping[str, Any], name: str) -> UUID | None:
    value = data.get(name)
    return UUID(value) if value else None


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None  # a service acted, not a person


def _stranger() -> bytes:
    return hashlib.sha256(os.urandom(16)).digest()[:16]
