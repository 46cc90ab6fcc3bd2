"""Choose the gateway's pod that somebody connects to.

Between: routes.tickets (asks) and the gateways' pods, each of which writes its connections into one hash every second.
Why what was handed out is counted too: the hash is a second old, and thousands may ask within one.
Units: *_S seconds, *_ms milliseconds since the epoch.
Errors: none: without Redis, or without pods, there is none to name.
Source: realtime.md 3 "the ticket names the pod"; wire.live.feed.pods.
"""

from typing import Final

from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock
from audifi.services.vstudio.errors import Unavailable
from audifi.wire.live import feed

READ_EVERY_S: Final = 1.0


class LivePods:
    """The gateways' pods that take connections."""

    def __init__(self, cache: Cache, clock: Clock, *, replicas: int) -> None:
        self._cache = cache
        self._clock = clock
        self._replicas = replicas  # others hand out tickets too, as many as we do
        self._connections: dict[str, int] = {}
        self._read_at_s = -READ_EVERY_S

    async def least_loaded(self) -> str | None:
        """Return the pod with the fewest connections, and count one more for it."""
        if self._clock.monotonic_s() - self._read_at_s >= READ_EVERY_S:
            self._read_at_s = self._clock.monotonic_s()
            self._connections = await self._read()
        if not self._connections:
            return None
        pod = min(self._connections, key=lambda name: (self._connections[name], name))
        self._connections[pod] += self._replicas
        return pod

    async def _read(self) -> dict[str, int]:
        try:
            found: list[bytes] = await self._cache.command("HGETALL", feed.pods())
        except Unavailable:
            return {}
        now_ms, live = self._clock.now_s() * 1000, dict[str, int]()
        for name, told in zip(found[::2], found[1::2], strict=True):
            connections, until_ms = told.split()
            if int(until_ms) > now_ms:
                live[name.decode()] = int(connections)
        return live
