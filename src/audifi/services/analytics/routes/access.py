"""Decide whose figures a caller may see.

Between: routes.*. An artist is the user of the same id (domain.md 9.65).
Invariant: an administrator counts as one only after a second factor in this session; without it MFA_REQUIRED.
Errors: Forbidden, MfaRequired.
Source: domain.md 2.6 (access column), 4 "2FA policy".
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from audifi.kernel.identity import Mfa, Principal
from audifi.services.analytics.errors import Forbidden, MfaRequired

_ARTIST: Final = "ARTIST"
_ADMIN: Final = "ADMIN"


@dataclass(frozen=True)
class Scope:
    """Whose figures: an artist's, or everybody's."""

    artist_id: UUID | None

    @property
    def is_platform(self) -> bool:
        return self.artist_id is None


def is_admin(principal: Principal | None) -> bool:
    """Whether this is an administrator who used the second factor."""
    return principal is not None and _ADMIN in principal.roles and principal.mfa is Mfa.PASSED


def may_see(principal: Principal | None, artist_id: str) -> bool:
    """Whether the caller is this artist, or an administrator."""
    return principal is not None and (principal.user_id == artist_id or is_admin(principal))


def scope_of(principal: Principal, wanted: UUID | None) -> Scope:
    """Return whose figures are meant: an artist sees the own ones, an administrator the platform's or anybody's."""
    own = UUID(principal.user_id)
    if _ARTIST in principal.roles and (wanted == own or (wanted is None and _ADMIN not in principal.roles)):
        return Scope(own)
    if _ADMIN not in principal.roles:
        raise Forbidden
    if not is_admin(principal):
        raise MfaRequired
    return Scope(wanted)
