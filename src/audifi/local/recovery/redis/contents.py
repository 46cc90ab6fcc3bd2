"""Read what is in a Redis, put it into others, and compare the two.

Between: cluster, queue, snapshots (copy and verify) and clients of servers.connect (answers as Redis sent them).
Shape: keys go in batches; a digest is 32 bytes of one key's type, value and expiry.
Why not DEBUG DIGEST: it leaves out a stream's groups and pending entries, and servers refuse DEBUG. Why not compare
DUMPs: the order in which a set or hash is written differs from server to server.
Invariant: values travel as DUMP and RESTORE, so that a stream keeps ids, groups and pending entries, and a key its
exact moment of expiry.
Units: *_ms milliseconds since the epoch.
Errors: RedisError passes.
Source: https://redis.io/docs/latest/commands/restore/ (ABSTTL); /commands/xinfo-stream/ (FULL).
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

BATCH: Final = 500
NEVER_MS: Final = -1
GONE_MS: Final = -2

Keys = Sequence[bytes]
Choose = Callable[[Any, Keys], Awaitable[list[bytes]]]  # (client, keys) → those to copy
Route = Callable[[bytes], Any]  # key → client of the server it belongs to

_READ: Final[Mapping[bytes, tuple[str, ...]]] = {
    b"string": ("GET",),
    b"list": ("LRANGE", "0", "-1"),
    b"set": ("SMEMBERS",),
    b"hash": ("HGETALL",),
    b"zset": ("ZRANGE", "0", "-1", "WITHSCORES"),
}


async def everything(client: Any, keys: Keys) -> list[bytes]:
    """Choose all."""
    del client
    return list(keys)


async def batches(client: Any) -> AsyncGenerator[list[bytes]]:
    """All keys of one server, some at a time."""
    cursor = b"0"
    while True:
        cursor, keys = await client.execute_command("SCAN", cursor, "COUNT", BATCH)
        if keys:
            yield keys
        if cursor == b"0":
            return


async def copied(source: Any, route: Route, choose: Choose = everything) -> int:
    """Put what was chosen where it belongs; return how many keys."""
    count = 0
    async for keys in batches(source):
        chosen = await choose(source, keys)
        dumps = await _piped(source, [("DUMP", key) for key in chosen])
        expiries = await _piped(source, [("PEXPIRETIME", key) for key in chosen])
        groups: dict[int, tuple[Any, list[tuple[Any, ...]]]] = {}
        for key, dump, expires_ms in zip(chosen, dumps, expiries, strict=True):
            if dump is None or expires_ms == GONE_MS:
                continue  # it expired while we looked
            target = route(key)
            moment = 0 if expires_ms == NEVER_MS else expires_ms
            one = ("RESTORE", key, moment, dump, "REPLACE", "ABSTTL")
            groups.setdefault(id(target), (target, []))[1].append(one)
            count += 1
        for target, commands in groups.values():
            await _piped(target, commands)
    return count


async def differing(source: Any, route: Route, choose: Choose = everything) -> list[bytes]:
    """Keys that are not the same where they belong; one whose time has come meanwhile is none."""
    wrong: list[bytes] = []
    async for keys in batches(source):
        chosen = await choose(source, keys)
        here = await digests(source, chosen)
        by_target: dict[int, tuple[Any, list[bytes]]] = {}
        for key in here:
            target = route(key)
            by_target.setdefault(id(target), (target, []))[1].append(key)
        there: dict[bytes, bytes] = {}
        for target, wanted in by_target.values():
            there |= await digests(target, wanted)
        suspects = [key for key, digest in here.items() if there.get(key) != digest]
        wrong += await _alive(source, suspects)
    return wrong


async def digests(client: Any, keys: Keys) -> dict[bytes, bytes]:
    """The digest of each of these that exists."""
    kinds = await _piped(client, [("TYPE", key) for key in keys])
    expiries = await _piped(client, [("PEXPIRETIME", key) for key in keys])
    there = [
        (key, kind, expires_ms)
        for key, kind, expires_ms in zip(keys, kinds, expiries, strict=True)
        if kind != b"none" and expires_ms != GONE_MS
    ]
    values = await _piped(client, [_reading(key, kind) for key, kind, _ in there])
    return {
        key: sha256(repr((kind, _canonical(kind, value), expires_ms)).encode()).digest()
        for (key, kind, expires_ms), value in zip(there, values, strict=True)
        if value is not None
    }


async def count(client: Any) -> int:
    """How many keys it has."""
    return int(await client.execute_command("DBSIZE"))


def _reading(key: bytes, kind: bytes) -> tuple[Any, ...]:
    if kind == b"stream":  # COUNT 0: all entries, all groups, all that is pending
        return ("XINFO", "STREAM", key, "FULL", "COUNT", 0)
    name, *rest = _READ[kind]
    return (name, key, *rest)


def _canonical(kind: bytes, value: Any) -> Any:
    """The same for the same content, whatever server keeps it."""
    match kind:
        case b"set":
            return sorted(value)
        case b"hash":
            return sorted(zip(value[::2], value[1::2], strict=True))
        case b"stream":  # its radix tree's shape is the server's own matter
            pairs = zip(value[::2], value[1::2], strict=True)
            return [(name, part) for name, part in pairs if not name.startswith(b"radix-tree")]
        case _:
            return value


async def _alive(client: Any, keys: Keys) -> list[bytes]:
    expiries = await _piped(client, [("PEXPIRETIME", key) for key in keys])
    now_ms = time.time() * 1000
    return [key for key, at in zip(keys, expiries, strict=True) if at == NEVER_MS or at > now_ms]


async def _piped(client: Any, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    if not commands:
        return []
    pipeline = client.pipeline(transaction=False)
    for one in commands:
        pipeline.execute_command(*one)
    answers: list[Any] = await pipeline.execute()
    return answers
