"""Plan and hold V Studio sessions, decide, vote; `audifi.live(session_id)` shows one as it happens.

Between: sdk.client, sdk.live (tickets, and actions where sockets do not pass) and sdk.transport.
Errors: SessionNotFound, DecisionNotFound, DecisionClosed, AlreadyVoted, NotEligible, InvalidState, PlanLimitReached.
Source: domain.md 2.3.
"""

from typing import Any, Final
from urllib.parse import quote

from audifi.sdk.keys import new_key
from audifi.sdk.records.envelopes import Enveloped, Paged
from audifi.sdk.records.vstudio import (
    Ballot,
    Contribution,
    Decision,
    Eligibility,
    Line,
    LiveTicket,
    Recap,
    Standing,
    VoteCast,
    VstudioSession,
)
from audifi.sdk.transport import Request, Transport

TICKET_WITHIN_S: Final = 8.0  # a ticket that takes longer comes too late for its connection (machine.OPEN_MS)


class Vstudio:
    """Everything below /vstudio but the sockets."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def sessions(self, **filters: str | int) -> Paged[VstudioSession]:
        """List sessions: `sessions(artistId=…, live="true")`, one's own with `mine="true"`."""
        request = Request(method="GET", path="/vstudio/sessions", query=filters)
        return await self._transport.call(request, Paged[VstudioSession])

    async def create(self, *, idempotency_key: str | None = None, **fields: Any) -> VstudioSession:
        """Plan a session: `create(masterId=…, title=…)`, with its decisions if they are known."""
        return await self._session(_write("/vstudio/sessions", fields, idempotency_key))

    async def find(self, session_id: str) -> VstudioSession:
        """Return a session."""
        return await self._session(Request(method="GET", path=_path(session_id)))

    async def update(self, session_id: str, *, idempotency_key: str | None = None, **fields: Any) -> VstudioSession:
        """Plan it anew, while it is not live."""
        key = idempotency_key or new_key()
        return await self._session(Request(method="PATCH", path=_path(session_id), body=fields, idempotency_key=key))

    async def start(self, session_id: str) -> VstudioSession:
        """Go live."""
        return await self._session(_write(_path(session_id, "/start")))

    async def end(self, session_id: str) -> VstudioSession:
        """End without a lock; open decisions are closed first."""
        return await self._session(_write(_path(session_id, "/end")))

    async def cancel(self, session_id: str) -> VstudioSession:
        """It will not be."""
        return await self._session(_write(_path(session_id, "/cancel")))

    async def lock(self, session_id: str) -> VstudioSession:
        """Make its decisions the master's; it is locked when the session is COMPLETE."""
        return await self._session(_write(_path(session_id, "/lock")))

    async def eligibility(self, session_id: str) -> Eligibility:
        """Say what one may do in it, and what is missing."""
        request = Request(method="GET", path=_path(session_id, "/eligibility"))
        return (await self._transport.call(request, Enveloped[Eligibility])).data

    async def recap(self, session_id: str) -> Recap:
        """Return what a session was that is COMPLETE."""
        request = Request(method="GET", path=_path(session_id, "/recap"))
        return (await self._transport.call(request, Enveloped[Recap])).data

    async def decisions(self, session_id: str) -> tuple[Decision, ...]:
        """List a session's decisions in their order."""
        request = Request(method="GET", path=_path(session_id, "/decisions"))
        return (await self._transport.call(request, Enveloped[tuple[Decision, ...]])).data

    async def create_decision(self, session_id: str, *, idempotency_key: str | None = None, **fields: Any) -> Decision:
        """Ask: `create_decision(id, type="POLL", question=…, options=[{"label": …}, …])`."""
        return await self._decision(_write(_path(session_id, "/decisions"), fields, idempotency_key))

    async def open_decision(self, session_id: str, decision_id: str, *, idempotency_key: str | None = None) -> Decision:
        """Take votes from now on."""
        return await self._decision(_write(_decision_path(session_id, decision_id, "open"), None, idempotency_key))

    async def close_decision(
        self, session_id: str, decision_id: str, *, idempotency_key: str | None = None
    ) -> Decision:
        """Count the votes."""
        return await self._decision(_write(_decision_path(session_id, decision_id, "close"), None, idempotency_key))

    async def finalize_decision(
        self, session_id: str, decision_id: str, *, winner: str | None = None, idempotency_key: str | None = None
    ) -> Decision:
        """Accept the result, or choose: a tie needs a choice."""
        body = {"winningOptionId": winner} if winner is not None else {}
        return await self._decision(_write(_decision_path(session_id, decision_id, "finalize"), body, idempotency_key))

    async def vote(
        self, session_id: str, decision_id: str, *, idempotency_key: str | None = None, **ballot: Any
    ) -> VoteCast:
        """Vote with exactly one of choice, value, ranking, text."""
        body = {"decisionId": decision_id, **ballot}
        request = _write(_path(session_id, "/vote"), body, idempotency_key)
        return (await self._transport.call(request, Enveloped[VoteCast])).data

    async def stats(self, session_id: str, decision_id: str) -> Standing:
        """Return how a decision stands."""
        request = Request(method="GET", path=_decision_path(session_id, decision_id, "stats"))
        return (await self._transport.call(request, Enveloped[Standing])).data

    async def votes(self, session_id: str, decision_id: str, *, page: int = 1, limit: int = 20) -> Paged[Ballot]:
        """Artists: list who voted what."""
        path = _decision_path(session_id, decision_id, "votes")
        return await self._transport.call(
            Request(method="GET", path=path, query={"page": page, "limit": limit}), Paged[Ballot]
        )

    async def contribute(
        self, session_id: str, decision_id: str, *, idempotency_key: str | None = None, **fields: Any
    ) -> Contribution:
        """Producers: offer an alternative: `contribute(id, did, label=…, audioUrl=…)`, or text, or both."""
        request = _write(_decision_path(session_id, decision_id, "contributions"), fields, idempotency_key)
        return (await self._transport.call(request, Enveloped[Contribution])).data

    async def judge(self, session_id: str, decision_id: str, contribution_id: str, *, status: str) -> Contribution:
        """Artists: take it (ACCEPTED) or not (REJECTED)."""
        path = _decision_path(session_id, decision_id, f"contributions/{_id(contribution_id)}")
        request = Request(method="PATCH", path=path, body={"status": status}, idempotency_key=new_key())
        return (await self._transport.call(request, Enveloped[Contribution])).data

    async def chat(self, session_id: str, text: str, *, request_id: str | None = None) -> Line:
        """Say something where no socket passes; with the same `request_id` it is said once."""
        key = request_id or new_key()
        request = _write(_path(session_id, "/chat"), {"text": text, "requestId": key}, key)
        return (await self._transport.call(request, Enveloped[Line])).data

    async def react(self, session_id: str, emoji: str) -> None:
        """React where no socket passes."""
        await self._transport.answer(_write(_path(session_id, "/reactions"), {"emoji": emoji}))

    async def ticket(self, session_id: str, *, role: str | None = None) -> LiveTicket:
        """Ask for what opens one socket; `role` is only ever less than what one is."""
        body = {"sessionId": session_id} | ({"role": role} if role is not None else {})
        request = Request(
            method="POST", path="/vstudio/ticket", body=body, idempotency_key=new_key(), deadline_s=TICKET_WITHIN_S
        )
        return (await self._transport.call(request, Enveloped[LiveTicket])).data

    async def _session(self, request: Request) -> VstudioSession:
        return (await self._transport.call(request, Enveloped[VstudioSession])).data

    async def _decision(self, request: Request) -> Decision:
        return (await self._transport.call(request, Enveloped[Decision])).data


def _write(path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Request:
    return Request(method="POST", path=path, body=body, idempotency_key=key or new_key())


def _path(session_id: str, below: str = "") -> str:
    return f"/vstudio/sessions/{_id(session_id)}{below}"


def _decision_path(session_id: str, decision_id: str, action: str) -> str:
    return _path(session_id, f"/decisions/{_id(decision_id)}/{action}")


def _id(text: str) -> str:
    return quote(text, safe="")
