"""Do what a client says: judge it, hand it on, answer it.

Between: connection (hands over what it heard) and rooms, batches, vstudio-service.
Shape: commands by their flat names; an answer is `vote_ack`, `ack`, `pong` or `error`, with the requestId if there was
one. Who may what: a guest is silent; decisions are the artist's, producers' and administrators'; the rest, and whether
a producer was delegated to, decides vstudio-service.
Why an outcome never closes: its code says why one thing was refused. Somebody who may watch but not vote goes on
watching; codes close where they are about the connection itself (admitting, heartbeat, limits).
Invariant: userId and role in a frame are never looked at; identity is the admission's.
Errors: whatever a client sends is answered with a code; nothing raises.
Source: domain.md 3 (commands, error codes, limits); wire.live.protocol.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from audifi.gateways.ws.batches import SERVICE, Batches, Spawn
from audifi.gateways.ws.codes import code_of
from audifi.gateways.ws.dialects import Said
from audifi.gateways.ws.viewer import Rooms, Viewer
from audifi.kernel.ids import new_id
from audifi.kernel.peers import Peers
from audifi.wire.live import protocol
from audifi.wire.live.calls import Chat, Command, Outcome, Vote
from audifi.wire.live.protocol import Code, Role
from audifi.wire.problems import Problem

DIRECTORS: Final = frozenset({Role.ARTIST, Role.PRODUCER, Role.ADMIN})


class _VoteFields(msgspec.Struct, rename="camel", kw_only=True):
    decision_id: str
    choice: str | None = None
    option_index: int | None = None  # an option's place from 0, as old clients name it
    value: float | None = None
    ranking: tuple[str, ...] | None = None
    text: str | None = None


class _JoinFields(msgspec.Struct, rename="camel", kw_only=True):
    last_seq: int | None = None


class Speaker(Viewer, Protocol):
    """A viewer that is answered."""

    @property
    def address(self) -> str: ...
    @property
    def is_open(self) -> bool: ...
    def answer(self, type_: str, request_id: str | None, **fields: Any) -> None: ...
    def refuse(self, code: Code, message: str, request_id: str | None = None, **fields: Any) -> None: ...


class Commands:
    """What clients may say."""

    def __init__(self, rooms: Rooms, batches: Batches, peers: Peers, spawn: Spawn) -> None:
        self._rooms = rooms
        self._batches = batches
        self._peers = peers
        self._spawn = spawn
        self._by_type: dict[str, Callable[[Speaker, Said], None]] = {
            "join": self._join,
            "leave": self._leave,
            "vote": self._vote,
            "chat": self._chat,
            "reaction": self._react,
            "ping": _pong,
            "tip": _refuse_tip,
            "auth": _refuse_auth,
        }

    def do(self, viewer: Speaker, said: Said) -> None:
        """Do one command of an admitted viewer."""
        try:
            self._by_type.get(said.type, self._direct)(viewer, said)
        except msgspec.ValidationError as error:
            viewer.refuse(Code.INVALID_MESSAGE, f"{said.type}: {error}", said.request_id)

    def _join(self, viewer: Speaker, said: Said) -> None:
        last_seq = msgspec.convert(said.fields, _JoinFields).last_seq
        self._spawn(self._joined(viewer, said, last_seq))

    async def _joined(self, viewer: Speaker, said: Said, last_seq: int | None) -> None:
        if not viewer.is_open:
            return  # it ended before its turn came; joined now, nobody would ever take it out of the room again
        try:
            await self._rooms.join(viewer, last_seq)
        except Problem as problem:
            viewer.refuse(code_of(problem), problem.message, said.request_id, retryAfter=problem.retry_after_s)
            return
        if said.request_id is not None:
            viewer.answer("ack", said.request_id)  # who missed nothing is told nothing else

    def _leave(self, viewer: Speaker, said: Said) -> None:
        self._rooms.leave(viewer)
        viewer.answer("ack", said.request_id)

    def _vote(self, viewer: Speaker, said: Said) -> None:
        fields = msgspec.convert(said.fields, _VoteFields)
        if viewer.user_id is None:
            viewer.refuse(Code.NOT_ALLOWED, "Sign in to vote.", said.request_id)
            return
        if fields.option_index is not None and fields.choice is None:
            fields.choice = str(fields.option_index)  # vstudio-service takes an option's place for its id
        given = [each for each in (fields.choice, fields.value, fields.ranking, fields.text) if each is not None]
        if len(given) != 1:
            viewer.refuse(
                Code.INVALID_MESSAGE, "vote: give exactly one of choice, value, ranking, text", said.request_id
            )
            return
        vote = Vote(
            request_id=said.request_id or str(new_id()),
            user_id=viewer.user_id,
            ip=viewer.address,
            decision_id=fields.decision_id,
            choice=fields.choice,
            value=fields.value,
            ranking=fields.ranking,
            text=fields.text,
        )
        self._batches.vote(viewer.session_id, vote, partial(_voted, viewer, said, given[0]))

    def _chat(self, viewer: Speaker, said: Said) -> None:
        text = said.fields.get("text")
        text = text.strip() if isinstance(text, str) else ""
        if viewer.user_id is None:
            viewer.refuse(Code.NOT_ALLOWED, "Sign in to chat.", said.request_id)
        elif not 0 < len(text) <= protocol.CHAT_CHARACTERS_MAX:
            message = f"chat: text must be 1 to {protocol.CHAT_CHARACTERS_MAX} characters"
            viewer.refuse(Code.INVALID_MESSAGE, message, said.request_id)
        else:
            admission = viewer.admission
            line = Chat(
                request_id=said.request_id or str(new_id()),
                user_id=viewer.user_id,
                display_name=admission.display_name,
                role=admission.you.role,
                text=text,
            )
            self._batches.chat(viewer.session_id, line, partial(_done, viewer, said))

    def _react(self, viewer: Speaker, said: Said) -> None:
        emoji = said.fields.get("emoji")
        if viewer.user_id is None:
            viewer.refuse(Code.NOT_ALLOWED, "Sign in to react.", said.request_id)
        elif emoji not in protocol.REACTIONS:
            viewer.refuse(
                Code.INVALID_MESSAGE, "reaction: emoji must be one of " + " ".join(protocol.REACTIONS), said.request_id
            )
        else:
            self._rooms.reacted(viewer.session_id, emoji)
            if said.request_id is not None:
                viewer.answer("ack", said.request_id)

    def _direct(self, viewer: Speaker, said: Said) -> None:
        role = viewer.admission.you.role
        if viewer.user_id is None or role not in DIRECTORS:
            viewer.refuse(Code.NOT_ALLOWED, f"A {role} does not do this.", said.request_id)
            return
        command = Command(
            request_id=said.request_id or str(new_id()),
            user_id=viewer.user_id,
            role=role,
            type=said.type,
            fields=said.fields,
        )
        self._spawn(self._directed(viewer, said, command))

    async def _directed(self, viewer: Speaker, said: Said, command: Command) -> None:
        path = f"/internal/v1/sessions/{viewer.session_id}/commands"
        try:
            outcome: Outcome | Problem = await self._peers.post(SERVICE, path, command, Outcome)
        except Problem as problem:
            outcome = problem
        _done(viewer, said, outcome)


def _pong(viewer: Speaker, said: Said) -> None:
    viewer.answer("pong", said.request_id)


def _refuse_tip(viewer: Speaker, said: Said) -> None:
    viewer.refuse(Code.UNSUPPORTED, "Tips are not supported.", said.request_id)


def _refuse_auth(viewer: Speaker, said: Said) -> None:
    viewer.refuse(Code.INVALID_MESSAGE, "You are admitted already.", said.request_id)


def _voted(viewer: Speaker, said: Said, given: Any, outcome: Outcome | Problem) -> None:
    if isinstance(outcome, Problem) or outcome.code is not None:
        _refused(viewer, said, outcome)
        return
    decision_id = said.fields["decisionId"]
    viewer.admission.you.votes[decision_id] = given  # the next snapshot says so
    viewer.answer(
        "vote_ack",
        said.request_id,
        decisionId=decision_id,
        voteId=outcome.id,
        weight=outcome.weight,
        duplicate=outcome.duplicate,
    )


def _done(viewer: Speaker, said: Said, outcome: Outcome | Problem) -> None:
    if isinstance(outcome, Problem) or outcome.code is not None:
        _refused(viewer, said, outcome)
    else:
        viewer.answer("ack", said.request_id, id=outcome.id, decisionId=outcome.decision_id)


def _refused(viewer: Speaker, said: Said, outcome: Outcome | Problem) -> None:
    if isinstance(outcome, Problem):
        viewer.refuse(code_of(outcome), outcome.message, said.request_id, retryAfter=outcome.retry_after_s)
    else:
        code = Code(outcome.code or Code.UNAVAILABLE)
        viewer.refuse(code, outcome.message, said.request_id, retryAfter=outcome.retry_after_s)
