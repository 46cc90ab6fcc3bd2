"""Keep votes: one per person and decision, whoever races whom.

Between: sagas.voting (casts many in one transaction), routes.votes (lists them).
Why shared locks: closing a decision locks its row exclusively, voting shared, so a vote lands before the tally or not
at all, and votes do not wait for each other.
Why sorted: two batches that name the same people take their rows in the same order, and cannot block each other.
Invariant: unique (decision, user); what was overwritten is in vote_changes.
Source: domain.md 2.3 "Invariants".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from audifi.kernel.connection import Connection, Row
from audifi.services.vstudio.rules.ballots import Content

_INSERT: Final = """
INSERT INTO vstudio.votes (id, decision_id, session_id, user_id, choice, value, ranking, text, weight_milli, has_nft,
                           has_coin, has_subscription, ip_hash, created_at, updated_at)
SELECT id, decision_id, $1, user_id, choice, value, string_to_array(ranking, chr(31)), text, weight_milli, has_nft,
       has_coin, has_subscription, ip_hash, $2, $2
  FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::float8[], $8::text[], $9::text[], $10::int[],
              $11::bool[], $12::bool[], $13::bool[], $14::text[])
       AS new (id, decision_id, user_id, choice, value, ranking, text, weight_milli, has_nft, has_coin,
               has_subscription, ip_hash)
    ON CONFLICT (decision_id, user_id) DO NOTHING
RETURNING id
"""
_FIND: Final = """
SELECT id, decision_id, user_id, choice, value, ranking, text, weight_milli FROM vstudio.votes
 WHERE (decision_id, user_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
 ORDER BY decision_id, user_id
"""
_CHANGE: Final = """
UPDATE vstudio.votes v
   SET choice = new.choice, value = new.value, ranking = string_to_array(new.ranking, chr(31)), text = new.text,
       weight_milli = new.weight_milli, updated_at = $1
  FROM unnest($2::uuid[], $3::text[], $4::float8[], $5::text[], $6::text[], $7::int[])
       AS new (id, choice, value, ranking, text, weight_milli)
 WHERE v.id = new.id
"""
_LOG: Final = """
INSERT INTO vstudio.vote_changes (vote_id, decision_id, before, after, weight_milli_before, weight_milli_after,
                                  changed_at)
SELECT vote_id, decision_id, before::jsonb, after::jsonb, was, is_now, $1
  FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::int[])
       AS new (vote_id, decision_id, before, after, was, is_now)
"""


@dataclass(frozen=True, kw_only=True)
class New:
    """A vote that may be cast."""

    id: str
    decision_id: str
    user_id: str
    content: Content
    weight_milli: int
    has_nft: bool = False
    has_coin: bool = False
    has_subscription: bool = False
    ip_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A vote that was cast."""

    id: str
    content: Content
    weight_milli: int


@dataclass(frozen=True, kw_only=True)
class Listed(Kept):
    """A vote in a list; nobody's when the account was deleted."""

    user_id: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Change:
    """A vote that says something else now."""

    decision_id: str
    before: Kept
    after: Kept


Key = tuple[str, str]  # decision, user


async def insert(tx: Connection, session_id: str, now: datetime, new: Sequence[New]) -> set[str]:
    """Write the votes of those who have none; return the ids of what was written."""
    told = sorted(new, key=lambda each: (each.decision_id, each.user_id))
    rows = await tx.fetch(
        _INSERT,
        session_id,
        now,
        [each.id for each in told],
        [each.decision_id for each in told],
        [each.user_id for each in told],
        *_contents([each.content for each in told]),
        [each.weight_milli for each in told],
        [each.has_nft for each in told],
        [each.has_coin for each in told],
        [each.has_subscription for each in told],
        [each.ip_hash for each in told],
    )
    return {str(row["id"]) for row in rows}


async def kept(tx: Connection, keys: Sequence[Key], *, lock: bool) -> dict[Key, Kept]:
    """Return the votes of these people."""
    query = _FIND + (" FOR UPDATE" if lock else "")
    rows = await tx.fetch(query, [decision for decision, _ in keys], [user for _, user in keys])
    return {(str(row["decision_id"]), str(row["user_id"])): _kept(row) for row in rows}


async def change(tx: Connection, now: datetime, changes: Sequence[Change]) -> None:
    """Overwrite votes, and remember what they were; a later change of the same vote wins."""
    final = list({each.after.id: each.after for each in changes}.values())
    await tx.execute(
        _CHANGE,
        now,
        [each.id for each in final],
        *_contents([each.content for each in final]),
        [each.weight_milli for each in final],
    )
    await tx.execute(
        _LOG,
        now,
        [each.before.id for each in changes],
        [each.decision_id for each in changes],
        [_text(each.before.content) for each in changes],
        [_text(each.after.content) for each in changes],
        [each.before.weight_milli for each in changes],
        [each.after.weight_milli for each in changes],
    )


async def listed(connection: Connection, decision_id: str, *, limit: int, offset: int) -> tuple[list[Listed], int]:
    """Return one page of a decision's votes, the oldest first, and how many there are."""
    total = await connection.fetchval("SELECT count(*) FROM vstudio.votes WHERE decision_id = $1", decision_id)
    rows = await connection.fetch(
        """SELECT id, user_id, choice, value, ranking, text, weight_milli, created_at, updated_at
             FROM vstudio.votes WHERE decision_id = $1 ORDER BY created_at, id LIMIT $2 OFFSET $3""",
        decision_id,
        limit,
        offset,
    )
    return [_listed(row) for row in rows], int(total)


def _listed(row: Row) -> Listed:
    return Listed(
        id=str(row["id"]),
        user_id=None if row["user_id"] is None else str(row["user_id"]),
        content=content_of(row),
        weight_milli=row["weight_milli"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _contents(contents: Sequence[Content]) -> tuple[list[Any], ...]:
    return (
        [each.choice for each in contents],
        [each.value for each in contents],
        ["\x1f".join(each.ranking) if each.ranking is not None else None for each in contents],
        [each.text for each in contents],
    )


def _text(content: Content) -> str:
    return msgspec.json.encode({name: value for name, value in vars(content).items() if value is not None}).decode()


def content_of(row: Row) -> Content:
    ranking = row["ranking"]
    return Content(
        choice=row["choice"],
        value=row["value"],
        ranking=None if ranking is None else tuple(ranking),
        text=row["text"],
    )


def _kept(row: Row) -> Kept:
    return Kept(id=str(row["id"]), content=content_of(row), weight_milli=row["weight_milli"])
