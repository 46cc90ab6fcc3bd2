"""Decide what a presented refresh token deserves: a new one, the same one again, or the end of its family.

Between: routes.login (refresh), store.sessions (the row, locked).

Why a grace: two tabs, or a gateway's retry after a lost answer, present one token twice within moments. Answering the
second with the *same* replacement is what the client would have seen had nothing been lost; killing the family would
sign out honest people daily. When it refrains: after GRACE_S, or for any token older than the previous one, the only
explanation left is a copy in other hands, and the whole family dies.

Invariant: a token that is neither current nor (within the grace) previous never yields a token.
Units: *_s seconds.
Errors: never raises; the caller turns outcomes into answers.
Source: domain.md 4 (7 days rotating, 10 s grace, 30 d cap); RFC 9700 section 4.14.2 (rotation detects replay).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

REFRESH_S: Final = 7 * 24 * 3600
ABSOLUTE_S: Final = 30 * 24 * 3600
GRACE_S: Final = 10


class Renewal(Enum):
    """What to do with a presented refresh token."""

    ROTATE = "rotate"  # current: replace it
    REPEAT = "repeat"  # just replaced: hand out the same replacement
    REPLAYED = "replayed"  # spent earlier: revoke the family
    OVER = "over"  # expired, revoked, or the account may not sign in


@dataclass(frozen=True, kw_only=True)
class Family:
    """The part of a session row this decision reads."""

    refresh_hash: bytes
    previous_hash: bytes | None
    rotated_at: datetime
    expires_at: datetime
    absolute_expires_at: datetime
    revoked_at: datetime | None
    is_active_account: bool


def renewal(family: Family, presented_hash: bytes, now: datetime) -> Renewal:
    """Judge one presented token; the family part of it is known to match."""
    if family.revoked_at is not None or now >= family.absolute_expires_at:
        return Renewal.OVER
    if presented_hash == family.refresh_hash:
        is_over = now >= family.expires_at or not family.is_active_account
        return Renewal.OVER if is_over else Renewal.ROTATE
    is_in_grace = now - family.rotated_at <= timedelta(seconds=GRACE_S)
    if presented_hash == family.previous_hash and is_in_grace:
        return Renewal.REPEAT if family.is_active_account else Renewal.OVER
    return Renewal.REPLAYED


def next_expiry(now: datetime, absolute_expires_at: datetime) -> datetime:
    """Return when the replacement ends: seven days on, never past the cap."""
    return min(now + timedelta(seconds=REFRESH_S), absolute_expires_at)
