"""React to what other services, and our own pods, say through the queue.

Between: kernel.queue (delivers, each effect exactly once) and store, kernel.sessions.

subscription.updated   the plan follows payment-service, in the account (the claim of the next token) and in the open
                       sessions (what services read now); until it speaks, a plan is FREE.
audit.recorded         what other services did that must be provable joins the one chained log.
auth.session_revoked   our own event: writes the tombstones again. The pod that revoked may have died, or found Redis
                       away, between its commit and its tombstone; a second tombstone does no harm.
Invariant: a late or repeated event changes nothing (plan changes carry their time; tombstones are idempotent).
Errors: Unavailable makes the queue try again; an unknown plan is a bug of the producer and ends in the dead letters.
Source: domain.md 2.1 "Consumes".
"""

from typing import cast, get_args

from audifi.kernel.connection import Connection
from audifi.kernel.queue import Handler
from audifi.services.auth import presence
from audifi.services.auth.errors import Invalid
from audifi.services.auth.parts import Parts
from audifi.services.auth.presence import TOMBSTONE_S
from audifi.services.auth.rules import networks
from audifi.services.auth.store import audit, sessions, users
from audifi.services.auth.store.audit import ActorType, AuditEntry
from audifi.wire.events import Event, data_of
from audifi.wire.events.auth import AuditRecorded, SessionRevoked
from audifi.wire.events.payment import SubscriptionUpdated

PLANS = ("FREE", "PRO", "ENTERPRISE")


def handlers(parts: Parts) -> dict[str, Handler]:
    """Return the handlers of the group `auth-service` by event type."""

    async def on_subscription(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, SubscriptionUpdated), "the registry maps this type to this class"
        if data.plan not in PLANS:
            raise Invalid(f"subscription.updated names the plan {data.plan!r}")
        if await users.set_plan(tx, user_id=data.user_id, plan=data.plan, at=event.occurred_at):
            await _refresh_sessions(tx, parts, data.user_id)

    async def on_revoked(_tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, SessionRevoked), "the registry maps this type to this class"
        if data.session_ids:
            await parts.sessions.revoke(*data.session_ids, tombstone_s=TOMBSTONE_S)

    async def on_audit(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, AuditRecorded), "the registry maps this type to this class"
        await audit.append(tx, _entry(event, data))

    return {
        "subscription.updated": on_subscription,
        "auth.session_revoked": on_revoked,
        "audit.recorded": on_audit,
    }


async def _refresh_sessions(tx: Connection, parts: Parts, user_id: str) -> None:
    # Before the commit: if it fails, the event comes again and the copies are written again.
    now = parts.clock.now()
    user = await users.user(tx, user_id, now)
    if user is not None:
        await presence.publish(parts, user, await sessions.live(tx, user_id, now))


def _entry(event: Event, data: AuditRecorded) -> AuditEntry:
    if data.actor_type not in get_args(ActorType):
        raise Invalid(f"audit.recorded names the actor type {data.actor_type!r}")
    return AuditEntry(
        id=str(event.id),
        at=event.occurred_at,
        actor_id=data.actor_id or event.actor_id,
        actor_type=cast("ActorType", data.actor_type),
        action=data.action,
        category=data.category,
        target_type=data.target_type,
        target_id=data.target_id,
        before=data.before,
        after=data.after,
        network=networks.network(data.client_ip) if data.client_ip else None,
        user_agent=data.user_agent,
        request_id=event.request_id,
    )
