"""Take votes: many people's in one transaction, each judged as it stands at that instant.

Between: routes (one vote of a browser, a batch of the gateway's) and store.votes, sagas.standing, tallies.

    who holds what (asked before, nothing is locked meanwhile) → decisions locked shared → one INSERT → those who had
    voted: the same again, or changed, or refused → vote.cast for all → commit → the tally is shown soon

What does not change once a decision is open (its gate, its weights) is remembered, so that a batch costs one
transaction of three statements, and a gate that is OPEN asks nobody.
Invariant: one vote per person and decision, whoever races whom; votes only while OPEN, before closes_at, and only of
who is eligible. A refusal of one is no refusal of the others.
Errors: those of one vote are its result; Unavailable fails the batch, and voting again is safe.
Source: domain.md 2.3 "Invariants", "Vote change"; 3 "Vote path".
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeGuard
from uuid import UUID

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id
from audifi.services.vstudio.errors import (
    AlreadyVoted,
    DecisionClosed,
    DecisionNotFound,
    NotEligible,
    Problem,
    Refusal,
    SessionNotFound,
    Unavailable,
)
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.rules import ballots, gating
from audifi.services.vstudio.rules.ballots import Content
from audifi.services.vstudio.sagas import standing
from audifi.services.vstudio.store import decisions, sessions, votes
from audifi.services.vstudio.store.decisions import Decision
from audifi.services.vstudio.store.sessions import Session
from audifi.services.vstudio.store.votes import Change, Kept, Key, New
from audifi.wire.events.vstudio import VoteCast

REMEMBERED_MAX: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Said:
    """What somebody wants to vote."""

    user_id: str
    decision_id: str
    content: Content
    ip: str = ""


@dataclass(frozen=True, kw_only=True)
class Cast:
    """A vote that counts."""

    vote_id: str
    weight_milli: int
    is_duplicate: bool = False
    is_change: bool = False


@dataclass(frozen=True)
class _Terms:
    """What does not change while a decision is open."""

    session: Session
    decision: Decision

    @property
    def gate(self) -> gating.Gate:
        return self.session.vote_gating if self.decision.gating is None else self.decision.gating

    @property
    def is_weighted(self) -> bool:
        return self.decision.voting_mode == "WEIGHTED"

    @property
    def asks_nobody(self) -> bool:
        gates = (self.session.view_gating, self.gate)
        return not gating.facts(gates, artist_id=self.session.artist_id, is_weighted=self.is_weighted)


@dataclass(frozen=True)
class _Weight:
    """What a vote weighs, and why."""

    held: gating.Standing
    milli: int


Result = Cast | Problem
_remembered: OrderedDict[str, _Terms] = OrderedDict()  # by decision; only open ones


async def cast(parts: Parts, session_id: str, said: Sequence[Said]) -> list[Result]:
    """Take votes; the results are in their order."""
    terms = await _terms(parts, session_id, {each.decision_id for each in said if _is_id(each.decision_id)})
    weighed = await asyncio.gather(*(_weighed(parts, terms.get(each.decision_id), each) for each in said))
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        locked = {each: await decisions.one(tx, each, lock="FOR SHARE") for each in sorted(terms)}
        judged = [
            _judged(each, found, locked.get(each.decision_id), now) for each, found in zip(said, weighed, strict=True)
        ]
        results = await _written(tx, session_id, judged, terms, now)
        await _tell(tx, judged, results, terms)
    counted = {vote.decision_id for vote, result in zip(judged, results, strict=True) if _is_new(vote, result)}
    for decision_id in counted:
        parts.tallies.changed(session_id, decision_id)
    return results


async def _terms(parts: Parts, session_id: str, decision_ids: set[str]) -> dict[str, _Terms]:
    """Return the terms of those decisions that are the session's."""
    found = {each: _remembered[each] for each in decision_ids if each in _remembered}
    if missing := sorted(decision_ids - set(found)):
        async with parts.database.read_primary() as connection:
            session = await sessions.one(connection, session_id)
            if session is None:
                raise SessionNotFound
            for each in missing:
                decision = await decisions.one(connection, each)
                if decision is not None and decision.session_id == session_id:
                    found[each] = _Terms(session, decision)
        _remembered.update((each, terms) for each, terms in found.items() if terms.decision.status == "OPEN")
        while len(_remembered) > REMEMBERED_MAX:
            _remembered.popitem(last=False)
    return {each: terms for each, terms in found.items() if terms.session.id == session_id}


async def _weighed(parts: Parts, terms: _Terms | None, said: Said) -> _Weight | Problem:
    """Return what the vote weighs: all that is known without locking anything."""
    if terms is None:
        return DecisionNotFound()
    session, gate, held = terms.session, terms.gate, gating.Standing()
    try:
        if not terms.asks_nobody:
            held = await standing.standing_of(parts, session, said.user_id, gate=gate, is_weighted=terms.is_weighted)
        _require(terms, held)
    except (Refusal, Unavailable) as problem:
        return problem
    weight = gating.weight_milli(gate, held, artist_id=session.artist_id, mode=terms.decision.voting_mode)
    return _Weight(held, weight)


def _require(terms: _Terms, held: gating.Standing) -> None:
    for gate in (terms.session.view_gating, terms.gate):
        verdict = gating.judge(gate, held, artist_id=terms.session.artist_id)
        if not verdict.has_access:
            raise NotEligible(details={"missingRequirements": list(verdict.missing), "ctaType": verdict.cta})


def _judged(said: Said, weighed: _Weight | Problem, decision: Decision | None, now: datetime) -> New | Problem:
    """Judge by what is locked: it cannot be closed any more before we commit."""
    if decision is None:
        return DecisionNotFound()
    if decision.status != "OPEN" or decision.closes_at is None or now >= decision.closes_at:
        return DecisionClosed()
    if isinstance(weighed, Problem):
        return weighed
    try:
        content = ballots.judged(decision.type, decision.option_ids, decision.slider, said.content)
    except Refusal as refusal:
        return refusal
    held = weighed.held
    return New(
        id=str(new_id()),
        decision_id=decision.id,
        user_id=said.user_id,
        content=content,
        weight_milli=weighed.milli,
        has_nft=any(held.shares.values()),
        has_coin=any(each.balance + each.staked for each in held.coins.values()),
        has_subscription=gating.TIERS.get(held.plan or "FREE", 0) > 0,
        ip_hash=_hashed(decision.id, said.ip),
    )


async def _written(
    tx: Connection, session_id: str, judged: Sequence[New | Problem], terms: Mapping[str, _Terms], now: datetime
) -> list[Result]:
    new = [each for each in judged if isinstance(each, New)]
    written = await votes.insert(tx, session_id, now, new) if new else set[str]()
    again = [each for each in new if each.id not in written]
    old: dict[str, Result] = {}
    if again:
        is_changing = any(terms[each.decision_id].decision.allow_vote_change for each in again)
        keys = sorted({(each.decision_id, each.user_id) for each in again})
        kept = await votes.kept(tx, keys, lock=is_changing)
        changes: list[Change] = []
        for each in again:
            old[each.id] = _again(each, kept, terms[each.decision_id].decision, changes)
        if changes:
            await votes.change(tx, now, changes)
    return [_result(each, written, old) for each in judged]


def _result(vote: New | Problem, written: set[str], old: Mapping[str, Result]) -> Result:
    if isinstance(vote, Problem):
        return vote
    return Cast(vote_id=vote.id, weight_milli=vote.weight_milli) if vote.id in written else old[vote.id]


def _again(vote: New, kept: dict[Key, Kept], decision: Decision, changes: list[Change]) -> Result:
    """Answer somebody who has voted; `kept` follows, for the next vote of the same person."""
    key = (vote.decision_id, vote.user_id)
    before = kept[key]
    if before.content == vote.content:
        return Cast(vote_id=before.id, weight_milli=before.weight_milli, is_duplicate=True)
    if not decision.allow_vote_change:
        return AlreadyVoted()
    after = kept[key] = Kept(id=before.id, content=vote.content, weight_milli=vote.weight_milli)
    changes.append(Change(decision_id=vote.decision_id, before=before, after=after))
    return Cast(vote_id=after.id, weight_milli=after.weight_milli, is_change=True)


def _is_new(vote: New | Problem, result: Result) -> TypeGuard[New]:
    return isinstance(vote, New) and isinstance(result, Cast) and not result.is_duplicate


async def _tell(
    tx: Connection, judged: Sequence[New | Problem], results: Sequence[Result], terms: Mapping[str, _Terms]
) -> None:
    told: list[outbox.Said] = []
    for vote, result in zip(judged, results, strict=True):
        if not _is_new(vote, result) or not isinstance(result, Cast):
            continue
        session = terms[vote.decision_id].session
        event = VoteCast(
            session_id=session.id,
            artist_id=session.artist_id,
            master_id=session.master_id,
            decision_id=vote.decision_id,
            vote_id=result.vote_id,
            user_id=vote.user_id,
            weight_milli=result.weight_milli,
            is_change=result.is_change,
        )
        told.append(outbox.Said(event, aggregate_id=session.id, actor_id=vote.user_id))
    if told:
        await outbox.add_all(tx, told)


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _hashed(decision_id: str, ip: str) -> str | None:
    """Return what tells votes of one address apart within a decision, and nothing beyond it."""
    return hashlib.sha256(f"{decision_id}\n{ip}".encode()).hexdigest()[:32] if ip else None
