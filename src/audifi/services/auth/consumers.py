"""React to what other services, and our own pods, say through the queue.

Between: kernel.queue (delivers, each effect exactly once) and store, kernel.sessions.

subscription.updated   the plan claim follows payment-service; until it speaks, a plan is FREE. Declared link with a
                       safe default: without payment-service nothing here fails.
auth.session_revoked   our own event: writes the tombstones again. The pod that revoked may have died, or found Redis
                       away, between its commit and its tombstone; a second tombstone does no harm.
Invariant: a late or repeated event changes nothing (plan changes carry their time; tombstones are idempotent).
Errors: Unavailable makes the queue try again; an unknown plan is a bug of the producer and ends in the dead letters.
Source: domain.md 2.1 "Consumes".
"""

from audifi.kernel.connection import Connection
from audifi.kernel.queue import Handler
from audifi.services.auth.errors import Invalid
from audifi.services.auth.parts import Parts
from audifi.services.auth.presence import TOMBSTONE_S
from audifi.services.auth.store import users
from audifi.wire.events import Event, data_of
from audifi.wire.events.auth import SessionRevoked
from audifi.wire.events.payment import SubscriptionUpdated

PLANS = ("FREE", "PRO", "ENTERPRISE")


def handlers(parts: Parts) -> dict[str, Handler]:
    """Return the handlers of the group `auth-service` by event type."""

    async def on_subscription(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, SubscriptionUpdated), "the registry maps this type to this class"
        if data.plan not in PLANS:
            raise Invalid(f"subscription.updated names the plan {data.plan!r}")
        await users.set_plan(tx, user_id=data.user_id, plan=data.plan, at=event.occurred_at)

    async def on_revoked(_tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, SessionRevoked), "the registry maps this type to this class"
        if data.session_ids:
            await parts.sessions.revoke(*data.session_ids, tombstone_s=TOMBSTONE_S)

    return {"subscription.updated": on_subscription, "auth.session_revoked": on_revoked}
