"""Say how the platform is, for everyone: the gateway serves this as /health.

Between: the gateway (GET /health → /health/platform) and the stores nearest to every request.
Invariant: answers within CHECK_S whatever is down; says what, never why (no addresses, no versions of stores).
`rpc` is not checked: chains come with a later part, and a check that cannot fail is none.
Units: latencyMs milliseconds.
Source: domain.md 6.6.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from audifi.kernel.clock import iso
from audifi.kernel.http import Access, Operation, Reply
from audifi.services.auth.errors import Problem
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.routes import limits

CHECK_S: Final = 2.0  # the gateway waits 5 s for this route
UNHEALTHY: Final = 503  # with the same object: a probe reads the status, a person the checks


class CheckReply(Reply):
    """How one store answers."""

    status: Literal["healthy", "unhealthy"]
    latency_ms: int


class HealthReply(Reply):
    """How the platform is: degraded without Redis, unhealthy without the database."""

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: str
    version: str
    checks: dict[str, CheckReply]


async def health(call: AuthCall) -> HealthReply:
    """Ask each store once."""
    parts = call.deps
    named = {"database": parts.database.ping, "redis": parts.cache.ping}
    results = dict(zip(named, await asyncio.gather(*(_checked(ping) for ping in named.values())), strict=True))
    status = _status(results)
    if status == "unhealthy":
        call.reply_status = UNHEALTHY
    return HealthReply(status=status, timestamp=iso(parts.clock.now()), version=parts.settings.version, checks=results)


async def _checked(ping: Callable[[], Awaitable[None]]) -> CheckReply:
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_S):
            await ping()
    except (Problem, TimeoutError):
        return CheckReply("unhealthy", _elapsed_ms(begun))
    return CheckReply("healthy", _elapsed_ms(begun))


def _elapsed_ms(begun: float) -> int:
    return int((time.perf_counter() - begun) * 1000)


def _status(results: dict[str, CheckReply]) -> Literal["healthy", "degraded", "unhealthy"]:
    if results["database"].status == "unhealthy":
        return "unhealthy"
    return "healthy" if all(check.status == "healthy" for check in results.values()) else "degraded"


OPERATIONS: Final = (
    Operation(
        method="GET", path="/health/platform", handler=health, summary="How the platform is", tag="health",
        access=Access.GUEST, reply=HealthReply, envelope=False, other_statuses=(UNHEALTHY,), limits=(limits.HEALTH,),
    ),
)  # fmt: skip
