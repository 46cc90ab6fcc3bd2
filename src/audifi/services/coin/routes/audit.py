"""Tell auth-service's audit log what an artist had the platform do.

Between: routes (in the transaction of the deed) and the outbox (audit.recorded).
Invariant: a deed that is undone leaves no entry; one that is done has exactly one.
Source: domain.md 4 "Audit log" (payouts; configuration).
"""

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.coin.parts import CoinCall
from audifi.wire.events.auth import AuditRecorded


async def recorded(tx: Connection, call: CoinCall, action: str, coin_id: str, after: dict[str, str]) -> None:
    """Write an entry about a coin."""
    user_id = call.user().user_id
    entry = AuditRecorded(
        action=action,
        category="system",
        target_type="coin",
        target_id=coin_id,
        actor_id=user_id,
        after=after,
        client_ip=call.client_ip,
        user_agent=call.user_agent,
    )
    await outbox.add(tx, entry, aggregate_id=coin_id, actor_id=user_id)
