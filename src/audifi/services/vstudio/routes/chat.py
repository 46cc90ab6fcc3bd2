"""Chat and react over HTTP, and take lines back.

Between: the gateway (/vstudio/sessions/{id}/chat…, …/reactions) and sagas.
Shape: for who follows by the event stream; sockets have frames for it.
Errors: SessionNotFound, NotEligible, Forbidden, InvalidState, Invalid, NotFound.
Source: domain.md 3 "actions via REST", limits.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta

from audifi.kernel.http import Access, Body, Operation, Reply
from audifi.kernel.ids import new_id
from audifi.services.vstudio.errors import (
    Forbidden,
    Invalid,
    InvalidState,
    NotEligible,
    NotFound,
    Problem,
    SessionNotFound,
)
from audifi.services.vstudio.parts import VstudioCall
from audifi.services.vstudio.routes import found, limits
from audifi.services.vstudio.routes.fields import SessionPath
from audifi.services.vstudio.sagas import chatting, pulsing
from audifi.services.vstudio.store.sessions import Session
from audifi.wire.live import protocol
from audifi.wire.live.protocol import Role


class LinePath(SessionPath):
    """Which line."""

    line: UUID


class LineBody(Body, kw_only=True):
    """What is said; again with the same requestId is said once."""

    text: Annotated[str, Meta(min_length=1, max_length=protocol.CHAT_CHARACTERS_MAX)]
    request_id: Annotated[str, Meta(min_length=1, max_length=chatting.REQUEST_ID_CHARS_MAX)] | None = None


class ReactionBody(Body):
    """One of the fixed set."""

    emoji: Annotated[str, Meta(max_length=16)]


class LineReply(Reply):
    """A line that everybody sees."""

    id: str


async def say(call: VstudioCall, body: LineBody) -> LineReply:
    """Say something."""
    session = await _watched(call)
    user_id = call.user().user_id
    role = Role.ARTIST if user_id == session.artist_id else Role.VIEWER
    said = chatting.Said(user_id=user_id, request_id=body.request_id or str(new_id()), role=role, text=body.text)
    [result] = await chatting.say(call.deps, session.id, [said])
    if isinstance(result, Problem):
        raise result
    return LineReply(result)


async def remove(call: VstudioCall) -> None:
    """Take a line back."""
    async with call.deps.database.read_primary() as connection:
        session = await found.visible(connection, call)
    await chatting.remove(call.deps, session, str(call.parameters.line), call.user().user_id, None)


async def react(call: VstudioCall, body: ReactionBody) -> None:
    """React."""
    session = await _watched(call)
    if body.emoji not in protocol.REACTIONS:
        raise Invalid(details={"emoji": "one of " + " ".join(protocol.REACTIONS)})
    if not session.reactions_enabled:
        raise Forbidden("The artist has switched reactions off.")
    await pulsing.reacted(call.deps, session, {body.emoji: 1})


async def _watched(call: VstudioCall) -> Session:
    """Return the session, which the caller may watch."""
    async with call.deps.database.read_primary() as connection:
        session = await found.visible(connection, call)
    verdict = await found.view(call.deps, session, call.user().user_id)
    if not verdict.has_access:
        raise NotEligible(details={"missingRequirements": list(verdict.missing), "ctaType": verdict.cta})
    return session


_TAG: Final = "chat"
_ERRORS: Final[tuple[Any, ...]] = (SessionNotFound, NotEligible, Forbidden, Invalid)

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST", path="/vstudio/sessions/{id}/chat", handler=say, summary="Say something", tag=_TAG,
        access=Access.USER, parameters=SessionPath, body=LineBody, reply=LineReply, status=201, limits=(limits.CHAT,),
        errors=(*_ERRORS, InvalidState), example={"text": "Louder!"},
    ),
    Operation(
        method="DELETE", path="/vstudio/sessions/{id}/chat/{line}", handler=remove, summary="Take a line back",
        tag=_TAG, access=Access.USER, parameters=LinePath, status=204, errors=(SessionNotFound, NotFound, Forbidden),
    ),
    Operation(
        method="POST", path="/vstudio/sessions/{id}/reactions", handler=react, summary="React", tag=_TAG,
        access=Access.USER, parameters=SessionPath, body=ReactionBody, status=204, limits=(limits.REACTION,),
        errors=_ERRORS, example={"emoji": "🔥"},
    ),
)  # fmt: skip
