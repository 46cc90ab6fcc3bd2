"""Keep the sessions' fast copy in Redis: what every service looks up on every signed-in request.

Between: auth-service (puts, revokes) and kernel.http (looks up).
Shape: `session:{tag}:<sid>` holds one SessionRecord as JSON, or the tombstone `revoked`.
"""

import msgspec

from audifi.kernel.cache import Cache


class SessionRecord(msgspec.Struct, rename="camel"):
    """What is known of a session without asking the database."""

    user_id: str
    roles: tuple[str, ...]
    mfa: str  # identity.Mfa value
    created_s: int
    expires_s: int
    device: str = ""
    plan: str = ""


class Sessions:
    """Put, find and revoke sessions."""

    def __init__(self, cache: Cache) -> None: ...

    async def put(self, session_id: str, record: SessionRecord, *, ttl_s: int) -> None:
        """Store or replace; never over a tombstone."""
        raise NotImplementedError

    async def find(self, session_id: str) -> SessionRecord | None:
        """Return the record, or None when it is revoked, expired or lost. Raises Unavailable without Redis."""
        raise NotImplementedError

    async def revoke(self, *session_ids: str, tombstone_s: int) -> None:
        """Replace the record by a tombstone that outlives every access token of the session."""
        raise NotImplementedError
