"""Decide whether an endpoint may be asked, and in which rank, from what it did lately.

Between: roster (feeds outcomes, asks the rank) and probes (asks when to look again).

Four separate conditions, because they end differently:
- The breaker opens after FAILURES_RUN failures in a row, or when FAILURES_SHARE of at least SAMPLES_MIN answers within
  the window failed: a run sees a dead endpoint at once but misses one that fails every second call. Only probes close
  it: PROBES_MIN good ones in a row, PROBE_S apart, one at a time. A timer alone brought 2 % of the traffic back.
- Slow: three callers in a row were answered by somebody else while this endpoint kept silent (STALLS_RUN), or its mean
  is above SLOW_S and SLOW_FACTOR times the best. It still answers when no other can. The same probes promote it.
- Rest: a provider asked for it (429, quota, refused key). Not a fault of health; a rested endpoint is asked again by
  a probe first, so that no caller pays for the trial.
- Wrong chain: eth_chainId was another one. Never used until it is right.

Flapping. Whoever falls again within FLAP_S of its return needs twice as many good probes, up to PROBES_MAX (4 s): a
provider that flaps every second is left alone, one that healed has its traffic back within 10 s.
Survivors. A request we cancelled because another was faster is charged with the time it had taken (`lost`): else an
endpoint that hangs would show only its good answers.

Shape: a ring of WINDOW_S buckets of one second.
Units: *_s seconds of the event loop's clock; ratios in [0, 1].
Invariant: only `probed` makes an endpoint usable again.
Errors: never raises.
Source: outbound.md 2.3 (measured), 3 lessons 1, 2, 3, 5, 7; domain.md 5.8 (5 failures); Nygard, Release It! 5.2;
RFC 6298 (mean and deviation).
"""

from enum import Enum, IntEnum
from typing import Final

FAILURES_RUN: Final = 5
FAILURES_SHARE: Final = 0.15
SAMPLES_MIN: Final = 20
WINDOW_S: Final = 10
STALLS_RUN: Final = 3
SLOW_S: Final = 0.15
SLOW_FACTOR: Final = 3.0
PROBE_S: Final = 0.5
PROBES_MIN: Final = 2
PROBES_MAX: Final = 8
FLAP_S: Final = 20.0
REST_GROWTH_MAX: Final = 4.0  # a rate limit that stays: 1, 2, 4 s or as asked; healing is seen within 10 s
QUOTA_REST_S: Final = 300.0
AUTH_REST_S: Final = 60.0
AUTH_REST_S_MAX: Final = 900.0


class Rank(IntEnum):
    """How gladly an endpoint is asked."""

    GOOD = 0
    SLOW = 1
    UNUSABLE = 9


class Standing(Enum):
    """The condition of an endpoint in one word, for status and metrics."""

    NEW = "new"
    GOOD = "good"
    SLOW = "slow"
    OPEN = "open"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"
    KEY_REFUSED = "key_refused"
    WRONG_CHAIN = "wrong_chain"


class Latency:
    """Mean and mean deviation, as TCP keeps them."""

    __slots__ = ("count", "deviation_s", "mean_s")

    def __init__(self) -> None:
        self.reset()

    def reset(self, value_s: float | None = None) -> None:
        self.mean_s = value_s or 0.0
        self.deviation_s = self.mean_s / 2
        self.count = 0 if value_s is None else 1

    def add(self, value_s: float) -> None:
        if not self.count:
            self.reset(value_s)
            return
        error_s = value_s - self.mean_s
        self.mean_s += error_s / 8
        self.deviation_s += (abs(error_s) - self.deviation_s) / 4
        self.count += 1

    def bound_s(self) -> float:
        """Return a time nearly every answer keeps."""
        return self.mean_s + 6 * self.deviation_s


class _Window:
    """Failures and answers of the last WINDOW_S seconds."""

    __slots__ = ("_failed", "_second", "_total")

    def __init__(self) -> None:
        self._failed = [0] * WINDOW_S
        self._total = [0] * WINDOW_S
        self._second = 0

    def add(self, now_s: float, *, is_failure: bool) -> None:
        self._turn(int(now_s))
        self._total[self._second % WINDOW_S] += 1
        self._failed[self._second % WINDOW_S] += is_failure

    def is_bad(self) -> bool:
        total = sum(self._total)
        return total >= SAMPLES_MIN and sum(self._failed) >= FAILURES_SHARE * total

    def clear(self) -> None:
        self._failed = [0] * WINDOW_S
        self._total = [0] * WINDOW_S

    def _turn(self, second: int) -> None:
        for passed in range(self._second + 1, min(second, self._second + WINDOW_S) + 1):
            self._failed[passed % WINDOW_S] = self._total[passed % WINDOW_S] = 0
        self._second = max(second, self._second)


class Health:
    """What one endpoint deserves."""

    def __init__(self) -> None:
        self.light = Latency()
        self.heavy = Latency()
        self.is_verified = False
        self.is_wrong_chain = False
        self.is_open = False
        self.is_slow = False
        self.rest_until_s: float | None = None
        self.rest_as = Standing.RATE_LIMITED
        self._rests = 0
        self._failures = 0
        self._stalls = 0
        self._window = _Window()
        self._good_probes = 0
        self._probes_needed = PROBES_MIN
        self._returned_at_s = float("-inf")
        self.fallen_at_s = float("-inf")

    def rank(self) -> Rank:
        if not self.is_verified or self.is_open or self.rest_until_s is not None:
            return Rank.UNUSABLE
        return Rank.SLOW if self.is_slow else Rank.GOOD

    def standing(self) -> Standing:
        if self.is_wrong_chain:
            return Standing.WRONG_CHAIN
        if self.rest_until_s is not None:
            return self.rest_as
        if self.is_open:
            return Standing.OPEN
        if not self.is_verified:
            return Standing.NEW
        return Standing.SLOW if self.is_slow else Standing.GOOD

    def is_watched(self) -> bool:
        """Say whether it is under probation: looked at every PROBE_S."""
        return self.is_open or self.is_slow or not self.is_verified

    def answered(self, elapsed_s: float, now_s: float, *, is_heavy: bool) -> None:
        """Take an answer that was the endpoint's best: a result, or the chain's own no."""
        (self.heavy if is_heavy else self.light).add(elapsed_s)
        self._failures = self._stalls = self._rests = 0
        self._window.add(now_s, is_failure=False)

    def failed(self, now_s: float) -> bool:
        """Take a failure; True when it opened the breaker."""
        self._failures += 1
        self._good_probes = 0
        self._window.add(now_s, is_failure=True)
        if self.is_open or not (self._failures >= FAILURES_RUN or self._window.is_bad()):
            return False
        self.is_open = True
        self._fall(now_s)
        return True

    def lost(self, elapsed_s: float, now_s: float, *, is_heavy: bool, had_stalled: bool) -> bool:
        """Charge a request that was cancelled because another answered first; True when it made the endpoint slow."""
        latency = self.heavy if is_heavy else self.light
        if elapsed_s > latency.mean_s:
            latency.add(elapsed_s)
        if is_heavy or not had_stalled:
            return False
        self._stalls += 1
        return self._stalls >= STALLS_RUN and self.demote(now_s)

    def demote(self, now_s: float) -> bool:
        """Rank it behind the others; True when it was not there already."""
        if self.is_slow:
            return False
        self.is_slow = True
        self._fall(now_s)
        return True

    def rest(self, standing: Standing, wait_s: float | None, now_s: float, *, reset_in_s: float = 0.0) -> None:
        """Leave it alone for as long as it asks, or as its refusal deserves."""
        if standing is not self.rest_as:
            self._rests = 0
        if self.rest_until_s is None or now_s >= self.rest_until_s:  # not once more for those that were in flight
            self._rests += 1
        self.rest_as = standing
        grown = 2.0 ** min(max(self._rests - 1, 0), 8)
        match standing:
            case Standing.QUOTA:
                length_s = min(QUOTA_REST_S * grown, reset_in_s or QUOTA_REST_S)
            case Standing.KEY_REFUSED:
                length_s = min(AUTH_REST_S * grown, AUTH_REST_S_MAX)
            case _:
                length_s = max(wait_s or 0.0, min(grown, REST_GROWTH_MAX))
        self.rest_until_s = max(self.rest_until_s or 0.0, now_s + max(length_s, 0.1))

    def probed(self, elapsed_s: float, now_s: float, *, best_s: float, is_alone: bool) -> bool:
        """Take a good head poll; True when it brought the endpoint back."""
        self._failures = 0
        was_resting = self.rest_until_s is not None
        if was_resting:
            self.rest_until_s = None
        if not (self.is_open or self.is_slow):
            self._window.add(now_s, is_failure=False)
            self.light.add(elapsed_s)
            return was_resting
        is_slow = elapsed_s > max(SLOW_S, SLOW_FACTOR * best_s)
        self._good_probes = 0 if is_slow else self._good_probes + 1
        enough = self._good_probes >= self._probes_needed
        if self.is_open and (enough or is_alone):
            self.is_open, self.is_slow = False, is_slow
        elif not enough:
            return was_resting
        else:
            self.is_slow = False
        self._return(elapsed_s, now_s)
        return True

    def _fall(self, now_s: float) -> None:
        self.fallen_at_s = now_s
        is_flapping = now_s - self._returned_at_s < FLAP_S
        self._probes_needed = min(2 * self._probes_needed, PROBES_MAX) if is_flapping else PROBES_MIN
        self._good_probes = self._stalls = 0

    def _return(self, elapsed_s: float, now_s: float) -> None:
        self._returned_at_s = now_s
        self._failures = self._stalls = self._good_probes = 0
        self._window.clear()
        self.light.reset(elapsed_s)
