"""Say for the audit log what a request did.

Between: routes (call in their transaction) and auth-service, which keeps everybody's audit rows (`audit.recorded`).
Invariant: the row commits with the change it describes.
Source: domain.md 4 "Audit log" (must-log: IPO create, launch, price or wallet change; revenue and payout actions).
"""

from dataclasses import dataclass

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.nft.parts import NftCall
from audifi.wire.events.auth import AuditRecorded


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What was done to what."""

    action: str  # ipo.created
    category: str  # master | ipo | revenue
    target_id: str
    before: dict[str, str] | None = None
    after: dict[str, str] | None = None


async def audited(tx: Connection, call: NftCall, deed: Deed) -> None:
    """Announce it, when this transaction commits."""
    actor = call.principal.user_id if call.principal is not None else None
    recorded = AuditRecorded(
        action=deed.action,
        category=deed.category,
        target_type=deed.category,
        target_id=deed.target_id,
        actor_id=actor,
        actor_type="user" if actor is not None else "system",
        before=deed.before,
        after=deed.after,
        client_ip=call.client_ip,
        user_agent=call.user_agent,
    )
    await outbox.add(tx, recorded, aggregate_id=deed.target_id, actor_id=actor)
