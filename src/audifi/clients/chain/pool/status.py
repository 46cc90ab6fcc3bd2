"""Describe every endpoint in one row, for people and for `audifi chain status`.

Between: chain and whoever shows it.
Units: *_ms milliseconds, *_s seconds; `budget_left` a share in [0, 1].
Errors: never raises.
"""

from dataclasses import dataclass

from audifi.clients.chain.pool.roster import Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStatus:
    """One provider of one chain."""

    chain_id: int
    chain: str
    provider: str
    state: str  # health.Standing, or lagging, forked
    is_active: bool  # the next read goes there
    head: int | None
    lag_blocks: int | None
    latency_ms: float | None
    rest_s: float  # until it is asked again; 0 when it may be asked
    budget_left: float | None
    requests: int
    last_problem: str


def status_of(roster: Roster) -> list[EndpointStatus]:
    now_s, heads = roster.now_s(), roster.heads
    active = roster.pick("eth_call", max(heads.served(now_s), 0))
    rows: list[EndpointStatus] = []
    for endpoint in roster.endpoints:
        health, number = endpoint.health, heads.number_of(endpoint.name)
        state = health.standing().value
        if state in ("good", "slow") and heads.is_forked(endpoint.name):
            state = "forked"
        elif state == "good" and heads.is_lagging(endpoint.name):
            state = "lagging"
        rows.append(
            EndpointStatus(
                chain_id=roster.facts.chain_id,
                chain=roster.facts.name,
                provider=endpoint.name,
                state=state,
                is_active=endpoint is active,
                head=number if number >= 0 else None,
                lag_blocks=heads.lag(endpoint.name) if number >= 0 else None,
                latency_ms=round(health.light.mean_s * 1000, 1) if health.light.count else None,
                rest_s=round(max(0.0, (health.rest_until_s or now_s) - now_s), 1),
                budget_left=endpoint.bucket.left(now_s),
                requests=endpoint.requests,
                last_problem=endpoint.last_problem,
            )
        )
    return rows
