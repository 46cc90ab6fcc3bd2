"""Keep what was agreed to.

Between: routes.consents, routes.profile (artist agreement).
Invariant: rows are only added.
"""

from dataclasses import dataclass
from datetime import datetime

from audifi.kernel.connection import Connection, changed
from audifi.services.auth.rules.consents import Consent


@dataclass(frozen=True, kw_only=True)
class NewConsent:
    """A statement by a user about one version of one policy."""

    id: str
    user_id: str
    policy_type: str
    policy_version: str
    action: str
    flow: str
    resource_id: str | None
    ip: str | None
    user_agent: str | None
    at: datetime


async def insert(tx: Connection, new: NewConsent) -> bool:
    """Record a consent; False if there is no such version of that policy."""
    tag = await tx.execute(
        """INSERT INTO auth.policy_consents
                  (id, user_id, policy_type, policy_version, action, flow, resource_id, ip, user_agent, at)
           SELECT $1, $2, v.policy_type, v.version, $5, $6, $7, $8, $9, $10
             FROM auth.policy_versions v WHERE v.policy_type = $3 AND v.version = $4""",
        new.id,
        new.user_id,
        new.policy_type,
        new.policy_version,
        new.action,
        new.flow,
        new.resource_id,
        new.ip,
        new.user_agent,
        new.at,
    )
    return changed(tag) == 1


async def current_versions(connection: Connection, now: datetime) -> dict[str, str]:
    """Return policy type → the version in force."""
    rows = await connection.fetch(
        """SELECT DISTINCT ON (policy_type) policy_type, version FROM auth.policy_versions
            WHERE effective_at <= $1 ORDER BY policy_type, effective_at DESC, version DESC""",
        now,
    )
    return {row["policy_type"]: row["version"] for row in rows}


async def history(connection: Connection, user_id: str) -> list[Consent]:
    """Return everything a user agreed to or withdrew, oldest first."""
    rows = await connection.fetch(
        "SELECT policy_type, policy_version, action, at FROM auth.policy_consents WHERE user_id = $1 ORDER BY at, id",
        user_id,
    )
    return [Consent(row["policy_type"], row["policy_version"], row["action"], row["at"]) for row in rows]
