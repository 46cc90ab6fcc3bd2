"""Tell the platform what people look at and listen to.

Between: sdk.client and sdk.transport.
Invariant: money and votes are never told here; `clientEventId` lets an event be told twice and counted once.
Errors: Invalid (unknown type, too big), RateLimited (100 a minute).
Source: domain.md 2.6 (POST /events).
"""

from collections.abc import Sequence
from typing import Any

from audifi.sdk.keys import new_key
from audifi.sdk.records.envelopes import Enveloped
from audifi.sdk.records.reports import Accepted
from audifi.sdk.transport import Request, Transport


class Events:
    """/events."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def tell(self, events: Sequence[dict[str, Any]]) -> Accepted:
        """Tell up to 100 events: `tell([{"type": "play", "masterId": …}])`."""
        request = Request(method="POST", path="/events", body={"events": list(events)}, idempotency_key=new_key())
        return (await self._transport.call(request, Enveloped[Accepted])).data
