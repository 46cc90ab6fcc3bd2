"""Remember when things went wrong for an address or an account: together for all pods, and alone while Redis is away.

Between: alarms (reports what happened, asks who is paused), rules.detection (decides), Redis (one call per report).

Why a list of times and not the limits' two counters: thresholds are small, so the exact times are a few bytes, and
nobody is paused by an estimate.
When Redis is away: this process remembers for itself, with the whole threshold and not its share of it. A share of five
is two, and two mistypes must not close an address; an attacker gains at most one threshold per pod, below the limits,
which do fall back to shares (kernel.limits). What Redis knew is not known meanwhile: nobody is paused on a guess.
Shape: per key at most `count` times; in process at most LOCAL_MAX keys, oldest dropped first.
Errors: none; a Redis that is away is logged once by kernel.limits.
Source: domain.md 4 "Detection thresholds", 5.5 (in-process fallback).
"""

from collections import OrderedDict, deque
from typing import Final

from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock
from audifi.services.auth.errors import Unavailable
from audifi.services.auth.rules.detection import Of, Threshold, is_reached
from audifi.wire import channels

LOCAL_MAX: Final = 10_000

# KEYS: the times, the pause. ARGV: how many times, the window in ms. Returns now, what is left of the pause in ms (not
# positive: none), then the times, newest first, with this one.
SCRIPT: Final = """
local t = redis.call('TIME')
local now = string.format('%.0f', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000))
redis.call('LPUSH', KEYS[1], now)
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[1]) - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {now, redis.call('PTTL', KEYS[2]), unpack(redis.call('LRANGE', KEYS[1], 0, -1))}
"""


class Watch:
    """Counts towards thresholds."""

    def __init__(self, cache: Cache, clock: Clock) -> None:
        self._cache = cache
        self._alone = _Alone(clock)

    async def saw(self, threshold: Threshold, identity: str) -> bool:
        """Count an event; True for the one that reached the threshold and began the pause."""
        times, pause = _keys(threshold, identity)
        try:
            answer = await self._cache.script(SCRIPT, [times, pause], [threshold.count, threshold.window_s * 1000])
            now_ms, left_ms, *times_ms = (int(each) for each in answer)
            if left_ms > 0 or not is_reached(threshold, times_ms, now_ms):
                return False
            return await self._cache.set(pause, threshold.rule, ttl_s=threshold.pause_s, only_if_absent=True)
        except Unavailable:
            return self._alone.saw(threshold, times, pause)

    async def paused_s(self, address: str) -> int:
        """Return for how long nobody may sign in from this address; 0: anybody may."""
        pause = channels.pause(Of.ADDRESS.value, address)
        try:
            left_ms = int(await self._cache.command("PTTL", pause))
        except Unavailable:
            return self._alone.paused_s(pause)
        return 0 if left_ms <= 0 else -(-left_ms // 1000)


def _keys(threshold: Threshold, identity: str) -> tuple[str, str]:
    scope = threshold.of.value
    return channels.failures(scope, identity, threshold.rule), channels.pause(scope, identity)


class _Alone:
    """One process's memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times_ms: OrderedDict[str, deque[int]] = OrderedDict()
        self._pauses_ms: OrderedDict[str, int] = OrderedDict()  # until when

    def saw(self, threshold: Threshold, times: str, pause: str) -> bool:
        now_ms = self._now_ms()
        seen = self._times_ms.setdefault(times, deque(maxlen=threshold.count))
        seen.appendleft(now_ms)
        _keep_newest(self._times_ms, times)
        if self._pauses_ms.get(pause, 0) > now_ms or not is_reached(threshold, list(seen), now_ms):
            return False
        self._pauses_ms[pause] = now_ms + threshold.pause_s * 1000
        _keep_newest(self._pauses_ms, pause)
        return True

    def paused_s(self, pause: str) -> int:
        return max(0, -(-(self._pauses_ms.get(pause, 0) - self._now_ms()) // 1000))

    def _now_ms(self) -> int:
        return int(self._clock.now_s() * 1000)


def _keep_newest(kept: OrderedDict[str, deque[int]] | OrderedDict[str, int], key: str) -> None:
    kept.move_to_end(key)
    while len(kept) > LOCAL_MAX:
        kept.popitem(last=False)
