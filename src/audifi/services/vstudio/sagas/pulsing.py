"""Take what a gateway's pod saw of a session in the last second, and show what is news of it.

Between: routes.gateway (a pulse per pod and second), routes.chat (a reaction over HTTP), audience, clients.live.
Shape: viewers are a state that is kept; reactions, and who came and went, are told and not kept.
Invariant: viewers are told once a second at most; names only while at most NAMED_MAX watch; the peak only grows.
Errors: SessionNotFound; Unavailable without Redis: the next pulse says the same.
Source: domain.md 3 (presence, user_joined, reaction_burst); 2.3 "engagement_events".
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from audifi.clients.live.publishing import Publisher
from audifi.services.vstudio import audience
from audifi.services.vstudio.audience import Counted
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.sagas import recent
from audifi.services.vstudio.store import engagement, participants
from audifi.services.vstudio.store.sessions import Session
from audifi.wire.live import protocol
from audifi.wire.live.calls import Pulse

COUNT_MAX: Final = 100_000  # of one reaction in a second: more than all viewers may send


async def pulse(parts: Parts, session_id: str, told: Pulse) -> int:
    """Take a pulse; return how many watch at all pods together."""
    session = await recent.session(parts, session_id)
    counted = await audience.pulse(parts.cache, session_id, told.pod, max(0, told.viewers))
    publisher = Publisher(parts.cache)
    if counted.is_news:
        body = _body("presence", counted.now_ms, viewerCount=counted.viewers)
        await publisher.state(session_id, counted.seq, counted.now_ms, "presence", body)
        await _grown(parts, session_id, counted.viewers)
    if told.reactions and session.reactions_enabled:
        await reacted(parts, session, told.reactions, seq=counted.seq)
    if counted.viewers <= protocol.NAMED_MAX:
        for place, (type_, body) in enumerate(_came_and_went(told, counted)):
            # One key for all of a type, as their readers have it: each must be newer than the one before.
            version = counted.now_ms * 1000 + place
            await publisher.state(session_id, counted.seq, version, type_, body, keep=False)
    if told.left:
        async with parts.database.transaction() as tx:
            await participants.leave(tx, session_id, told.left, parts.clock.now())
    return counted.viewers


async def reacted(parts: Parts, session: Session, reactions: Mapping[str, int], *, seq: int | None = None) -> None:
    """Show a burst of reactions, and keep its counts."""
    counts = {emoji: min(count, COUNT_MAX) for emoji, count in reactions.items() if emoji in protocol.REACTIONS}
    counts = {emoji: count for emoji, count in counts.items() if count > 0}
    if not counts:
        return
    now_ms = int(parts.clock.now_s() * 1000)
    body = _body("reaction_burst", now_ms, counts=counts)
    after = session.live_seq if seq is None else seq
    await Publisher(parts.cache).state(session.id, after, now_ms, "reaction_burst", body, keep=False)
    async with parts.database.transaction() as tx:
        await engagement.add(tx, session.id, "reaction", counts, parts.clock.now())


async def _grown(parts: Parts, session_id: str, viewers: int) -> None:
    async with parts.database.transaction() as tx:
        await engagement.raise_peak(tx, session_id, viewers)


def _came_and_went(told: Pulse, counted: Counted) -> Iterable[tuple[str, bytes]]:
    for user_id, name in told.joined:
        yield "user_joined", _body("user_joined", counted.now_ms, userId=user_id, displayName=name)
    for user_id in told.left:
        yield "user_left", _body("user_left", counted.now_ms, userId=user_id)


def _body(type_: str, now_ms: int, **fields: Any) -> bytes:
    return msgspec.json.encode({"type": type_, "ts": now_ms, **fields})
