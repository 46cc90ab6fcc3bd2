"""Talk to the Redis Cluster: few commands, each within a time-out, every failure an Unavailable."""

from typing import Any, Protocol


class CacheSettings(Protocol):
    """What `Cache.open` reads of the settings."""

    @property
    def redis_nodes(self) -> tuple[str, ...]: ...
    @property
    def redis_password(self) -> Any: ...


class Cache:
    """The Redis Cluster. Keys must carry a hash tag from wire.channels."""

    @classmethod
    async def open(cls, settings: CacheSettings) -> "Cache":
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def ping(self) -> None:
        raise NotImplementedError

    async def get(self, key: str) -> bytes | None:
        raise NotImplementedError

    async def set(self, key: str, value: str | bytes, *, ttl_s: int, only_if_absent: bool = False) -> bool:
        """Return whether it was stored."""
        raise NotImplementedError

    async def take(self, key: str) -> bytes | None:
        """Return the value and delete it, atomically: exactly one caller gets it."""
        raise NotImplementedError

    async def delete(self, key: str) -> bool:
        raise NotImplementedError

    async def command(self, *arguments: str | bytes | int) -> Any:
        """Run any single-key command, e.g. ("SADD", key, member)."""
        raise NotImplementedError

    async def script(self, source: str, keys: list[str], arguments: list[str | bytes | int]) -> Any:
        """Run Lua on keys of one hash tag, by digest, loading it when the node does not know it."""
        raise NotImplementedError
