"""Keep the sessions' fast copy in Redis: what every service looks up on every signed-in request.

Between: auth-service (puts, revokes) and kernel.http.admit (looks up).
Shape: `session:{tag}:<sid>` holds one SessionRecord as JSON, or the tombstone `revoked`.
Invariant: once revoked, a session does not come back before every access token it ever had has expired: `put` does
not write over a tombstone.
Why roles and mfa are in the record: a role taken away, or a factor used, counts at the next request, not at the next
token.
Units: ttl_s, tombstone_s seconds; created_s, expires_s epoch seconds.
Errors: Unavailable without Redis; what that means is decided by the caller (GET passes, writes are refused).
Source: domain.md 4 "Sessions in Redis".
"""

import asyncio
from typing import Final

import msgspec

from audifi.kernel.cache import Cache
from audifi.kernel.identity import Mfa
from audifi.wire import channels

TOMBSTONE: Final = b"revoked"
_PUT: Final = """
if redis.call('GET', KEYS[1]) == ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1
"""


class SessionRecord(msgspec.Struct, rename="camel", kw_only=True):
    """What is known of a session without asking the database."""

    user_id: str
    roles: tuple[str, ...]
    mfa: Mfa
    created_s: int
    expires_s: int
    device: str = ""
    plan: str = "free"


_decoder = msgspec.json.Decoder(SessionRecord)


class Sessions:
    """Put, find and revoke sessions."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def put(self, session_id: str, record: SessionRecord, *, ttl_s: int) -> bool:
        """Store or replace; never over a tombstone (then return False)."""
        key = channels.session(session_id)
        return bool(await self._cache.script(_PUT, [key], [msgspec.json.encode(record), TOMBSTONE, ttl_s]))

    async def find(self, session_id: str) -> SessionRecord | None:
        """Return the record, or None when it is revoked, expired or lost. Raises Unavailable without Redis."""
        value = await self._cache.get(channels.session(session_id))
        return None if value is None or value == TOMBSTONE else _decoder.decode(value)

    async def revoke(self, *session_ids: str, tombstone_s: int) -> None:
        """Replace the record by a tombstone that outlives every access token of the session."""
        keys = [channels.session(session_id) for session_id in session_ids]
        await asyncio.gather(*(self._cache.set(key, TOMBSTONE, ttl_s=tombstone_s) for key in keys))
