"""Know who watches a session: how many, over all pods, and what they are called.

Between: routes.gateway (pulses), sagas.admitting, sagas.chatting, sagas.snapshots and Redis.
Shape: each pod's count with the time until which it is believed; the sum of those is the session's. What was told last
is kept beside it, so that it is told again only when it changed, and once a second at most.
Why names are asked so rarely: names are shown to small audiences and beside chat lines; when ten thousand arrive at
once nobody is named, and nobody is asked.
Units: *_MS milliseconds, *_S seconds.
Errors: Unavailable without Redis where it counts; names fall back to one made of the id.
Source: domain.md 3 "presence at most 1/s", "suppressed above 200 viewers"; realtime.md 3.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock
from audifi.kernel.peers import Peers
from audifi.services.vstudio.errors import Refusal, Unavailable
from audifi.wire import channels
from audifi.wire.live import feed

BELIEVED_MS: Final = 3000  # three pulses of a pod
TOLD_EVERY_MS: Final = 1000
NAMES_PER_S: Final = 20  # this pod asks auth-service for so many
NAME_KEPT_S: Final = 3600

# KEYS: presence, what was told, log. ARGV: pod, viewers, BELIEVED_MS, TOLD_EVERY_MS.
# Returns viewers of all pods, whether that is to be told, the newest event in the log, the time in ms.
_PULSE: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d %d', ARGV[2], now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local all, sum = redis.call('HGETALL', KEYS[1]), 0
for i = 1, #all, 2 do
  local count, until_ms = string.match(all[i + 1], '^(%d+) (%d+)$')
  if tonumber(until_ms) > now then sum = sum + count else redis.call('HDEL', KEYS[1], all[i]) end
end
local told_sum, told_ms = string.match(redis.call('GET', KEYS[2]) or '', '^(%d+) (%d+)$')
local is_news = 0
if tonumber(told_sum or -1) ~= sum and now - (told_ms or 0) >= tonumber(ARGV[4]) then
  redis.call('SET', KEYS[2], string.format('%d %d', sum, now), 'EX', 3600)
  is_news = 1
end
return {sum, is_news, redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2] or '0', now}
"""
# KEYS: presence. By Redis' clock, as it was written.
_COUNT: Final = """
local t = redis.call('TIME')
local now, sum = t[1] * 1000 + math.floor(t[2] / 1000), 0
for _, told in ipairs(redis.call('HVALS', KEYS[1])) do
  local count, until_ms = string.match(told, '^(%d+) (%d+)$')
  if tonumber(until_ms) > now then sum = sum + count end
end
return sum
"""


@dataclass(frozen=True)
class Counted:
    """What a pulse comes to."""

    viewers: int
    is_news: bool
    seq: int  # the newest event in the log
    now_ms: int


async def pulse(cache: Cache, session_id: str, pod: str, viewers: int) -> Counted:
    """Take a pod's count."""
    keys = [feed.presence(session_id), channels.vstudio(session_id, "presence:told"), feed.log(session_id)]
    found = await cache.script(_PULSE, keys, [pod, viewers, BELIEVED_MS, TOLD_EVERY_MS])
    return Counted(int(found[0]), bool(found[1]), int(found[2]), int(found[3]))


async def viewers(cache: Cache, session_id: str) -> int:
    """Return how many watch, as the pods said last; without Redis nobody is counted."""
    try:
        return int(await cache.script(_COUNT, [feed.presence(session_id)], []))
    except Unavailable:
        return 0


class _User(msgspec.Struct, rename="camel"):
    display_name: str


class Names:
    """What people are called."""

    def __init__(self, cache: Cache, peers: Peers, clock: Clock) -> None:
        self._cache = cache
        self._peers = peers
        self._clock = clock
        self._second = 0
        self._asked = 0  # in that second

    async def of(self, user_id: str, *, must_ask: bool = False) -> str:
        """Return somebody's name; unless `must_ask`, auth-service is asked only while few are."""
        with contextlib.suppress(Unavailable):
            kept: Any = await self._cache.get(_key(user_id))
            if kept is not None:
                return kept.decode()
        if not must_ask and not self._may_ask():
            return unnamed(user_id)
        try:
            found = await self._peers.get("auth-service", f"/internal/v1/users/{user_id}", _User)
        except (Refusal, Unavailable):
            return unnamed(user_id)
        name = found.display_name.strip() or unnamed(user_id)
        with contextlib.suppress(Unavailable):
            await self._cache.set(_key(user_id), name, ttl_s=NAME_KEPT_S)
        return name

    async def all_of(self, user_ids: set[str]) -> dict[str, str]:
        """Return the names of these people."""
        ordered = sorted(user_ids)
        names = await asyncio.gather(*(self.of(each, must_ask=True) for each in ordered))
        return dict(zip(ordered, names, strict=True))

    def _may_ask(self) -> bool:
        second = int(self._clock.monotonic_s())
        if second != self._second:
            self._second, self._asked = second, 0
        self._asked += 1
        return self._asked <= NAMES_PER_S


def unnamed(user_id: str) -> str:
    return f"Fan {user_id[-4:]}"


def _key(user_id: str) -> str:
    return channels.vstudio(user_id, "name")
