"""Say what of a snapshot of the cluster comes back, and what must not because the platform makes it anew.

Between: cluster (asks before it copies into the platform itself) and wire.channels (the families of keys).
Invariant: nothing that was taken back since the snapshot is valid again: no session, ticket, nonce or right to watch.
What protects comes back until its own time is over: that a session was revoked, that an address is paused, what was
counted against a limit.
Source: domain.md 7 "After Redis loss: sessions re-login/refresh, limits reset, tallies rebuilt from Postgres";
kernel.sessions (a refresh puts the session again), docs/live.md (Redis may be emptied while a session is live).
"""

from collections.abc import Sequence
from typing import Any, Final

# Family of keys → who makes it anew. A family that is in neither list comes back.
REBUILT: Final = {
    b"usersessions": "auth-service, from PostgreSQL",
    b"wsticket": "vstudio-service: a client asks for another ticket (one is valid for 30 s, and once)",
    b"siwe": "auth-service: a wallet asks for another nonce (one is valid once)",
    b"vstudio": "vstudio-service, from PostgreSQL: tallies, events, who watches, who may",
}
SESSION: Final = b"session"  # refreshing puts it again; a tombstone is nobody's to make again
TOMBSTONE: Final = b"revoked"  # kernel.sessions.TOMBSTONE: local does not import the services' code


async def wanted(client: Any, keys: Sequence[bytes]) -> list[bytes]:
    """Those of these keys that come back."""
    sessions = [key for key in keys if _family(key) == SESSION]
    values: list[bytes | None] = await client.execute_command("MGET", *sessions) if sessions else []
    revoked = {key for key, value in zip(sessions, values, strict=True) if value == TOMBSTONE}
    return [key for key in keys if key in revoked or _family(key) not in {SESSION, *REBUILT}]


def _family(key: bytes) -> bytes:
    return key.partition(b":")[0]
