"""Say what vstudio-service returns: sessions, decisions, votes, tallies, contributions, tickets.

Between: sdk.vstudio (decodes into them) and callers.
Units: `weight` and `weights` thousandths of a vote.
Errors: as records.
Source: domain.md 2.3.
"""

from datetime import datetime
from typing import Any

import msgspec


class _Record(msgspec.Struct, rename="camel", kw_only=True):
    """Fields are camelCase in JSON."""


class Option(_Record):
    """One of what can be chosen."""

    id: str
    label: str
    image_url: str | None = None
    audio_url: str | None = None


class Decision(_Record):
    """One question to the audience."""

    id: str
    session_id: str
    type: str  # POLL | BINARY | SLIDER | RANKING | OPEN_TEXT
    question: str
    status: str  # PENDING | OPEN | CLOSED | FINALIZED | CANCELLED
    voting_mode: str  # SIMPLE | WEIGHTED
    options: tuple[Option, ...] = ()
    duration_seconds: int | None = None
    closes_at: datetime | None = None
    results: dict[str, Any] | None = None
    is_tie: bool = False
    winning_option: str | None = None


class VstudioSession(_Record):
    """A master that is finished before an audience."""

    id: str
    artist_id: str
    master_id: str
    title: str
    status: str  # DRAFT | SCHEDULED | ACTIVE | VOTING | LOCKED | COMPLETE | CANCELLED
    chat_enabled: bool
    reactions_enabled: bool
    scheduled_start: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    total_votes: int = 0
    peak_viewers: int = 0


class LiveTicket(_Record):
    """What opens one socket, once, within `expires_in` seconds."""

    ticket: str
    expires_in: int
    ws_url: str
    role: str


class VoteCast(_Record):
    """A vote that counts."""

    vote_id: str
    weight: int
    duplicate: bool = False
