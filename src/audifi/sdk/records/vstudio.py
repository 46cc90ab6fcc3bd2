"""Say what vstudio-service returns: sessions, decisions, votes, tallies, contributions, tickets.

Between: sdk.vstudio (decodes into them) and callers.
Units: `weight` and `weights` thousandths of a vote.
Errors: as records.
Source: domain.md 2.3.
"""

from datetime import datetime

import msgspec


class _Record(msgspec.Struct, rename="camel", kw_only=True):
    """Fields are camelCase in JSON."""


class Option(_Record):
    """One of what can be chosen."""

    id: str
    label: str
    image_url: str | None = None
    audio_url: str | None = None


class Results(_Record):
    """What the votes came to, by option; `points` of a RANKING, `mean` of a SLIDER."""

    total_votes: int
    total_weight: int
    results: dict[str, int]
    weights: dict[str, int]
    points: dict[str, int]
    mean: float | None = None


class Decision(_Record):
    """One question to the audience; its results once it is closed."""

    id: str
    session_id: str
    type: str  # POLL | BINARY | SLIDER | RANKING | OPEN_TEXT
    question: str
    options: tuple[Option, ...]
    status: str  # PENDING | OPEN | CLOSED | FINALIZED | CANCELLED
    voting_mode: str  # SIMPLE | WEIGHTED
    allow_vote_change: bool
    duration_seconds: int
    tie: bool
    override: bool
    opens_at: datetime | None = None
    ends_at: datetime | None = None
    results: Results | None = None
    winner: str | None = None


class VstudioSession(_Record):
    """A master that is finished before an audience; without access neither its stream nor its decisions are shown."""

    id: str
    artist_id: str
    master_id: str
    title: str
    slug: str
    status: str  # DRAFT | SCHEDULED | ACTIVE | VOTING | LOCKED | COMPLETE | CANCELLED
    chat_enabled: bool
    reactions_enabled: bool
    max_participants: int
    participant_count: int
    total_votes: int
    peak_viewers: int
    unique_viewers: int
    locked: bool
    has_access: bool
    decisions: tuple[Decision, ...]
    description: str | None = None
    status_reason: str | None = None
    scheduled_start: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    stream_url: str | None = None
    ipo_id: str | None = None


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
    duplicate: bool


class Line(_Record):
    """A line of the chat."""

    id: str


class Standing(_Record):
    """How a decision stands, now or when it was closed."""

    decision_id: str
    status: str
    total_votes: int
    results: dict[str, int]
    tie: bool
    override: bool
    weights: dict[str, int] | None = None
    points: dict[str, int] | None = None
    mean: float | None = None
    winner: str | None = None


class Ballot(_Record):
    """One person's vote, as the artist sees it; whose account is deleted is nobody's."""

    id: str
    weight: int
    created_at: datetime
    user_id: str | None = None
    choice: str | None = None
    value: float | None = None
    ranking: tuple[str, ...] | None = None
    text: str | None = None


class GateState(_Record):
    """Whether one comes in, and what is missing otherwise (NFT, ARTIST_COIN, SUBSCRIPTION)."""

    has_access: bool
    missing_requirements: tuple[str, ...]
    cta_type: str | None = None


class VoteGateState(GateState, kw_only=True):
    """Whether one may vote, and what the vote weighs."""

    weight: int


class Eligibility(_Record):
    """What one may do in a session."""

    view: GateState
    vote: VoteGateState


class KeyMoment(_Record):
    """What happened when."""

    at: datetime
    type: str
    title: str
    decision_id: str | None = None


class Recap(_Record):
    """What a session was."""

    session_id: str
    duration_seconds: int
    participants: int
    unique_viewers: int
    peak_viewers: int
    total_votes: int
    decisions: tuple[Decision, ...]
    key_moments: tuple[KeyMoment, ...]
    locked: bool
    ipo_id: str | None = None


class Contribution(_Record):
    """What a producer offered for a decision; `option_id` when it became an option."""

    id: str
    decision_id: str
    label: str
    status: str  # PENDING | ACCEPTED | REJECTED
    producer_id: str | None = None
    text: str | None = None
    audio_url: str | None = None
    option_id: str | None = None
