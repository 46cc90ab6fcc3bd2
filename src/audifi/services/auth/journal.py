"""Write down what a request did: audit log, security events, the security stream of the logs.

Between: routes (call within their transaction), store.audit, kernel.outbox, kernel.telemetry.
Invariant: audit rows and events commit with the change they describe; the hash of each audit row is also logged, an
anchor the database's owner cannot rewrite.
Shape: `security.event` goes to the queue for severities high and critical only: info alone would double its traffic.
Errors: none of its own.
Source: domain.md 4 "Audit log", "Security events"; 6.3 (field `securityEvent`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id
from audifi.kernel.telemetry import log
from audifi.services.auth.letters import Origin
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.rules import networks
from audifi.services.auth.store import audit
from audifi.services.auth.store.audit import ActorType, AuditEntry, SecurityEvent, Severity
from audifi.wire.events import EventData
from audifi.wire.events.auth import SecurityNoticed

USER_AGENT_MAX = 512


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What was done to what, by someone the call names (or by `actor_type`)."""

    action: str
    category: str
    target_type: str
    target_id: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    actor_type: ActorType = "user"
    actor_id: str | None = None


def user_agent(call: AuthCall) -> str:
    """Return the caller's user agent in a length a column and a mail can bear."""
    return call.user_agent[:USER_AGENT_MAX]


def client_ip(call: AuthCall) -> str | None:
    """Return the caller's address if it is one."""
    return networks.valid_address(call.client_ip)


def origin(call: AuthCall) -> Origin:
    """Return what a notice mail may say about where a request came from."""
    return Origin(at=call.deps.clock.now(), ip=call.client_ip, user_agent=user_agent(call))


async def audited(tx: Connection, call: AuthCall, deed: Deed) -> None:
    """Append to the audit log; call it last in the transaction, writers of the chain queue until commit."""
    actor_id = deed.actor_id or (call.principal.user_id if call.principal else None)
    entry = AuditEntry(
        id=str(new_id()),
        at=call.deps.clock.now(),
        actor_id=actor_id,
        actor_type=deed.actor_type,
        action=deed.action,
        category=deed.category,
        target_type=deed.target_type,
        target_id=deed.target_id,
        before=deed.before,
        after=deed.after,
        network=networks.network(call.client_ip),
        user_agent=user_agent(call),
        request_id=call.request_id,
    )
    head = await audit.append(tx, entry)
    log.info("audit", action=deed.action, target=f"{deed.target_type}/{deed.target_id}", audit_head=head)


async def noticed(
    tx: Connection,
    call: AuthCall,
    name: str,
    severity: Severity = "info",
    *,
    user_id: str | None = None,
    session_id: str | None = None,
    **details: Any,
) -> None:
    """Keep a security event, log it, and tell the queue when it is grave."""
    event = SecurityEvent(
        id=str(new_id()),
        at=call.deps.clock.now(),
        name=name,
        severity=severity,
        user_id=user_id,
        session_id=session_id,
        ip=client_ip(call),
        user_agent=user_agent(call),
        request_id=call.request_id,
        details=details,
    )
    await audit.record(tx, event)
    say = {"critical": log.critical, "high": log.warning, "medium": log.warning}.get(severity, log.info)
    say(name, security_event=name, severity=severity, ip_address=call.client_ip, **_ids(user_id, session_id), **details)
    if severity in ("high", "critical"):
        grave = SecurityNoticed(name=name, severity=severity, user_id=user_id, session_id=session_id)
        await outbox.add(tx, grave, aggregate_id=user_id or event.id)


async def announce(tx: Connection, event: EventData, aggregate_id: str, *, actor_id: str | None = None) -> None:
    """Tell the queue what happened, when this transaction commits."""
    await outbox.add(tx, event, aggregate_id=aggregate_id, actor_id=actor_id)


def _ids(user_id: str | None, session_id: str | None) -> dict[str, str]:
    return {name: value for name, value in (("user_id", user_id), ("session_id", session_id)) if value}
