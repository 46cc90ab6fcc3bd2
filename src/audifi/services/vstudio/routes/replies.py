"""Shape what vstudio-service answers about sessions and decisions, in one place for all routes that answer it.

Between: routes.* (build), docs/openapi/vstudio.json and the SDK (read).
Units: weights in thousandths of a vote; timestamps ISO-8601 UTC with milliseconds.
Invariant: who may not see a session sees that it is there, not where it streams or what it decides.
"""

from collections.abc import Sequence

from audifi.kernel.clock import iso
from audifi.kernel.http import Reply, Timestamp
from audifi.services.vstudio.rules.deciding import Option, Slider
from audifi.services.vstudio.rules.gating import Gate
from audifi.services.vstudio.rules.tallying import Results
from audifi.services.vstudio.sagas.frames import moment
from audifi.services.vstudio.store.decisions import Decision
from audifi.services.vstudio.store.sessions import Session


class ResultsReply(Reply, kw_only=True):
    """What the votes came to, by option; `points` of a RANKING, `mean` of a SLIDER."""

    total_votes: int
    total_weight: int
    results: dict[str, int]
    weights: dict[str, int]
    points: dict[str, int]
    mean: float | None


class DecisionReply(Reply, kw_only=True):
    """A decision; its results once it is closed. `gating` of null is the session's."""

    id: str
    session_id: str
    type: str
    question: str
    description: str | None
    options: tuple[Option, ...]
    slider: Slider | None
    gating: Gate | None
    voting_mode: str
    allow_vote_change: bool
    duration_seconds: int
    status: str
    opens_at: Timestamp | None
    ends_at: Timestamp | None
    closed_at: Timestamp | None
    finalized_at: Timestamp | None
    results: ResultsReply | None
    tie: bool
    winner: str | None
    override: bool
    display_order: int
    created_at: Timestamp


class SessionReply(Reply, kw_only=True):
    """A session; without `hasAccess` neither its stream nor its decisions are shown."""

    id: str
    artist_id: str
    master_id: str
    title: str
    slug: str
    description: str | None
    status: str
    status_reason: str | None
    view_gating: Gate
    vote_gating: Gate
    scheduled_start: Timestamp | None
    scheduled_end: Timestamp | None
    started_at: Timestamp | None
    ended_at: Timestamp | None
    stream_url: str | None
    platform: str
    producer_ids: tuple[str, ...]
    chat_enabled: bool
    reactions_enabled: bool
    max_participants: int
    participant_count: int
    total_votes: int
    peak_viewers: int
    unique_viewers: int
    locked: bool
    ipo_id: str | None
    has_access: bool
    decisions: tuple[DecisionReply, ...]
    created_at: Timestamp
    updated_at: Timestamp


def results_reply(found: Results) -> ResultsReply:
    """Show what votes came to."""
    return ResultsReply(
        total_votes=found.total_votes,
        total_weight=found.total_weight,
        results=found.results,
        weights=found.weights,
        points=found.points,
        mean=found.mean,
    )


def decision_reply(decision: Decision) -> DecisionReply:
    """Show a decision."""
    return DecisionReply(
        id=decision.id,
        session_id=decision.session_id,
        type=decision.type,
        question=decision.question,
        description=decision.description,
        options=decision.options,
        slider=decision.slider,
        gating=decision.gating,
        voting_mode=decision.voting_mode,
        allow_vote_change=decision.allow_vote_change,
        duration_seconds=decision.duration_s,
        status=decision.status,
        opens_at=moment(decision.opens_at),
        ends_at=moment(decision.closes_at),
        closed_at=moment(decision.closed_at),
        finalized_at=moment(decision.finalized_at),
        results=None if decision.results is None else results_reply(decision.results),
        tie=decision.is_tie,
        winner=decision.winning_option,
        override=decision.is_override,
        display_order=decision.display_order,
        created_at=iso(decision.created_at),
    )


def session_reply(session: Session, decided: Sequence[Decision], *, has_access: bool, is_own: bool) -> SessionReply:
    """Show a session to somebody."""
    return SessionReply(
        id=session.id,
        artist_id=session.artist_id,
        master_id=session.master_id,
        title=session.title,
        slug=session.slug,
        description=session.description,
        status=session.status,
        status_reason=session.status_reason if is_own else None,
        view_gating=session.view_gating,
        vote_gating=session.vote_gating,
        scheduled_start=moment(session.scheduled_start),
        scheduled_end=moment(session.scheduled_end),
        started_at=moment(session.started_at),
        ended_at=moment(session.ended_at),
        stream_url=session.stream_url if has_access else None,
        platform=session.platform,
        producer_ids=session.producer_ids,
        chat_enabled=session.chat_enabled,
        reactions_enabled=session.reactions_enabled,
        max_participants=session.max_participants,
        participant_count=session.participant_count,
        total_votes=session.total_votes,
        peak_viewers=session.peak_viewers,
        unique_viewers=session.unique_viewers,
        locked=session.is_locked,
        ipo_id=session.ipo_id,
        has_access=has_access,
        decisions=tuple(decision_reply(each) for each in decided) if has_access else (),
        created_at=iso(session.created_at),
        updated_at=iso(session.updated_at),
    )
