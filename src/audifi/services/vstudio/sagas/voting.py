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
from typing import Final

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
from audifi.services.vstudio.store import sessions, votes
from audifi.services.vstudio.store.sessions import Session
from audifi.services.vstudio.store.votes import Ballot, Change, Kept, Key, New
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
    ballot: Ballot

    @property
    def asks_nobody(self) -> bool:
        gates = (self.session.view_gating, self.ballot.gate)
        return not gating.facts(gates, artist_id=self.session.artist_id, is_weighted=self.ballot.mode == "WEIGHTED")


Result = Cast | Problem
_remembered: OrderedDict[str, _Terms] = OrderedDict()  # by decision; only open ones


async def cast(parts: Parts, session_id: str, said: Sequence[Said]) -> list[Result]:
    """Take votes; the results are in their order."""
    terms = await _terms(parts, session_id, {each.decision_id for each in said})
    weighed = await asyncio.gather(*(_weighed(parts, terms.get(each.decision_id), each) for each in said))
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        open_ones = await votes.ballots(tx, session_id, sorted(terms), lock=True)
        judged = [_judged(each, found, open_ones, now) for each, found in zip(said, weighed, strict=True)]
        results = await _written(tx, session_id, judged, open_ones, now)
        await _tell(tx, session_id, judged, results, open_ones)
    counted = {
        vote.decision_id
        for vote, result in zip(judged, results, strict=True)
        if isinstance(vote, New) and isinstance(result, Cast) and not result.is_duplicate
    }
    for decision_id in counted:
        parts.tallies.changed(session_id, decision_id)
    return results


async def _terms(parts: Parts, session_id: str, decision_ids: set[str]) -> dict[str, _Terms]:
    found = {each: _remembered[each] for each in decision_ids if each in _remembered}
    found = {each: terms for each, terms in found.items() if terms.session.id == session_id}
    if missing := sorted(decision_ids - set(found)):
        async with parts.database.read_primary() as connection:
            session = await sessions.one(connection, session_id)
            if session is None:
                raise SessionNotFound
            for ballot in (await votes.ballots(connection, session_id, missing, lock=False)).values():
                found[ballot.id] = _Terms(session, ballot)
                if ballot.status == "OPEN":
                    _remembered[ballot.id] = found[ballot.id]
        while len(_remembered) > REMEMBERED_MAX:
            _remembered.popitem(last=False)
    return found


async def _weighed(parts: Parts, terms: _Terms | None, said: Said) -> New | Problem:
    """Return the vote with its weight, as far as it can be known before anything is locked."""
    if terms is None:
        return DecisionNotFound()
    session, ballot = terms.session, terms.ballot
    try:
        held = gating.Standing()
        if not terms.asks_nobody:
            weighs = ballot.mode == "WEIGHTED"
            held = await standing.standing_of(parts, session, said.user_id, gate=ballot.gate, is_weighted=weighs)
        _require(session, ballot, held)
        content = ballots.judged(ballot.type, ballot.options, ballot.slider, said.content)
    except (Refusal, Unavailable) as problem:
        return problem
    return New(
        id=str(new_id()),
        decision_id=ballot.id,
        user_id=said.user_id,
        content=content,
        weight_milli=gating.weight_milli(ballot.gate, held, artist_id=session.artist_id, mode=ballot.mode),
        has_nft=any(held.shares.values()),
        has_coin=any(each.balance + each.staked for each in held.coins.values()),
        has_subscription=gating.TIERS.get(held.plan or "FREE", 0) > 0,
        ip_hash=_hashed(ballot.id, said.ip),
    )


def _require(session: Session, ballot: Ballot, held: gating.Standing) -> None:
    for gate in (session.view_gating, ballot.gate):
        verdict = gating.judge(gate, held, artist_id=session.artist_id)
        if not verdict.has_access:
            raise NotEligible(details={"missingRequirements": list(verdict.missing), "ctaType": verdict.cta})


def _judged(said: Said, found: New | Problem, open_ones: Mapping[str, Ballot], now: datetime) -> New | Problem:
    """Judge again by what is locked: it cannot be closed any more before we commit."""
    ballot = open_ones.get(said.decision_id)
    if ballot is None or isinstance(found, DecisionNotFound):
        return DecisionNotFound()
    if ballot.status != "OPEN" or ballot.closes_at is None or now >= ballot.closes_at:
        return DecisionClosed()
    return found


async def _written(
    tx: Connection, session_id: str, judged: Sequence[New | Problem], open_ones: Mapping[str, Ballot], now: datetime
) -> list[Result]:
    new = [each for each in judged if isinstance(each, New)]
    written = await votes.insert(tx, session_id, now, new) if new else set[str]()
    again = [each for each in new if each.id not in written]
    old: dict[str, Result] = {}
    if again:
        is_changing = any(open_ones[each.decision_id].allow_vote_change for each in again)
        keys = sorted({(each.decision_id, each.user_id) for each in again})
        kept = await votes.kept(tx, keys, lock=is_changing)
        changes: list[Change] = []
        for each in again:
            old[each.id] = _again(each, kept, open_ones[each.decision_id], changes)
        if changes:
            await votes.change(tx, now, changes)
    return [_result(each, written, old) for each in judged]


def _result(vote: New | Problem, written: set[str], old: Mapping[str, Result]) -> Result:
    if isinstance(vote, Problem):
        return vote
    return Cast(vote_id=vote.id, weight_milli=vote.weight_milli) if vote.id in written else old[vote.id]


def _again(vote: New, kept: dict[Key, Kept], ballot: Ballot, changes: list[Change]) -> Result:
    """Answer somebody who has voted; `kept` follows, for the next vote of the same person."""
    key = (vote.decision_id, vote.user_id)
    before = kept[key]
    if before.content == vote.content:
        return Cast(vote_id=before.id, weight_milli=before.weight_milli, is_duplicate=True)
    if not ballot.allow_vote_change:
        return AlreadyVoted()
    after = kept[key] = Kept(id=before.id, content=vote.content, weight_milli=vote.weight_milli)
    changes.append(Change(decision_id=vote.decision_id, before=before, after=after))
    return Cast(vote_id=after.id, weight_milli=after.weight_milli, is_change=True)


async def _tell(
    tx: Connection,
    session_id: str,
    judged: Sequence[New | Problem],
    results: Sequence[Result],
    open_ones: Mapping[str, Ballot],
) -> None:
    told: list[outbox.Said] = []
    for vote, result in zip(judged, results, strict=True):
        if isinstance(vote, Problem) or isinstance(result, Problem) or result.is_duplicate:
            continue
        ballot = open_ones[vote.decision_id]
        event = VoteCast(
            session_id=session_id,
            artist_id=ballot.artist_id,
            master_id=ballot.master_id,
            decision_id=ballot.id,
            vote_id=result.vote_id,
            user_id=vote.user_id,
            weight_milli=result.weight_milli,
            is_change=result.is_change,
        )
        told.append(outbox.Said(event, aggregate_id=session_id, actor_id=vote.user_id))
    if told:
        await outbox.add_all(tx, told)


def _hashed(decision_id: str, ip: str) -> str | None:
    """Return what tells votes of one address apart within a decision, and nothing beyond it."""
    return hashlib.sha256(f"{decision_id}\n{ip}".encode()).hexdigest()[:32] if ip else None
