"""Talk to the Redis Cluster: few commands, each within a time-out, every failure an Unavailable.

Between: sessions, limits, stores of services (short-lived state) and kernel.cluster (connections, failover).
Shape: keys carry a hash tag from wire.channels, so that one script's keys share a slot.
Units: ttl_s seconds; nothing is stored without an end (the cluster refuses writes when full, it does not evict).
Why nothing waits for a failover: it takes up to 5 s, and a request that can do without Redis (limits, reads) must know
at once. One master that is away says nothing about the others.
Errors: Unavailable, with may_have_taken_effect for commands that were sent.
Source: domain.md 5.6.
"""

import asyncio
import hashlib
from typing import Any, Protocol, Self

from audifi.kernel.cluster import Cluster, Lost, Refused
from audifi.kernel.metrics import counter
from audifi.kernel.settings import Secret
from audifi.wire import metrics
from audifi.wire.problems import Unavailable


class CacheSettings(Protocol):
    """What `Cache.open` reads of the settings."""

    @property
    def redis_nodes(self) -> tuple[str, ...]: ...
    @property
    def redis_password(self) -> Secret: ...


class Cache:
    """The Redis Cluster. Keys must carry a hash tag from wire.channels."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._digests: dict[str, str] = {}

    @classmethod
    async def open(cls, settings: CacheSettings) -> Self:
        """Make the client; it looks the cluster up at the first command, so a pod starts while Redis is away."""
        return cls(Cluster(settings.redis_nodes, settings.redis_password.reveal()))

    async def close(self) -> None:
        await self._cluster.close()

    async def ping(self) -> None:
        """Raise Unavailable unless a key of each master's range can be read."""
        await asyncio.gather(*(self.command("EXISTS", f"{{{tag}}}ping") for tag in ("s2", "r0", "v2")))

    async def get(self, key: str) -> bytes | None:
        return await self.command("GET", key)

    async def set(self, key: str, value: str | bytes, *, ttl_s: int, only_if_absent: bool = False) -> bool:
        """Return whether it was stored."""
        condition = ("NX",) if only_if_absent else ()
        return bool(await self.command("SET", key, value, "EX", ttl_s, *condition))

    async def take(self, key: str) -> bytes | None:
        """Return the value and delete it, atomically: exactly one caller gets it."""
        return await self.command("GETDEL", key)

    async def delete(self, key: str) -> bool:
        return bool(await self.command("DEL", key))

    async def command(self, *arguments: str | bytes | int) -> Any:
        """Run any single-key command, e.g. ("SADD", key, member)."""
        return await self._run(str(arguments[1]), arguments)

    async def owner(self, key: str) -> str:
        """Return host:port of the master that owns a key, for connections of one's own (clients.live)."""
        try:
            return await self._cluster.owner(key)
        except Lost as error:
            raise _unavailable(error) from error

    def doubt(self) -> None:
        """Such a connection was lost: learn who owns what."""
        self._cluster.doubt()

    async def _run(self, key: str, arguments: tuple[str | bytes | int, ...]) -> Any:
        try:
            return await self._cluster.execute(key, *arguments)
        except (Lost, Refused) as error:
            if isinstance(error, Refused) and error.code == "NOSCRIPT":
                raise
            raise _unavailable(error) from error

    async def script(self, source: str, keys: list[str], arguments: list[str | bytes | int]) -> Any:
        """Run Lua on keys of one hash tag, by digest, loading it when the node does not know it."""
        digest = self._digests.get(source)
        if digest is None:
            digest = self._digests[source] = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        tail = (len(keys), *keys, *arguments)
        try:
            return await self._run(keys[0], ("EVALSHA", digest, *tail))
        except Refused:
            return await self._run(keys[0], ("EVAL", source, *tail))


def _unavailable(error: Lost | Refused) -> Unavailable:
    counter(metrics.REDIS_ERRORS).labels("cluster", type(error).__name__).inc()
    was_sent = isinstance(error, Lost) and error.sent
    return Unavailable("Redis does not answer", retry_after_s=2, may_have_taken_effect=was_sent)
