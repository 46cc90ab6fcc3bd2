"""Count requests against rules: together for all pods in Redis, and alone while Redis is away.

Between: kernel.http.pipeline (asks once per request, with every rule that applies) and Redis (one call per slot).

## How a window slides
Two counters per rule and identity: this window's and the last one's. The last one counts with the share of it that
still lies inside "the last window_s seconds", as if its requests had come evenly. That needs one small hash per
counter whatever the limit is (a log of 10,000 requests would need 1 MB), and errs by little: Cloudflare measured
0.003 % of requests judged differently from an exact log over 400 million requests.

## When it acts
All rules of a request are looked at before any is counted: a request that one rule refuses is charged to none, so
a client that keeps knocking is let in again once its past requests have slid out. What a rule marked `only_done`
counted is given back when the request did nothing: a good client tries a failed write again with the same key, and
ten tries during a failover must not use up the ten purchases of an hour.

## When Redis is away
The same arithmetic in this process, with the pod's share: count / replicas, rounded up. Rules marked `fail_closed`
refuse (503) instead. Nothing is ever admitted uncounted.

Units: window_s seconds; reset_s epoch seconds. Shape: at most LOCAL_MAX counters in process, oldest dropped first.
Errors: RateLimited (with retry_after_s); Unavailable for a fail_closed rule without Redis.
Source: domain.md 5.5; https://blog.cloudflare.com/counting-things-a-lot-of-different-things/ (2017).
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock
from audifi.kernel.logs import log
from audifi.kernel.metrics import counter
from audifi.wire import channels, metrics
from audifi.wire.problems import RateLimited, Unavailable

LOCAL_MAX: Final = 100_000


class Per(Enum):
    """What a rule counts by."""

    IP = "ip"
    USER = "user"  # the signed-in user; guests are not counted
    EVERYONE = "all"
    VALUE = "value"  # whatever Limit.value returns


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `count` requests in any `window_s`, for each ip, user or value."""

    rule: str  # names the rule in keys, metrics and logs: "magic-link-email"
    count: int
    window_s: int
    per: Per
    value: Callable[[Any, Any], str | None] | None = None  # (call, body) -> what to count by; None: not counted
    fail_closed: bool = False  # without Redis: refuse (503) instead of the in-process share
    only_done: bool = False  # a replay, REQUEST_IN_PROGRESS or 5xx is not counted in the end


@dataclass(frozen=True, slots=True)
class Counted:
    """A rule and whom it counts for in this request."""

    limit: Limit
    identity: str

    @property
    def key(self) -> str:
        return channels.rate_limit(self.limit.per.value, self.identity, self.limit.rule)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rule stands after this request."""

    limit: Limit
    is_admitted: bool
    remaining: int
    reset_s: int  # when the window that is counted now has slid out entirely
    retry_after_s: int  # 0 when admitted


def standing(limit: Limit, count: int, previous: int, current: int, now_s: float) -> Standing:
    """Judge one more request, given both counters without it. Pure; the script in Redis admits by the same rule."""
    window_s = limit.window_s
    elapsed_s = now_s % window_s
    used = current + previous * (window_s - elapsed_s) / window_s
    admitted = used + 1 <= count
    remaining = max(0, math.floor(count - used - 1)) if admitted else 0
    end_s = now_s - elapsed_s + window_s
    reset_s = math.ceil(end_s + window_s if current or admitted else end_s)
    return Standing(
        limit, admitted, remaining, reset_s, 0 if admitted else _wait_s(count, previous, current, elapsed_s, window_s)
    )


def _wait_s(count: int, previous: int, current: int, elapsed_s: float, window_s: int) -> int:
    # In this window, once enough of the last one has slid out; else in the next, where `current` slides out.
    if count >= 1 and current + 1 <= count and previous > 0:
        needed_s = window_s * (1 - (count - 1 - current) / previous) - elapsed_s
        return max(1, math.ceil(needed_s))
    share = (count - 1) / current if current else 1.0
    return max(1, math.ceil(window_s - elapsed_s + window_s * max(0.0, 1 - share)))


# KEYS: one per rule. ARGV: count and window per rule. Returns time, then previous and current per rule, as they were
# before this request; the request is counted only if every rule admits it.
SCRIPT: Final = """
local t = redis.call('TIME')
local now = tonumber(t[1]) + tonumber(t[2]) / 1000000
local out, windows, admitted = {t[1], t[2]}, {}, true
for i, key in ipairs(KEYS) do
  local count, size = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local window = math.floor(now / size)
  local row = redis.call('HMGET', key, 'w', 'p', 'c')
  local w, p, c = tonumber(row[1] or -1), tonumber(row[2] or 0), tonumber(row[3] or 0)
  if w == window - 1 then p, c = c, 0 elseif w ~= window then p, c = 0, 0 end
  if c + p * (size - now % size) / size + 1 > count then admitted = false end
  windows[i] = {window, p, c, size}
  out[#out + 1] = p
  out[#out + 1] = c
end
if admitted then
  for i, key in ipairs(KEYS) do
    local v = windows[i]
    redis.call('HSET', key, 'w', v[1], 'p', v[2], 'c', v[3] + 1)
    redis.call('EXPIRE', key, 2 * v[4])
  end
end
return out
"""

# KEYS: one rule. Takes the newest request back, whatever window it was counted in.
GIVE_BACK: Final = """
if tonumber(redis.call('HGET', KEYS[1], 'c') or 0) > 0 then redis.call('HINCRBY', KEYS[1], 'c', -1) end
"""


class Local:
    """The counters of one process, for when Redis is away (and for tests)."""

    def __init__(self, replicas: int, clock: Clock) -> None:
        self._replicas = replicas
        self._clock = clock
        self._rows: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def ask(self, rules: Sequence[Counted]) -> list[Standing]:
        """Judge a request by its pod's share of each rule, and count it if all admit it."""
        now_s = self._clock.now_s()
        rows = [self._row(rule, now_s) for rule in rules]
        judged = [
            standing(rule.limit, math.ceil(rule.limit.count / self._replicas), previous, current, now_s)
            for rule, (_, previous, current) in zip(rules, rows, strict=True)
        ]
        if all(each.is_admitted for each in judged):
            for rule, (window, previous, current) in zip(rules, rows, strict=True):
                self._rows[rule.key] = (window, previous, current + 1)
                self._rows.move_to_end(rule.key)
            while len(self._rows) > LOCAL_MAX:
                self._rows.popitem(last=False)
        return judged

    def give_back(self, rules: Sequence[Counted]) -> None:
        """Take one request back from each."""
        for rule in rules:
            if rule.key in self._rows:
                window, previous, current = self._rows[rule.key]
                self._rows[rule.key] = (window, previous, max(0, current - 1))

    def _row(self, rule: Counted, now_s: float) -> tuple[int, int, int]:
        window = int(now_s // rule.limit.window_s)
        seen, previous, current = self._rows.get(rule.key, (window, 0, 0))
        if seen == window - 1:
            return window, current, 0
        return (window, previous, current) if seen == window else (window, 0, 0)


class Limiter:
    """Judge requests by their rules."""

    def __init__(self, cache: Cache | None, *, replicas: int, clock: Clock) -> None:
        self._cache = cache
        self._local = Local(replicas, clock)
        self._is_away = False

    async def ask(self, rules: Sequence[Counted]) -> Standing | None:
        """Return how the strictest rule stands; raise RateLimited when one refuses."""
        if not rules:
            return None
        judged = await self._judged(rules)
        refused = [each for each in judged if not each.is_admitted]
        if not refused:
            return min(judged, key=lambda each: (each.remaining, -each.limit.window_s))
        for each in refused:
            counter(metrics.RATELIMIT_REJECTIONS).labels(each.limit.rule).inc()
        worst = max(refused, key=lambda each: each.retry_after_s)
        raise Exceeded(worst)

    async def give_back(self, rules: Sequence[Counted]) -> None:
        """Do not count this request after all, where it was counted; without Redis only here."""
        if self._cache is None or self._is_away:
            self._local.give_back(rules)
            return
        with suppress(Unavailable):  # one try too many is counted: the safe side
            for rule in rules:
                await self._cache.script(GIVE_BACK, [rule.key], [])

    async def _judged(self, rules: Sequence[Counted]) -> list[Standing]:
        if self._cache is None:
            return self._local.ask(rules)
        by_slot: dict[str, list[Counted]] = {}
        for rule in rules:
            by_slot.setdefault(rule.key.partition("}")[0], []).append(rule)
        judged: list[Standing] = []
        try:
            for group in by_slot.values():
                judged += await _ask_redis(self._cache, group)
        except Unavailable as error:
            self._note_away(error)
            return self._alone(rules)
        if self._is_away:
            self._is_away = False
            log.info("Redis is back: limits are counted together again")
        return judged

    def _alone(self, rules: Sequence[Counted]) -> list[Standing]:
        closed = [rule.limit.rule for rule in rules if rule.limit.fail_closed]
        if closed:
            raise Unavailable(f"{', '.join(closed)} cannot be counted: Redis does not answer", retry_after_s=5)
        counter(metrics.RATELIMIT_FALLBACKS).inc()
        return self._local.ask(rules)

    def _note_away(self, error: Unavailable) -> None:
        if not self._is_away:
            log.warning("Redis is away: limits are counted in process", error=error)
        self._is_away = True


class Exceeded(RateLimited):
    """Too many requests; wait and try again."""

    def __init__(self, worst: Standing) -> None:
        self.standing = worst
        super().__init__(retry_after_s=worst.retry_after_s, details={"rule": worst.limit.rule})


async def _ask_redis(cache: Cache, rules: Sequence[Counted]) -> list[Standing]:
    arguments: list[str | bytes | int] = []
    for rule in rules:
        arguments += (rule.limit.count, rule.limit.window_s)
    answer = await cache.script(SCRIPT, [rule.key for rule in rules], arguments)
    now_s = int(answer[0]) + int(answer[1]) / 1_000_000
    return [
        standing(rule.limit, rule.limit.count, int(answer[2 + 2 * index]), int(answer[3 + 2 * index]), now_s)
        for index, rule in enumerate(rules)
    ]
