"""Take events that only services may tell: of money, of votes, of anything.

Between: services with a declared link (internal token, 60 s) and recording. Never routed from outside.
Shape: as the queue's events, with an id of the caller's: telling one again changes nothing.
Why beside the queue: the WebSocket gateway has no outbox, and its events are engagement, not money.
Errors: Invalid.
Source: domain.md 2.6 ("money and vote types only from S").
"""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from audifi.kernel.http import Access, Body, Operation
from audifi.services.analytics.errors import Invalid
from audifi.services.analytics.parts import AnalyticsCall
from audifi.services.analytics.recording import Happened, record
from audifi.services.analytics.routes.events import EVENTS_MAX, AcceptedReply
from audifi.services.analytics.rules import kinds
from audifi.wire.events import REGISTRY

_TYPES: Final = frozenset(kinds.domain_types())


class ToldBody(Body, kw_only=True):
    """Something that happened."""

    id: UUID
    type: Annotated[str, Meta(min_length=1, max_length=50)]
    occurred_at: Annotated[datetime, Meta(tz=True)]
    data: dict[str, Any]
    actor_id: str | None = None


class ToldEventsBody(Body):
    """Several of them."""

    events: Annotated[list[ToldBody], Meta(min_length=1, max_length=EVENTS_MAX)]


async def tell(call: AnalyticsCall, body: ToldEventsBody) -> AcceptedReply:
    """Keep what a service tells."""
    for event in body.events:
        _require_known(event)
    now, kept = call.deps.clock.now(), 0
    async with call.deps.database.transaction() as tx:
        for event in body.events:
            happened = Happened(
                event_id=event.id, at=event.occurred_at, kind=event.type, data=event.data, actor_id=event.actor_id
            )
            kept += await record(tx, happened, now)
    return AcceptedReply(accepted=kept, duplicates=len(body.events) - kept)


def _require_known(event: ToldBody) -> None:
    if event.type not in _TYPES:
        raise Invalid(details={"type": f"{event.type} is not an event anybody publishes"})
    cls = REGISTRY.get((event.type, 1))
    if cls is None:
        return
    try:
        msgspec.convert(event.data, cls)
    except msgspec.ValidationError as error:
        raise Invalid(details={"data": str(error)}) from None


OPERATIONS: Final = (
    Operation(
        method="POST", path="/internal/v1/events", handler=tell, summary="Tell what happened", tag="internal",
        access=Access.SERVICE, body=ToldEventsBody, reply=AcceptedReply, status=202, errors=(Invalid,),
        example={"events": [{
            "id": "0192f3a1-7b1c-7d3e-8f00-1a2b3c4d5e6f", "type": "vote.cast", "occurredAt": "2026-11-23T10:00:00Z",
            "data": {"sessionId": "0192f3a1-7b1c-7d3e-8f00-1a2b3c4d5e70", "decisionId": "d1"},
        }]},
    ),
)  # fmt: skip
