"""Say what auth-service publishes.

Between: auth-service and whoever consumes it (analytics, worker, services that keep something of a user).
Invariant: no event names a person: consumers ask /internal/v1/users/{id}.
Source: domain.md 2.1 "Publishes", 4 "Audit log".
"""

from datetime import datetime

from audifi.wire.events import EventData, event


@event("user.created")
class UserCreated(EventData):
    """Someone signed in for the first time."""

    user_id: str


@event("user.updated")
class UserUpdated(EventData):
    """A profile or an account's status changed; `fields` names what, not to what."""

    user_id: str
    fields: tuple[str, ...]
    status: str


@event("user.deleted")
class UserDeleted(EventData):
    """An account was closed; its data is anonymised 30 days later."""

    user_id: str


@event("user.role_changed")
class UserRoleChanged(EventData):
    """A role was granted or revoked; `roles` is what is held now."""

    user_id: str
    role: str
    action: str  # GRANT | REVOKE
    roles: tuple[str, ...]


@event("wallet.linked")
class WalletLinked(EventData):
    """A user proved control of an address."""

    user_id: str
    address: str
    chain_id: int
    payout_enabled_at: datetime


@event("wallet.unlinked")
class WalletUnlinked(EventData):
    """An address no longer belongs to a user."""

    user_id: str
    address: str
    chain_id: int


@event("auth.session_revoked")
class SessionRevoked(EventData):
    """Sessions ended before their time."""

    user_id: str
    session_ids: tuple[str, ...]
    reason: str


@event("security.event")
class SecurityNoticed(EventData):
    """Something of high or critical severity happened (names: domain.md 4 "Security events")."""

    name: str
    severity: str
    user_id: str | None = None
    session_id: str | None = None


# Everybody publishes this one; auth-service keeps the one audit log (append only, chained by hashes).


@event("audit.recorded")
class AuditRecorded(EventData, kw_only=True):
    """Somebody did something that must be provable for seven years."""

    action: str  # ipo.launched, revenue.verified …
    category: str  # master | ipo | revenue | subscription | system
    target_type: str
    target_id: str
    actor_id: str | None = None
    actor_type: str = "user"  # user | system | webhook | admin
    before: dict[str, str] | None = None
    after: dict[str, str] | None = None
    client_ip: str | None = None
    user_agent: str | None = None
