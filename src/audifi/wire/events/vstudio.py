"""Say what vstudio-service publishes: sessions, decisions, votes, contributions.

Between: vstudio-service and analytics (counts), worker (mail).
Units: weight_milli thousandths of a vote; moments ISO 8601.
Invariant: said in the transaction of the change; nobody is named but by id.
Source: domain.md 2.3 "Publishes".
"""

from datetime import datetime

from audifi.wire.events import EventData, event


class _SessionData(EventData, kw_only=True):
    session_id: str
    artist_id: str
    master_id: str


@event("session.created")
class SessionCreated(_SessionData):
    """An artist planned a session."""

    title: str
    scheduled_start: datetime | None = None


@event("session.started")
class SessionStarted(_SessionData):
    """A session is live."""


@event("session.ended")
class SessionEnded(_SessionData):
    """A session is over, without a lock."""

    peak_viewers: int
    unique_viewers: int
    total_votes: int


@event("session.cancelled")
class SessionCancelled(_SessionData):
    """A session will not be, or was broken off."""


@event("session.locked")
class SessionLocked(_SessionData):
    """Its decisions are the master's, for ever."""

    peak_viewers: int
    unique_viewers: int
    total_votes: int


class _DecisionData(_SessionData):
    decision_id: str
    type: str  # POLL | BINARY | SLIDER | RANKING | OPEN_TEXT


@event("decision.opened")
class DecisionOpened(_DecisionData):
    """Votes are taken."""

    closes_at: datetime | None = None


@event("decision.closed")
class DecisionClosed(_DecisionData):
    """Votes are counted."""

    total_votes: int
    is_tie: bool


@event("decision.finalized")
class DecisionFinalized(_DecisionData):
    """The artist accepted the result, or chose."""

    winning_option: str | None
    is_override: bool


@event("vote.cast")
class VoteCast(_SessionData):
    """Somebody voted, or changed their vote."""

    decision_id: str
    vote_id: str
    user_id: str
    weight_milli: int
    is_change: bool = False


class _ContributionData(_SessionData):
    contribution_id: str
    decision_id: str
    producer_id: str


@event("contribution.submitted")
class ContributionSubmitted(_ContributionData):
    """A producer offers an alternative."""


@event("contribution.accepted")
class ContributionAccepted(_ContributionData):
    """The artist took it."""


@event("contribution.rejected")
class ContributionRejected(_ContributionData):
    """The artist did not."""
