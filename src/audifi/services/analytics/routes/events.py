"""Take what clients tell us about what people look at.

Between: the gateway (POST /events) and store.events.
Shape: one event, or `events` with at most 100. Answered 202 when they are kept; roll-ups follow (docs/analytics.md).
What is not counted, without an error: an event told before under the same clientEventId by the same user or address,
and one that names a master or session nobody told us of.
Invariant: only the types of rules.kinds.ClientType pass: money and votes are told by services (routes.internal).
Errors: Invalid.
Source: domain.md 2.6 (types, sizes, 100 a minute).
"""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from audifi.kernel.http import Access, Body, Operation, Reply
from audifi.kernel.ids import new_id
from audifi.services.analytics.errors import Invalid
from audifi.services.analytics.parts import AnalyticsCall
from audifi.services.analytics.routes import limits
from audifi.services.analytics.rules import periods, retention, visitors
from audifi.services.analytics.rules.kinds import ClientType
from audifi.services.analytics.store import events as store
from audifi.services.analytics.store.events import Seen, Sender, Waits

EVENTS_MAX: Final = 100
PROPERTIES_BYTES_MAX: Final = 4096
USER_AGENT_MAX: Final = 300

Moment = Annotated[datetime, Meta(tz=True)]
ClientEventId = Annotated[str, Meta(min_length=1, max_length=64)]
WAITS: Final = Waits(
    session_s=retention.DUE_SESSION_S, on_sale_s=retention.DUE_ON_SALE_S, other_s=retention.DUE_ENGAGEMENT_S
)


class EventBody(Body, kw_only=True):
    """One thing somebody looked at or did."""

    type: ClientType
    master_id: UUID | None = None
    session_id: UUID | None = None
    properties: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    occurred_at: Moment | None = None
    client_event_id: ClientEventId | None = None


class EventsBody(Body, kw_only=True):
    """One event, or several in `events`."""

    type: ClientType | UnsetType = UNSET
    master_id: UUID | None = None
    session_id: UUID | None = None
    properties: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    occurred_at: Moment | None = None
    client_event_id: ClientEventId | None = None
    events: Annotated[list[EventBody], Meta(min_length=1, max_length=EVENTS_MAX)] | UnsetType = UNSET


class AcceptedReply(Reply):
    """How many events were kept, and how many had been told before."""

    accepted: int
    duplicates: int


async def tell(call: AnalyticsCall, body: EventsBody) -> AcceptedReply:
    """Keep what a client tells."""
    told = _told(body)
    principal, now = call.principal, call.deps.clock.now()
    user_id = None if principal is None else UUID(principal.user_id)
    agent = call.user_agent[:USER_AGENT_MAX]
    sender = Sender(user_id=user_id, ip=visitors.address(call.client_ip), user_agent=agent, now=now)
    batch = [_seen(event, sender) for event in told]
    async with call.deps.database.transaction() as tx:
        kept, repeated = await store.keep_seen(tx, batch, sender, WAITS)
    return AcceptedReply(accepted=kept, duplicates=repeated)


def _told(body: EventsBody) -> list[EventBody]:
    if body.events is not UNSET and body.type is not UNSET:
        raise Invalid(details={"events": "is instead of `type`, not beside it"})
    if body.events is not UNSET:
        told = body.events
    elif body.type is not UNSET:
        told = [
            EventBody(
                type=body.type, master_id=body.master_id, session_id=body.session_id, properties=body.properties,
                occurred_at=body.occurred_at, client_event_id=body.client_event_id,
            )
        ]  # fmt: skip
    else:
        raise Invalid(details={"type": "is required"})
    return told


def _seen(event: EventBody, sender: Sender) -> Seen:
    properties = msgspec.json.encode(event.properties)
    if len(properties) > PROPERTIES_BYTES_MAX:
        raise Invalid(details={"properties": f"is larger than {PROPERTIES_BYTES_MAX} bytes"})
    at = retention.believed(event.occurred_at, sender.now)
    named = event.client_event_id
    return Seen(
        event_id=new_id(),
        at=at,
        kind=event.type,
        master_id=event.master_id,
        session_id=event.session_id,
        properties=properties.decode(),
        visitor=visitors.visitor(
            periods.day_of(at), user_id=sender.user_id, ip=sender.ip, user_agent=sender.user_agent
        ),
        seen=None if named is None else visitors.seen(sender.user_id, sender.ip or "", named),
    )


OPERATIONS: Final = (
    Operation(
        method="POST", path="/events", handler=tell, summary="Tell what somebody looked at", tag="events",
        access=Access.OPTIONAL, body=EventsBody, reply=AcceptedReply, status=202, limits=(limits.EVENTS,),
        errors=(Invalid,),
        example={"type": "play", "masterId": "0192f3a1-7b1c-7d3e-8f00-1a2b3c4d5e6f", "clientEventId": "e-1"},
    ),
)  # fmt: skip
