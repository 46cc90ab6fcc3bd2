"""Publish what happens in a live session through the Redis Cluster: numbered events, and states of which the newest
counts.

Between: vstudio-service (relay, tallies, pulse) and whoever follows a session (clients.live.feed).
Shape: wire.live.feed says which keys and which messages.
Why a script each: kept and told are one step, so that whoever reads the log after a hole finds what was published.
Invariant: publishing again, or in another order, leaves the same log and the same states; a state that is not newer
than the kept one is told to nobody.
Units: KEPT_S seconds; a session that is silent for longer is read from PostgreSQL.
Errors: Unavailable without Redis; the caller publishes again later.
Source: realtime.md 3; domain.md 3 "Recovery".
"""

from typing import Final

from audifi.kernel.cache import Cache
from audifi.wire.live import feed, protocol

KEPT_S: Final = 3600  # of states: longer than any pulse or tally takes to come again

# KEYS: log, channel. ARGV: seq, message, how many are kept, for how many seconds.
_EVENT: Final = """
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[3]))
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('SPUBLISH', KEYS[2], ARGV[2])
"""
# KEYS: states, channel. ARGV: key, version, message, for how many seconds.
_STATE: Final = """
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept and tonumber(string.match(kept, '^s %d+ (%d+) ')) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('SPUBLISH', KEYS[2], ARGV[3])
return 1
"""


class Publisher:
    """Tell every follower of a session."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def event(self, session_id: str, seq: int, body: bytes) -> None:
        """Keep an event in the log, and tell it; `body` is the flat frame without its numbers."""
        keys = [feed.log(session_id), feed.channel(session_id)]
        message = feed.event(seq, body)
        await self._cache.script(_EVENT, keys, [seq, message, protocol.LOG_EVENTS_MAX, protocol.LOG_S])

    async def state(self, session_id: str, seq: int, version: int, key: str, body: bytes, *, keep: bool = True) -> bool:
        """Tell a state, sent after event `seq`; return False when a newer one was told already.

        With `keep` the newest of its key is remembered; without, everything is told and nothing remembered.
        """
        message = feed.state(seq, version, key, body)
        if not keep:
            await self._cache.command("SPUBLISH", feed.channel(session_id), message)
            return True
        keys = [feed.states(session_id), feed.channel(session_id)]
        return bool(await self._cache.script(_STATE, keys, [key, version, message, KEPT_S]))
