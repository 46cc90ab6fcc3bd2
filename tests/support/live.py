"""Be Redis and PostgreSQL for a room of clients.live, in memory.

Between: unit tests (say what is published, lost, forgotten) and clients.live.sources.
Invariant: what is published is committed first; what is committed is never lost.
"""

from dataclasses import dataclass, field
from typing import Any

from audifi.clients.live.room import Room
from audifi.clients.live.sources import Sources
from audifi.wire.live import feed
from audifi.wire.live.calls import Events
from audifi.wire.problems import Unavailable

SESSION = "s"


def body(seq: int) -> bytes:
    """An event as it is published."""
    return b'{"type":"chat_message","ts":1,"text":"%d"}' % seq


@dataclass
class World:
    """Redis and PostgreSQL, as a room may read them."""

    truth: list[int] = field(default_factory=list[int])
    log: list[int] = field(default_factory=list[int])
    kept: dict[str, bytes] = field(default_factory=dict[str, bytes])
    oldest: int = 1  # older ones are gone
    is_redis_away: bool = False
    is_service_away: bool = False
    log_reads: int = 0
    truth_reads: int = 0

    async def command(self, *arguments: str | bytes | int) -> list[bytes]:
        if self.is_redis_away:
            raise Unavailable("Redis does not answer")
        if arguments[0] == "HVALS":
            return list(self.kept.values())
        self.log_reads += 1
        after = int(str(arguments[2])[1:])
        return [feed.event(seq, body(seq)) for seq in sorted(self.log) if seq > after]

    async def missed(self, _: str, after: int) -> Events:
        if self.is_service_away:
            raise Unavailable("vstudio-service does not answer")
        self.truth_reads += 1
        found = [(seq, body(seq).decode()) for seq in self.truth if seq > max(after, self.oldest - 1)]
        return Events(events=found, complete=after >= self.oldest - 1, newest=max(self.truth, default=0))

    def room(self) -> Room:
        """Follow it; messages are handed in by the test."""
        cache: Any = self
        return Room(SESSION, Sources(cache, self.missed))
