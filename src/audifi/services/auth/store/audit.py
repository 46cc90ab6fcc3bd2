"""Write down what happened: the chained audit log and the security events.

Between: routes.*, consumers; read by routes.admin, tests and an operator's psql.
Invariant: `audit_logs` only grows, each row's hash covers the row before it (computed in the database by a trigger,
so no writer can leave it out). Writers queue on that chain until commit: write the audit row last in a transaction.
What holds against whom: a bug or injected SQL cannot change rows (trigger + revoked privilege); the schema's owner
could by DDL, and is found out by `first_broken_link` or, for a rewritten chain, by the hashes in the log stream.
Source: domain.md 4 "Audit log", "Security events".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from audifi.kernel.connection import Connection
from audifi.services.auth.store.documents import to_json

Severity = Literal["info", "low", "medium", "high", "critical"]
ActorType = Literal["user", "system", "webhook", "admin"]


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One thing someone did. `network` is coarse on purpose: rows stay 7 years."""

    id: str
    at: datetime
    actor_id: str | None
    actor_type: ActorType
    action: str
    category: str
    target_type: str
    target_id: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    network: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class SecurityEvent:
    """One thing worth an operator's look."""

    id: str
    at: datetime
    name: str
    severity: Severity
    user_id: str | None = None
    session_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


async def append(tx: Connection, entry: AuditEntry) -> str:
    """Add to the chain and return the new head's hash, which the caller logs as an anchor outside the database."""
    before, after = entry.before or {}, entry.after or {}
    fields = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    head = await tx.fetchval(
        """INSERT INTO auth.audit_logs (id, at, actor_id, actor_type, action, category, target_type, target_id, before,
                  after, changed_fields, network, user_agent, request_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING hash""",
        entry.id,
        entry.at,
        entry.actor_id,
        entry.actor_type,
        entry.action,
        entry.category,
        entry.target_type,
        entry.target_id,
        None if entry.before is None else to_json(entry.before),
        None if entry.after is None else to_json(entry.after),
        fields,
        entry.network,
        entry.user_agent,
        entry.request_id,
    )
    return bytes(head).hex()


async def first_broken_link(connection: Connection) -> int | None:
    """Return the first row whose hash or predecessor does not fit; nothing if the chain is whole."""
    found = await connection.fetchval(
        """SELECT min(seq) FROM (
               SELECT a.seq, a.hash = auth.audit_hash(a) AS is_own,
                      a.previous_hash = lag(a.hash, 1, '\\x'::bytea) OVER chain AS is_linked,
                      a.seq = lag(a.seq, 1, 0::bigint) OVER chain + 1 AS is_next
                 FROM auth.audit_logs a WINDOW chain AS (ORDER BY a.seq)) AS checked
            WHERE NOT (is_own AND is_linked AND is_next)"""
    )
    return None if found is None else int(found)


async def record(tx: Connection, event: SecurityEvent) -> None:
    """Keep a security event."""
    await tx.execute(
        """INSERT INTO auth.security_events
                  (id, at, name, severity, user_id, session_id, ip, user_agent, request_id, details)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        event.id,
        event.at,
        event.name,
        event.severity,
        event.user_id,
        event.session_id,
        event.ip,
        event.user_agent,
        event.request_id,
        to_json(event.details),
    )
