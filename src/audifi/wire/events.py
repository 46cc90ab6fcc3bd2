"""Shape what services tell each other: one envelope, and a registry of types that each service fills.

Between: kernel.outbox (writes envelopes) and kernel.queue (reads them); auth, nft … define their data structs.

    @event("user.created", version=1)
    class UserCreated(EventData):
        user_id: str
        email_verified: bool

    await outbox.add(tx, UserCreated(user_id="…", email_verified=True), aggregate_id="…")

Invariant: a type name is registered once; a consumer that does not know a version leaves it to the dead letters.
Source: domain.md 2.0 "Events".
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import msgspec


class EventData(msgspec.Struct, rename="camel"):
    """What an event says. Fields may be added with defaults; anything else is a new version."""

    event_type: ClassVar[str] = ""
    event_version: ClassVar[int] = 0


class Event(msgspec.Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """The envelope of every event."""

    id: UUID
    type: str
    version: int
    occurred_at: datetime
    producer: str
    aggregate_id: str
    request_id: str
    traceparent: str
    data: dict[str, Any]
    actor_id: str | None = None


D = TypeVar("D", bound=EventData)
REGISTRY: dict[tuple[str, int], type[EventData]] = {}


def event(name: str, *, version: int = 1) -> Callable[[type[D]], type[D]]:
    """Register a data class under its type name, e.g. `user.created`; what stands before the dot is the stream."""

    def register(cls: type[D]) -> type[D]:
        assert (name, version) not in REGISTRY, f"{name} v{version} is registered twice"
        cls.event_type = name
        cls.event_version = version
        REGISTRY[name, version] = cls
        return cls

    return register


def envelope(  # the envelope has this many fields; all by keyword
    data: EventData,
    *,
    event_id: UUID,
    producer: str,
    aggregate_id: str,
    request_id: str,
    traceparent: str,
    actor_id: str | None = None,
    occurred_at: datetime | None = None,
) -> Event:
    """Wrap registered data."""
    assert (data.event_type, data.event_version) in REGISTRY, f"{type(data).__name__} is not registered with @event"
    return Event(
        id=event_id,
        type=data.event_type,
        version=data.event_version,
        occurred_at=occurred_at or datetime.now(UTC),
        producer=producer,
        aggregate_id=aggregate_id,
        actor_id=actor_id,
        request_id=request_id,
        traceparent=traceparent,
        data=msgspec.to_builtins(data),
    )


def data_of(received: Event) -> EventData:
    """Return the typed data; raises msgspec.ValidationError, or KeyError for a type nobody registered."""
    return msgspec.convert(received.data, REGISTRY[received.type, received.version], strict=True)


# auth-service publishes (domain.md 2.1). Nothing here names a person: consumers ask /internal/v1/users/{id}.


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


# payment-service publishes, auth-service consumes (the plan claim of access tokens).


@event("subscription.updated")
class SubscriptionUpdated(EventData):
    """A user's plan changed, or ended (FREE)."""

    user_id: str
    plan: str  # FREE | PRO | ENTERPRISE
    status: str
