"""Offer alternatives for a decision, and accept or reject them.

Between: the gateway (…/decisions/{did}/contributions…) and sagas.contributing.
Shape: a producer sees their own, the artist all.
Errors: SessionNotFound, DecisionNotFound, NotFound, Forbidden, NotEligible, InvalidState, Invalid.
Source: domain.md 2.3.
"""

from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import Meta

from audifi.kernel.clock import iso
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation, Reply, Timestamp
from audifi.kernel.ids import new_id
from audifi.services.vstudio.errors import (
    DecisionNotFound,
    Forbidden,
    Invalid,
    InvalidState,
    NotEligible,
    NotFound,
    SessionNotFound,
)
from audifi.services.vstudio.parts import VstudioCall
from audifi.services.vstudio.routes import found
from audifi.services.vstudio.routes.fields import DecisionPath, Description, Title
from audifi.services.vstudio.rules.deciding import Url
from audifi.services.vstudio.sagas import contributing, deciding
from audifi.services.vstudio.sagas.deciding import Both
from audifi.services.vstudio.store import contributions as store
from audifi.services.vstudio.store.contributions import Contribution


class ContributionPath(DecisionPath):
    """Which contribution."""

    cid: UUID


class ContributionBody(Body, kw_only=True):
    """A recording, a text, or both."""

    label: Title
    text: Annotated[Description, Meta(min_length=1)] | None = None
    audio_url: Url | None = None


class VerdictBody(Body):
    """What becomes of it."""

    status: Literal["ACCEPTED", "REJECTED"]


class ContributionReply(Reply, kw_only=True):
    """What a producer offered; `optionId` when it became an option."""

    id: str
    decision_id: str
    producer_id: str | None
    label: str
    text: str | None
    audio_url: str | None
    status: str
    option_id: str | None
    created_at: Timestamp
    decided_at: Timestamp | None


async def submit(call: VstudioCall, body: ContributionBody) -> ContributionReply:
    """Offer an alternative."""
    if body.text is None and body.audio_url is None:
        raise Invalid(details={"text": "this or audioUrl"})
    parts, user_id = call.deps, call.user().user_id
    async with parts.database.read_primary() as connection:
        session = await found.visible(connection, call)
    verdict = await found.view(parts, session, user_id)
    if not verdict.has_access:
        raise NotEligible(details={"missingRequirements": list(verdict.missing), "ctaType": verdict.cta})
    new = Contribution(
        id=str(new_id()),
        session_id=session.id,
        decision_id=str(call.parameters.did),
        producer_id=user_id,
        label=body.label,
        text=body.text,
        audio_url=body.audio_url,
        created_at=parts.clock.now(),
    )
    async with parts.database.transaction() as tx:
        await contributing.submit(tx, await _both(tx, call), new)
        reply = _reply(new)
        await call.settle(tx, reply)
    parts.wake_live()
    return reply


async def decide(call: VstudioCall, body: VerdictBody) -> ContributionReply:
    """Accept or reject one: its artist."""
    parts = call.deps
    async with parts.database.transaction() as tx:
        both = await found.decision(tx, call, is_own=True)
        accept = body.status == "ACCEPTED"
        decided = await contributing.decide(tx, both, str(call.parameters.cid), accept=accept, now=parts.clock.now())
    parts.wake_live()
    return _reply(decided)


async def listed(call: VstudioCall) -> list[ContributionReply]:
    """List a decision's contributions: all to its artist, their own to producers."""
    user_id = call.user().user_id
    async with call.deps.database.read_primary() as connection:
        session = await found.visible(connection, call)
        whose = None if session.artist_id == user_id else user_id
        return [_reply(each) for each in await store.listed(connection, str(call.parameters.did), whose)]


async def _both(tx: Connection, call: VstudioCall) -> Both:
    return await deciding.locked(tx, str(call.parameters.did), session_id=str(call.parameters.id))


def _reply(each: Contribution) -> ContributionReply:
    return ContributionReply(
        id=each.id,
        decision_id=each.decision_id,
        producer_id=each.producer_id,
        label=each.label,
        text=each.text,
        audio_url=each.audio_url,
        status=each.status,
        option_id=each.option_id,
        created_at=iso(each.created_at),
        decided_at=None if each.decided_at is None else iso(each.decided_at),
    )


_TAG: Final = "contributions"
_PATH: Final = "/vstudio/sessions/{id}/decisions/{did}/contributions"
_ERRORS: Final = (SessionNotFound, DecisionNotFound)

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path=_PATH, handler=listed, summary="List what producers offer", tag=_TAG, access=Access.USER,
        parameters=DecisionPath, reply=list[ContributionReply], errors=_ERRORS,
    ),
    Operation(
        method="POST", path=_PATH, handler=submit, summary="Offer an alternative", tag=_TAG, access=Access.PRODUCER,
        parameters=DecisionPath, body=ContributionBody, reply=ContributionReply, status=201, idempotent=True,
        errors=(*_ERRORS, NotEligible, InvalidState, Invalid),
        example={"label": "Darker drop", "audioUrl": "https://example.com/drop.wav"},
    ),
    Operation(
        method="PATCH", path=f"{_PATH}/{{cid}}", handler=decide, summary="Accept or reject what was offered", tag=_TAG,
        access=Access.ARTIST, parameters=ContributionPath, body=VerdictBody, reply=ContributionReply,
        errors=(*_ERRORS, NotFound, Forbidden, InvalidState), example={"status": "ACCEPTED"},
    ),
)  # fmt: skip
