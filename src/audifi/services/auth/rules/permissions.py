"""Decide who may do what: roles, step-up, and the rules that protect administrators from themselves.

Between: routes (every guarded operation), store.users (roles).
Invariant: ADMIN never acts without a second factor, whatever the switch says.
Errors: Forbidden, MfaRequired, AccountSuspended, InvalidToken.
Source: domain.md 4 "Roles/permissions", "2FA policy"; 9.27 (by role and action, plus a global switch).
"""

from collections.abc import Collection
from typing import Final, Literal

from audifi.services.auth.errors import AccountSuspended, Forbidden, InvalidState, InvalidToken, MfaRequired

Role = Literal["USER", "ARTIST", "PRODUCER", "ADMIN"]

ROLES: Final[tuple[Role, ...]] = ("USER", "ARTIST", "PRODUCER", "ADMIN")

PERMISSIONS: Final[dict[str, tuple[str, ...]]] = {
    "USER": ("read:masters", "vote:vstudio"),
    "ARTIST": ("create:masters", "manage:ipo"),
    "PRODUCER": (),
    "ADMIN": ("admin:users", "admin:platform"),
}


def permissions(roles: Collection[str]) -> tuple[str, ...]:
    """Return what these roles allow, sorted."""
    return tuple(sorted({name for role in roles for name in PERMISSIONS.get(role, ())}))


def require_step_up(*, is_enrolled: bool, is_confirmed: bool, is_mandatory: bool = False) -> None:
    """Refuse unless the second factor was shown in this session, where it exists or must exist."""
    if is_confirmed:
        return
    if is_enrolled:
        raise MfaRequired("Confirm with your second factor first: POST /v1/auth/2fa/verify.")
    if is_mandatory:
        raise MfaRequired("This needs a second factor: set one up with POST /v1/auth/2fa/setup.")


def is_mfa_mandatory(roles: Collection[str], *, is_required_for_all: bool) -> bool:
    """Say whether these roles may not be without a second factor."""
    return is_required_for_all or "ADMIN" in roles or "ARTIST" in roles


def require_disable_allowed(roles: Collection[str], *, is_required_for_all: bool) -> None:
    """Refuse to switch the factor off where policy demands one."""
    if is_mfa_mandatory(roles, is_required_for_all=is_required_for_all):
        raise Forbidden("Your roles require a second factor; it cannot be switched off.")


def require_sign_in_allowed(status: str) -> None:
    """Refuse to open a session for an account that is suspended or gone."""
    if status == "SUSPENDED":
        raise AccountSuspended
    if status == "DELETED":
        raise InvalidToken


def require_role_change_allowed(*, actor_id: str, target_id: str, role: str, action: str, status: str) -> None:
    """Refuse changes that would lock administrators out or give roles to nobody."""
    if status == "DELETED":
        raise InvalidState("A deleted account has no roles to change.")
    if action == "REVOKE" and role == "USER":
        raise InvalidState("USER is what every account is; suspend the account instead.")
    if action == "REVOKE" and role == "ADMIN" and actor_id == target_id:
        raise InvalidState("You cannot take ADMIN from yourself; another administrator can.")


def require_status_change_allowed(*, actor_id: str, target_id: str) -> None:
    """Refuse an administrator's attempt to suspend the account they act from."""
    if actor_id == target_id:
        raise InvalidState("You cannot change the status of your own account.")
