"""Give out tickets: who has one is let into a session's socket once, within half a minute.

Between: the gateway (POST /vstudio/ticket), sagas.admitting (who they are), Redis (keeps it), gateways.ws (spends it).
Shape: 256 random bits, of which Redis knows the hash. With affinity "ticket" the address names the pod with the fewest
connections; without one, or with "cookie", it names none.
Invariant: everything there is to ask is asked here, so that the socket's pod has only to look.
Errors: SessionNotFound, InvalidState (over), NotEligible, Conflict (full), Unavailable without Redis.
Source: domain.md 3 "Authentication"; docs/decisions/0046.
"""

from typing import Final, Literal
from uuid import UUID

import msgspec

from audifi.kernel.crypto import new_token, token_hash
from audifi.kernel.http import Access, Body, Operation, Reply
from audifi.kernel.identity import Mfa
from audifi.services.vstudio.errors import Conflict, Invalid, InvalidState, NotEligible, SessionNotFound
from audifi.services.vstudio.parts import Parts, VstudioCall
from audifi.services.vstudio.sagas import admitting
from audifi.wire import channels
from audifi.wire.live import addresses, protocol
from audifi.wire.live.calls import Asking, Ticket


class TicketBody(Body, kw_only=True):
    """For which session; `role` only ever asks for less."""

    session_id: UUID
    role: Literal["artist", "producer", "admin", "token_holder", "viewer", "guest"] | None = None


class TicketReply(Reply, kw_only=True):
    """Connect to wsUrl within expiresIn seconds; once."""

    ticket: str
    expires_in: int
    ws_url: str
    role: str


async def ticket(call: VstudioCall, body: TicketBody) -> TicketReply:
    """Give a ticket to somebody who may come in."""
    parts, caller, session_id = call.deps, call.user(), str(body.session_id)
    asking = Asking(
        user_id=caller.user_id,
        sid=caller.session_id,
        roles=tuple(caller.roles),
        mfa=caller.mfa is Mfa.PASSED,
        role=body.role,
    )
    admission = await admitting.admit(parts, session_id, asking)
    pod = await parts.pods.least_loaded() if parts.settings.ws_affinity == addresses.Affinity.TICKET else None
    new = new_token(32)
    key, kept = channels.ws_ticket(token_hash(new).hex()), msgspec.json.encode(Ticket(admission=admission, pod=pod))
    was_new = await parts.cache.set(key, kept, ttl_s=protocol.TICKET_S, only_if_absent=True)
    assert was_new, "256 random bits do not come twice"
    return TicketReply(
        ticket=new, expires_in=protocol.TICKET_S, ws_url=_url(parts, session_id, pod, new), role=admission.you.role
    )


def _url(parts: Parts, session_id: str, pod: str | None, new: str) -> str:
    named = "" if pod is None else addresses.named(pod)
    return f"{parts.settings.live_url.rstrip('/')}{named}/vstudio/{session_id}?ticket={new}"


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST", path="/vstudio/ticket", handler=ticket, summary="Get a ticket for a session's socket",
        tag="tickets", access=Access.USER, body=TicketBody, reply=TicketReply,
        errors=(SessionNotFound, InvalidState, NotEligible, Conflict, Invalid),
        example={"sessionId": "01890000-0000-7000-8000-000000000001"},
    ),
)  # fmt: skip
