"""Ask payment-service what an artist's plan includes.

Between: routes.sessions, routes.decisions, the gateway's commands (ask before their transaction) and payment-service.
Why asked and not remembered: a copy would be wrong for as long as it lags.
Errors: PlanLimitReached; Unavailable when payment-service is away: nothing is assumed.
Source: domain.md 2.3 "Plan limits": FREE 1 session, 1 decision per session, no custom gating.
"""

from collections.abc import Iterable

import msgspec

from audifi.kernel.peers import Peers
from audifi.services.vstudio.errors import PlanLimitReached
from audifi.services.vstudio.rules.gating import Gate


class _Limits(msgspec.Struct, rename="camel", kw_only=True):
    sessions: int | None = None
    decisions_per_session: int | None = None


class Plan(msgspec.Struct, rename="camel", kw_only=True):
    """What somebody is entitled to now; a limit of None is none."""

    plan: str
    limits: _Limits

    def require(self, what: str, limit: int | None, used: int) -> None:
        """Refuse one more than the plan includes."""
        if limit is not None and used >= limit:
            raise PlanLimitReached(details={"plan": self.plan, "limit": limit, "of": what, "ctaType": "SUBSCRIBE"})

    def require_gates(self, gates: Iterable[Gate]) -> None:
        """Refuse gates of one's own on FREE."""
        if self.plan == "FREE" and any(gate.type != "OPEN" for gate in gates):
            raise PlanLimitReached(details={"plan": self.plan, "of": "gating", "ctaType": "SUBSCRIBE"})


async def plan_of(peers: Peers, user_id: str) -> Plan:
    """Return somebody's plan."""
    return await peers.get("payment-service", f"/internal/v1/users/{user_id}/plan", Plan)
