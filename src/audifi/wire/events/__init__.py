"""Shape what services tell each other: one envelope, and a registry of types that each service fills.

Between: kernel.outbox (writes envelopes) and kernel.queue (reads them); auth, nft, payment, coin and chain beside this
file say what each publishes.

    @event("user.created", version=1)
    class UserCreated(EventData):
        user_id: str
        email_verified: bool

    await outbox.add(tx, UserCreated(user_id="…", email_verified=True), aggregate_id="…")

Units: money is a decimal string (wire.amounts.Wei) or integer cents; moments are ISO 8601 in UTC.
Invariant: a type name is registered once; nothing here names a person: consumers ask auth-service by id. A
consumer that does not know a version leaves it to the dead letters.
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
