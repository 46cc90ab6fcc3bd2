"""Keep decisions and read the votes that decide them.

Between: sagas.deciding, votes, routes.
Invariant: every change of a state is a conditional UPDATE; a session has at most one open decision (unique index);
results are written once, with the close.
Order of locks: a decision's row before its session's. Voting takes the row FOR SHARE, closing FOR UPDATE: no vote lands
after the tally.
Errors: InvalidState where another decision of the session is open.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import asyncpg
import msgspec

from audifi.kernel.connection import Connection, Row, changed
from audifi.services.vstudio.errors import InvalidState
from audifi.services.vstudio.rules.deciding import DecisionType, Option, Slider
from audifi.services.vstudio.rules.gating import Gate, VotingMode
from audifi.services.vstudio.rules.tallying import Ballots, Results


@dataclass(frozen=True, kw_only=True)
class Question:
    """What an artist asks."""

    type: DecisionType
    question: str
    description: str | None
    options: tuple[Option, ...]
    slider: Slider | None
    gating: Gate | None  # None: the session's vote gate
    voting_mode: VotingMode
    allow_vote_change: bool
    duration_s: int


@dataclass(frozen=True, kw_only=True)
class Decision(Question):
    """A decision."""

    id: str
    session_id: str
    status: str  # rules/states.py
    opens_at: datetime | None
    closes_at: datetime | None
    closed_at: datetime | None
    finalized_at: datetime | None
    results: Results | None
    is_tie: bool
    winning_option: str | None
    is_override: bool
    display_order: int
    created_at: datetime

    @property
    def option_ids(self) -> tuple[str, ...]:
        return tuple(option.id for option in self.options)


Lock = Literal["", "FOR SHARE", "FOR UPDATE"]
_COLUMNS: Final = """id, session_id, type, question, description, options, slider, gating, voting_mode,
    allow_vote_change, duration_s, status, opens_at, closes_at, closed_at, finalized_at, results, is_tie,
    winning_option, is_override, display_order, created_at"""


async def one(connection: Connection, decision_id: str, *, lock: Lock = "") -> Decision | None:
    """Return a decision."""
    query = f"SELECT {_COLUMNS} FROM vstudio.decisions WHERE id = $1 {lock}"  # noqa: S608  # constant text
    row = await connection.fetchrow(query, decision_id)
    return None if row is None else _decision(row)


async def of_session(connection: Connection, session_id: str, *, lock: Lock = "") -> list[Decision]:
    """Return a session's decisions in their order."""
    query = f"""SELECT {_COLUMNS} FROM vstudio.decisions WHERE session_id = $1
                 ORDER BY display_order, id {lock}"""  # noqa: S608  # constant text
    return [_decision(row) for row in await connection.fetch(query, session_id)]


async def of_sessions(connection: Connection, session_ids: list[str]) -> dict[str, list[Decision]]:
    """Return the decisions of these sessions, by session."""
    query = f"""SELECT {_COLUMNS} FROM vstudio.decisions WHERE session_id = ANY($1::uuid[])
                 ORDER BY display_order, id"""  # noqa: S608  # constant text
    found: dict[str, list[Decision]] = {session_id: [] for session_id in session_ids}
    for row in await connection.fetch(query, session_ids):
        found[str(row["session_id"])].append(_decision(row))
    return found


async def count(connection: Connection, session_id: str) -> int:
    """Return how many decisions count against the plan."""
    query = "SELECT count(*) FROM vstudio.decisions WHERE session_id = $1 AND status <> 'CANCELLED'"
    return int(await connection.fetchval(query, session_id))


async def insert(tx: Connection, decision_id: str, session_id: str, asked: Question) -> None:
    """Add a decision at the end; the session's row is locked by the caller."""
    await tx.execute(
        """INSERT INTO vstudio.decisions (id, session_id, display_order, type, question, description, options, slider,
                  gating, voting_mode, allow_vote_change, duration_s)
           SELECT $1, $2, coalesce(max(display_order), 0) + 1, $3, $4, $5, $6::jsonb, $7::jsonb, $8::jsonb, $9, $10, $11
             FROM vstudio.decisions WHERE session_id = $2""",
        decision_id,
        session_id,
        asked.type,
        asked.question,
        asked.description,
        _json(asked.options),
        None if asked.slider is None else _json(asked.slider),
        None if asked.gating is None else _json(asked.gating),
        asked.voting_mode,
        asked.allow_vote_change,
        asked.duration_s,
    )


async def open_(tx: Connection, decision_id: str, *, at: datetime, until: datetime) -> bool:
    """Take votes; False where it is not PENDING."""
    statement = """UPDATE vstudio.decisions SET status = 'OPEN', opens_at = $2, closes_at = $3, updated_at = $2
                    WHERE id = $1 AND status = 'PENDING'"""
    try:
        return changed(await tx.execute(statement, decision_id, at, until)) == 1
    except asyncpg.UniqueViolationError as error:
        raise InvalidState("Another decision is open: close it first.") from error


async def close(tx: Connection, decision_id: str, found: Results, now: datetime) -> bool:
    """Write what the votes came to, for ever."""
    tag = await tx.execute(
        """UPDATE vstudio.decisions SET status = 'CLOSED', results = $2::jsonb, is_tie = $3, winning_option = $4,
                  closed_at = $5, updated_at = $5
            WHERE id = $1 AND status = 'OPEN'""",
        decision_id,
        _json(found),
        found.is_tie,
        found.winner,
        now,
    )
    return changed(tag) == 1


async def finalize(tx: Connection, decision_id: str, winner: str | None, *, is_override: bool, now: datetime) -> bool:
    """Accept the result, or the artist's choice."""
    tag = await tx.execute(
        """UPDATE vstudio.decisions SET status = 'FINALIZED', winning_option = $2, is_override = $3, finalized_at = $4,
                  updated_at = $4
            WHERE id = $1 AND status = 'CLOSED'""",
        decision_id,
        winner,
        is_override,
        now,
    )
    return changed(tag) == 1


async def cancel(tx: Connection, decision_id: str, now: datetime) -> bool:
    """Give it up; votes stay and count for nothing."""
    statement = """UPDATE vstudio.decisions SET status = 'CANCELLED', updated_at = $2
                    WHERE id = $1 AND status IN ('PENDING', 'OPEN')"""
    return changed(await tx.execute(statement, decision_id, now)) == 1


async def due(tx: Connection, now: datetime, limit: int) -> list[Decision]:
    """Take open decisions whose time is over, locked; those somebody else has are left to them."""
    query = f"""SELECT {_COLUMNS} FROM vstudio.decisions WHERE status = 'OPEN' AND closes_at <= $1
                 ORDER BY closes_at LIMIT $2 FOR UPDATE SKIP LOCKED"""  # noqa: S608  # constant text
    return [_decision(row) for row in await tx.fetch(query, now, limit)]


async def next_due(connection: Connection) -> datetime | None:
    """Return when the next open decision is due."""
    return await connection.fetchval("SELECT min(closes_at) FROM vstudio.decisions WHERE status = 'OPEN'")


async def ballots(connection: Connection, decision_id: str) -> list[Ballots]:
    """Return its votes, equal ones together."""
    query = """SELECT choice, value, ranking, count(*) AS count, sum(weight_milli) AS weight_milli
                 FROM vstudio.votes WHERE decision_id = $1 GROUP BY choice, value, ranking"""
    return [
        Ballots(
            choice=row["choice"],
            value=row["value"],
            ranking=None if row["ranking"] is None else tuple(row["ranking"]),
            count=int(row["count"]),
            weight_milli=int(row["weight_milli"]),
        )
        for row in await connection.fetch(query, decision_id)
    ]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_CONVERTED: Final = ("id", "session_id", "options", "slider", "gating", "results")


def _decision(row: Row) -> Decision:
    slider, gating, found = row["slider"], row["gating"], row["results"]
    return Decision(
        id=str(row["id"]),
        session_id=str(row["session_id"]),
        options=msgspec.json.decode(row["options"], type=tuple[Option, ...]),
        slider=None if slider is None else msgspec.json.decode(slider, type=Slider),
        gating=None if gating is None else msgspec.json.decode(gating, type=Gate),
        results=None if found is None else msgspec.json.decode(found, type=Results),
        **{name: value for name, value in row.items() if name not in _CONVERTED},
    )
