"""Tell auth-service's audit log what an artist decided that others rely on.

Between: routes (in the transaction of the deed) and the outbox (audit.recorded).
Invariant: a deed that is undone leaves no entry; one that is done has exactly one.
Source: domain.md 4 "Audit log" (category vstudio).
"""

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.vstudio.parts import VstudioCall
from audifi.wire.events.auth import AuditRecorded


async def recorded(tx: Connection, call: VstudioCall, action: str, target: str, after: dict[str, str]) -> None:
    """Write an entry about a session or a decision: `target` is "session:<id>" or "decision:<id>"."""
    kind, _, target_id = target.partition(":")
    user_id = call.user().user_id
    entry = AuditRecorded(
        action=action,
        category="vstudio",
        target_type=kind,
        target_id=target_id,
        actor_id=user_id,
        after=after,
        client_ip=call.client_ip,
        user_agent=call.user_agent,
    )
    await outbox.add(tx, entry, aggregate_id=target_id, actor_id=user_id)
