"""Keep what producers offer for a decision.

Between: sagas.contributing, routes.contributions.
Invariant: decided once; an accepted recording that became an option says which.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from audifi.kernel.connection import Connection, Row, changed

_COLUMNS: Final = (
    "id, session_id, decision_id, producer_id, label, text, audio_url, status, option_id, created_at, decided_at"
)


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """An alternative: a recording, a text, or both."""

    id: str
    session_id: str
    decision_id: str
    producer_id: str | None
    label: str
    text: str | None
    audio_url: str | None
    status: str = "PENDING"  # PENDING | ACCEPTED | REJECTED
    option_id: str | None = None
    created_at: datetime
    decided_at: datetime | None = None


async def insert(tx: Connection, new: Contribution) -> None:
    """Offer it."""
    await tx.execute(
        """INSERT INTO vstudio.contributions (id, session_id, decision_id, producer_id, label, text, audio_url,
                                              created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        new.id,
        new.session_id,
        new.decision_id,
        new.producer_id,
        new.label,
        new.text,
        new.audio_url,
        new.created_at,
    )


async def count(connection: Connection, decision_id: str, producer_id: str) -> int:
    """Return how many somebody has offered."""
    query = "SELECT count(*) FROM vstudio.contributions WHERE decision_id = $1 AND producer_id = $2"
    return int(await connection.fetchval(query, decision_id, producer_id))


async def one(connection: Connection, decision_id: str, contribution_id: str) -> Contribution | None:
    """Return a decision's contribution."""
    query = f"SELECT {_COLUMNS} FROM vstudio.contributions WHERE id = $1 AND decision_id = $2"  # noqa: S608  # constant
    row = await connection.fetchrow(query, contribution_id, decision_id)
    return None if row is None else _contribution(row)


async def listed(connection: Connection, decision_id: str, producer_id: str | None) -> list[Contribution]:
    """Return a decision's contributions, the oldest first; somebody's own, or all."""
    query = f"""SELECT {_COLUMNS} FROM vstudio.contributions
                 WHERE decision_id = $1 AND ($2::uuid IS NULL OR producer_id = $2)
                 ORDER BY created_at, id LIMIT 1000"""  # noqa: S608  # constant text
    return [_contribution(row) for row in await connection.fetch(query, decision_id, producer_id)]


async def decide(tx: Connection, contribution_id: str, status: str, option_id: str | None, now: datetime) -> bool:
    """Accept or reject; False when that was decided already."""
    tag = await tx.execute(
        """UPDATE vstudio.contributions SET status = $2, option_id = $3, decided_at = $4
            WHERE id = $1 AND status = 'PENDING'""",
        contribution_id,
        status,
        option_id,
        now,
    )
    return changed(tag) == 1


async def add_option(tx: Connection, decision_id: str, options: str, now: datetime) -> None:
    """Give a decision, locked by the caller, one more option."""
    await tx.execute(
        "UPDATE vstudio.decisions SET options = $2::jsonb, updated_at = $3 WHERE id = $1", decision_id, options, now
    )


def _contribution(row: Row) -> Contribution:
    values: dict[str, Any] = dict(row)
    values |= {name: str(row[name]) for name in ("id", "session_id", "decision_id")}
    values["producer_id"] = None if row["producer_id"] is None else str(row["producer_id"])
    return Contribution(**values)
