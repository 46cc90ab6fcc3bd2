"""Do to decisions what an artist says over the socket: the same as over HTTP.

Between: gateways.ws (POST /internal/v1/sessions/{id}/commands) and sagas.deciding.
Shape: `fields` are those of the frame: a new decision's as in its body, else decisionId (and winningOptionId).
Invariant: who may is decided here, by the session's own people; the role the gateway tells is not looked at.
Errors: what is refused is the outcome; Unavailable fails the call.
Source: domain.md 3 (decision_create / _open / _close / _finalize).
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import msgspec

from audifi.kernel import outbox
from audifi.kernel.http import Access, Operation
from audifi.services.vstudio.errors import Forbidden, Invalid, Refusal, SessionNotFound
from audifi.services.vstudio.parts import Parts, VstudioCall
from audifi.services.vstudio.routes.decisions import DecisionBody, FinalizeBody
from audifi.services.vstudio.routes.fields import SessionPath
from audifi.services.vstudio.rules import outcomes
from audifi.services.vstudio.sagas import deciding, plans
from audifi.services.vstudio.store import sessions
from audifi.services.vstudio.store.decisions import Decision
from audifi.wire.events.auth import AuditRecorded
from audifi.wire.live.calls import Command, Outcome

Do = Callable[[Parts, str, Command], Awaitable[Decision]]


class _Named(msgspec.Struct, rename="camel"):
    decision_id: UUID


async def command(call: VstudioCall, body: Command) -> Outcome:
    """Do one command."""
    do = _COMMANDS.get(body.type)
    try:
        if do is None:
            raise Invalid(details={"type": f"one of {', '.join(_COMMANDS)}"})
        decision = await do(call.deps, str(call.parameters.id), body)
    except msgspec.ValidationError as error:
        return outcomes.refused(body.request_id, Invalid(str(error)))
    except Refusal as refusal:
        return outcomes.refused(body.request_id, refusal)
    call.deps.wake_live()
    return Outcome(request_id=body.request_id, id=decision.id, decision_id=decision.id)


async def _create(parts: Parts, session_id: str, said: Command) -> Decision:
    asked = _read(said.fields, DecisionBody).asked()
    async with parts.database.read_primary() as connection:
        session = await sessions.one(connection, session_id)
    if session is None:
        raise SessionNotFound
    if not deciding.may_run(session, said.user_id):
        raise Forbidden("This is another artist's session.")
    plan = await plans.plan_of(parts.peers, session.artist_id)
    async with parts.database.transaction() as tx:
        return await deciding.create(tx, session_id, asked, plan, parts.clock.now())


async def _open(parts: Parts, session_id: str, said: Command) -> Decision:
    async with parts.database.transaction() as tx:
        return await deciding.open_(tx, await _both(tx, session_id, said, is_own=False), parts.clock.now())


async def _close(parts: Parts, session_id: str, said: Command) -> Decision:
    async with parts.database.transaction() as tx:
        return await deciding.close(tx, await _both(tx, session_id, said, is_own=False), parts.clock.now())


async def _finalize(parts: Parts, session_id: str, said: Command) -> Decision:
    chosen = {name: value for name, value in said.fields.items() if name != "decisionId"}
    winner = _read(chosen, FinalizeBody).winning_option_id
    async with parts.database.transaction() as tx:
        both = await _both(tx, session_id, said, is_own=True)
        decision = await deciding.finalize(tx, both, winner, parts.clock.now())
        if decision.is_override:
            await outbox.add(tx, _overridden(decision, said.user_id), aggregate_id=decision.id, actor_id=said.user_id)
    return decision


async def _both(tx: Any, session_id: str, said: Command, *, is_own: bool) -> deciding.Both:
    both = await deciding.locked(tx, str(_read(said.fields, _Named).decision_id), session_id=session_id)
    if not deciding.may_run(both.session, said.user_id, is_own=is_own):
        raise Forbidden("This is another artist's session.")
    return both


def _read(fields: dict[str, Any], kind: type[Any]) -> Any:
    return msgspec.convert(fields, kind)


def _overridden(decision: Decision, user_id: str) -> AuditRecorded:
    return AuditRecorded(
        action="decision.overridden",
        category="vstudio",
        target_type="decision",
        target_id=decision.id,
        actor_id=user_id,
        after={"winner": decision.winning_option or "", "sessionId": decision.session_id},
        client_ip="",
        user_agent="",
    )


_COMMANDS: Final[dict[str, Do]] = {
    "decision_create": _create,
    "decision_open": _open,
    "decision_close": _close,
    "decision_finalize": _finalize,
}

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST", path="/internal/v1/sessions/{id}/commands", handler=command, tag="internal",
        summary="Do to a decision what an artist says over the socket", access=Access.SERVICE, parameters=SessionPath,
        body=Command, reply=Outcome,
    ),
)  # fmt: skip
