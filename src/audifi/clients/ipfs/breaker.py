"""Stop asking a provider that fails, and find out cheaply when it is back.

Between: transport (reports how calls ended) and keeper, gateways (ask how much may be tried).

When it opens: after FAILURES_MAX failures in a row, or at once when a gateway sent wrong bytes. Failures are silence,
5xx and broken connections; a "no" (401, 413, 429) is an answer and says nothing about health.
While open: nothing is tried for `open_s`, so waiting content costs neither requests nor attempts.
How it recovers: then one try at a time; SUCCESSES_MIN good ones close it, one bad one opens it again.
Units: seconds of a clock that never jumps.
Errors: never raises.
Source: domain.md 5.8 (opens after 5 failures, 30 s, closes after 3 successes).
"""

from collections.abc import Callable
from typing import Final

from audifi.kernel.metrics import gauge
from audifi.wire import metrics

FAILURES_MAX: Final = 5
SUCCESSES_MIN: Final = 3
OPEN_S: Final = 30.0
_CLOSED: Final = 0
_HALF_OPEN: Final = 1
_OPEN: Final = 2


class Breaker:
    """What is known of one provider's health."""

    def __init__(self, target: str, now_s: Callable[[], float], *, open_s: float = OPEN_S) -> None:
        self._now_s = now_s
        self._open_s = open_s
        self._failures = 0
        self._successes = 0
        self._opened_at: float | None = None
        gauge(metrics.CIRCUIT_STATE).labels(target).set_function(lambda: self._state)

    @property
    def is_open(self) -> bool:
        return self._state == _OPEN

    def allowance(self, wished: int) -> int:
        """Return how many tries may start now."""
        return {_CLOSED: wished, _HALF_OPEN: min(wished, 1), _OPEN: 0}[self._state]

    def succeed(self) -> None:
        self._failures = 0
        if self._opened_at is not None:
            self._successes += 1
            if self._successes >= SUCCESSES_MIN:
                self._opened_at = None

    def fail(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES_MAX or self._opened_at is not None:
            self.trip()

    def trip(self) -> None:
        """Open now."""
        self._failures = self._successes = 0
        self._opened_at = self._now_s()

    @property
    def _state(self) -> int:
        if self._opened_at is None:
            return _CLOSED
        return _OPEN if self._now_s() - self._opened_at < self._open_s else _HALF_OPEN
