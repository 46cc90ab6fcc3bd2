"""Hand events to the queue exactly when the state change that caused them is committed."""

from audifi.kernel.connection import Connection
from audifi.wire.events import EventData


async def add(tx: Connection, data: EventData, *, aggregate_id: str, actor_id: str | None = None) -> None:
    """Write an event in the caller's transaction; the relay sends it after the commit.

    The envelope's request id, traceparent and producer come from the running request (kernel.context).
    """
    raise NotImplementedError
