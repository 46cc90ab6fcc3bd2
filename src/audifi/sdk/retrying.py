"""Decide whether a failed attempt is made again, and after how long.

Between: sdk.transport (asks after each failure) and nothing else: pure.

# When it tries again
A request is repeated only if repeating cannot do harm:
- the method is idempotent (GET, HEAD, PUT, DELETE) or the request carries an Idempotency-Key, or
- the failure says that nothing happened: the connection was never made, or the server said so, or
- it was refused before anything was done: for its rate, or because the first request with its key still runs.

# When it refrains
A refusal is an answer: it is never repeated, except the two above, if the wait fits into
`wait_s_max`. A bug (500) is
not repeated either: it would be the same bug.

# How long it waits
Exponential with full jitter, so that clients that failed together do not return together; at least what
Retry-After demands, never beyond the request's own deadline.

Units: *_s seconds.
Invariant: attempts and total time are bounded; a retry never starts after the deadline.
Source: RFC 9110 §9.2.2 (idempotent methods); "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (full
jitter); domain.md 5.8 (only idempotent or keyed calls).
"""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from audifi.wire.problems import Problem, RateLimited, RequestInProgress, Unavailable

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and how patiently."""

    attempts: int = 4  # the first one included
    first_s: float = 0.1
    wait_s_max: float = 5.0  # one wait; a Retry-After beyond it is the caller's decision
    deadline_s: float = 30.0  # the whole call; domain.md 5.8: gateway -> service read
    jitter: Random = field(default_factory=Random, repr=False)  # jitter, not a secret

    def __post_init__(self) -> None:
        """Refuse a policy that can never make a request."""
        if self.attempts < 1 or self.deadline_s <= 0 or not 0 < self.first_s <= self.wait_s_max:
            raise ValueError(f"not a usable policy: {self}")

    def pause_s(self, problem: Problem, *, made: int, repeatable: bool, elapsed_s: float) -> float | None:
        """Return how long to wait before the next attempt, or None: give the problem to the caller."""
        if made >= self.attempts or not _may_repeat(problem, repeatable=repeatable):
            return None
        demanded = float(problem.retry_after_s or 0)
        if demanded > self.wait_s_max:
            return None
        jittered = self.jitter.uniform(0, min(self.wait_s_max, self.first_s * 2 ** (made - 1)))
        pause = max(demanded if isinstance(problem, RateLimited) else 0.0, jittered)
        return pause if elapsed_s + pause < self.deadline_s else None


NEVER: Final = RetryPolicy(attempts=1)


def _may_repeat(problem: Problem, *, repeatable: bool) -> bool:
    if isinstance(problem, RateLimited | RequestInProgress):
        return True  # refused before anything was done; the first request with our key still runs
    if isinstance(problem, Unavailable):
        return repeatable or not problem.may_have_taken_effect
    return False
