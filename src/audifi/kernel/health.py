"""Answer /health (the process is alive) and /ready (what it depends on is usable).

Between: the supervisor or Kubernetes (liveness), the gateway (readiness) and the service's named checks.

/health never looks at a store: otherwise a blip of the database restarts every pod at once.
/ready runs all checks at the same time, each within CHECK_S. A dependency that worked within GRACE_S counts as
degraded, not as gone: all pods share it, so taking them all out of the balancer during a 5 s failover would turn
slow requests into refused ones. A pod that never reached it is not ready. A draining pod is not ready.
Shape: {status, timestamp, version, checks: {name: {status, latencyMs}}}.
Errors: never raises.
Source: domain.md 6.6, 9.30.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from audifi.kernel import clock
from audifi.kernel.context import PROCESS
from audifi.kernel.logs import log

CHECK_S: Final = 2.0
GRACE_S: Final = 10.0
Check = Callable[[], Awaitable[None]]


class Health:
    """What this pod knows about its own condition."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._worked_at: dict[str, float] = {}
        self._was_failing: set[str] = set()
        self.is_draining = False

    def alive(self) -> dict[str, Any]:
        """Return the body of /health."""
        return {"status": "healthy", "timestamp": clock.iso(clock.SystemClock().now()), "version": PROCESS.version}

    async def ready(self) -> tuple[int, dict[str, Any]]:
        """Return status and body of /ready."""
        results = await asyncio.gather(*(self._check(name) for name in self._checks))
        checks = dict(zip(self._checks, results, strict=True))
        found = {check["status"] for check in checks.values()}
        status = "unhealthy" if "unhealthy" in found else "degraded" if "degraded" in found else "healthy"
        if self.is_draining:
            status = "draining"
        code = 200 if status in ("healthy", "degraded") else 503
        return code, {**self.alive(), "status": status, "checks": checks}

    async def _check(self, name: str) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(CHECK_S):
                await self._checks[name]()
        except Exception as error:  # noqa: BLE001  # any failure of a check is its result
            self._note(name, error)
            is_recent = started - self._worked_at.get(name, float("-inf")) < GRACE_S
            status = "degraded" if is_recent else "unhealthy"
        else:
            self._worked_at[name] = loop.time()
            self._note(name, None)
            status = "healthy"
        return {"status": status, "latencyMs": round((loop.time() - started) * 1000, 1)}

    def _note(self, name: str, error: Exception | None) -> None:
        # Once per change, not once per probe.
        if error is not None and name not in self._was_failing:
            self._was_failing.add(name)
            log.warning("a readiness check fails", check=name, error=error)
        elif error is None and name in self._was_failing:
            self._was_failing.remove(name)
            log.info("a readiness check passes again", check=name)
