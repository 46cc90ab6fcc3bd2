"""Count everything that services say through the queue.

Between: kernel.queue (delivers, each effect exactly once) and recording.
Shape: one handler for every type of rules.kinds. Data must fit its class.
Errors: an event that does not fit its class, or is of a version nobody registered, ends in the dead letters.
Source: domain.md 2.6 "Consumes every domain event".
"""

from audifi.kernel.clock import Clock
from audifi.kernel.connection import Connection
from audifi.kernel.queue import Handler
from audifi.services.analytics.recording import Happened, record
from audifi.services.analytics.rules import kinds
from audifi.wire.events import Event, data_of


def handlers(clock: Clock) -> dict[str, Handler]:
    """Return the handlers of the group `analytics-service` by event type."""

    async def on_event(tx: Connection, event: Event) -> None:
        data_of(event)  # raises unless the data has the form of its class
        happened = Happened(
            event_id=event.id, at=event.occurred_at, kind=event.type, data=event.data, actor_id=event.actor_id
        )
        await record(tx, happened, clock.now())

    return dict.fromkeys(kinds.domain_types(), on_event)
