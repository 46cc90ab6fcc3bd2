"""Find out who a connection is: by the ticket it brought, or by the token it sends first.

Between: connection (asks), Redis (tickets, sign-in sessions), vstudio-service (admissions).
Shape: a ticket was made by vstudio-service after it had asked everything there is to ask, so it is only redeemed; a
token is verified here, and vstudio-service says who its owner is in this session. No token: a guest, if it lets them.
Invariant: a ticket is spent by whoever shows it first (GETDEL), also when it then turns out to be another session's.
Errors: `Refused` with the code to close with.
Source: domain.md 3 "Authentication".
"""

import re
from typing import Final

import msgspec

from audifi.gateways.ws.batches import SERVICE
from audifi.gateways.ws.codes import code_of
from audifi.kernel.cache import Cache
from audifi.kernel.crypto import token_hash
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.peers import Peers
from audifi.kernel.sessions import Sessions
from audifi.wire import channels
from audifi.wire.live import protocol
from audifi.wire.live.calls import Admission, Asking, Ticket
from audifi.wire.live.protocol import Code
from audifi.wire.problems import Problem, Unauthorized, Unavailable

_TICKET: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits, base64url
_tickets: Final = msgspec.json.Decoder(Ticket)


class Refused(Exception):
    """Not admitted."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


class Auth(msgspec.Struct, kw_only=True):
    """The fields of an auth frame."""

    token: str | None = None
    role: str | None = None  # asked for: only ever less


class Admitting:
    """Who may come in."""

    def __init__(self, cache: Cache, verifier: TokenVerifier, peers: Peers) -> None:
        self._cache = cache
        self._sessions = Sessions(cache)
        self._verifier = verifier
        self._peers = peers

    async def by_ticket(self, session_id: str, ticket: str) -> Admission:
        """Redeem a ticket."""
        if _TICKET.fullmatch(ticket) is None:
            raise Refused(Code.INVALID_TICKET, "This is no ticket.")
        try:
            found = await self._cache.take(channels.ws_ticket(token_hash(ticket).hex()))
        except Unavailable as problem:
            raise Refused(protocol.OVERLOAD, "Tickets cannot be redeemed now.") from problem
        if found is None:
            raise Refused(Code.INVALID_TICKET, "This ticket is unknown, used or expired.")
        admission = _tickets.decode(found).admission
        if admission.session_id != session_id:
            raise Refused(Code.INVALID_TICKET, "This ticket is for another session.")
        return admission

    async def by_token(self, session_id: str, auth: Auth) -> Admission:
        """Verify an access token, or admit a guest, if vstudio-service does."""
        try:
            asking = await self._asking(auth)
            path = f"/internal/v1/sessions/{session_id}/admission"
            return await self._peers.post(SERVICE, path, asking, Admission)
        except Unavailable as problem:
            raise Refused(protocol.OVERLOAD, "Nobody can be admitted now.") from problem
        except Problem as problem:
            raise Refused(code_of(problem, admitting=True), problem.message) from problem

    async def _asking(self, auth: Auth) -> Asking:
        if auth.token is None:
            return Asking(user_id=None, role=auth.role)
        principal = await self._verifier.verify(auth.token)
        record = await self._sessions.find(principal.session_id)
        if record is None or record.user_id != principal.user_id:
            raise Unauthorized
        return Asking(
            user_id=principal.user_id,
            sid=principal.session_id,
            roles=record.roles,
            mfa=record.mfa.value == "passed",
            role=auth.role,
        )

    async def is_revoked(self, admission: Admission) -> bool:
        """Say whether the sign-in session is no more; without Redis nobody is sent away."""
        if admission.sid is None:
            return False
        try:
            return await self._sessions.find(admission.sid) is None
        except Unavailable:
            return False
