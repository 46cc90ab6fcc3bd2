"""Talk to the Redis Cluster: few commands, each within a time-out, every failure an Unavailable.

Between: sessions, limits, stores of services (short-lived state) and the cluster.
Shape: keys carry a hash tag from wire.channels, so that one script's keys share a slot.
Units: ttl_s seconds; nothing is stored without an end (the cluster refuses writes when full, it does not evict).
Why a deadline over the library's retries: a failover takes up to 5 s; a request that can do without Redis (limits,
reads) must know after COMMAND_S, not then. The library keeps looking for the new master in the meantime.
Errors: Unavailable, with may_have_taken_effect for commands that were sent.
Source: domain.md 5.6; redis-py 8 `RedisCluster`.
"""

import asyncio
import hashlib
import socket
from typing import Any, Final, Protocol, Self

from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from audifi.kernel.metrics import counter
from audifi.kernel.settings import Secret
from audifi.wire import metrics
from audifi.wire.problems import Unavailable

COMMAND_S: Final = 1.0
CONNECT_S: Final = 0.5
TOLERATED: Final = 3
REST_S: Final = 0.25
CONNECTIONS_MAX: Final = 32  # per node and pod
_FAILURES: Final = (
    RedisError,
    RedisClusterException,
    OSError,
    TimeoutError,
    asyncio.IncompleteReadError,
    KeyError,
    IndexError,
)


class CacheSettings(Protocol):
    """What `Cache.open` reads of the settings."""

    @property
    def redis_nodes(self) -> tuple[str, ...]: ...
    @property
    def redis_password(self) -> Secret: ...


class Cache:
    """The Redis Cluster. Keys must carry a hash tag from wire.channels."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client
        self._digests: dict[str, str] = {}
        self._failures = 0
        self._closed_until = 0.0
        # The library refuses a command when a node's connections are all in use, instead of waiting for one.
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)

    @classmethod
    async def open(cls, settings: CacheSettings) -> Self:
        """Make the client; it looks the cluster up at the first command, so a pod starts while Redis is away."""
        nodes = [ClusterNode(*_address(node)) for node in settings.redis_nodes]
        client = RedisCluster(
            startup_nodes=nodes,
            password=settings.redis_password.reveal(),
            socket_connect_timeout=CONNECT_S,
            socket_timeout=COMMAND_S,
            socket_keepalive=True,
            socket_keepalive_options={socket.TCP_KEEPIDLE: 5, socket.TCP_KEEPINTVL: 2, socket.TCP_KEEPCNT: 2},
            max_connections=CONNECTIONS_MAX,
            retry=Retry(ConstantBackoff(0.05), 3),
            require_full_coverage=False,
        )
        return cls(client)

    async def close(self) -> None:
        await self._client.aclose()

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
        now = asyncio.get_running_loop().time()
        if now < self._closed_until:
            raise Unavailable("Redis did not answer a moment ago", retry_after_s=1)
        try:
            async with asyncio.timeout(COMMAND_S), self._free:
                answer = await self._client.execute_command(*arguments)
        except NoScriptError:
            raise
        except _FAILURES as error:
            self._note_failure(now)
            raise _unavailable(error) from error
        self._failures = 0
        return answer

    def _note_failure(self, now: float) -> None:
        # After TOLERATED failures in a row, everybody is told at once, but for one try every REST_S: a request that
        # can do without Redis should not wait COMMAND_S for each of its commands to find that out.
        self._failures += 1
        if self._failures >= TOLERATED:
            self._closed_until = now + REST_S + COMMAND_S

    async def script(self, source: str, keys: list[str], arguments: list[str | bytes | int]) -> Any:
        """Run Lua on keys of one hash tag, by digest, loading it when the node does not know it."""
        digest = self._digests.get(source)
        if digest is None:
            digest = self._digests[source] = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        try:
            return await self.command("EVALSHA", digest, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.command("EVAL", source, len(keys), *keys, *arguments)


def _address(node: str) -> tuple[str, int]:
    host, _, port = node.rpartition(":")
    return host, int(port)


def _unavailable(error: BaseException) -> Unavailable:
    counter(metrics.REDIS_ERRORS).labels("cluster", type(error).__name__).inc()
    return Unavailable("Redis does not answer", retry_after_s=2, may_have_taken_effect=isinstance(error, TimeoutError))
