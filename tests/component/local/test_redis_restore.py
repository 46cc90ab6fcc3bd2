"""Snapshots of Redis come back as they were, beside and in place; what is damaged is refused and nothing is touched.

Between: tests, local.recovery.redis and a cluster and a queue of their own.
Units: *_s seconds.
Source: domain.md 7; architecture.md 6.4 (no acknowledged event is lost).
"""

import asyncio
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio.cluster import RedisCluster
from tests.support.instances import instance

from audifi.local import launch
from audifi.local.held import Held
from audifi.local.recovery.redis import aof, cluster, queue, servers, snapshots
from audifi.local.recovery.redis.sealing import Unreadable
from audifi.local.recovery.redis.snapshots import Damaged, Snapshot
from audifi.local.recovery.secrets.history import History
from audifi.local.waiting import NotReady, wait_for
from audifi.wire import channels

CLUSTER = "redis-cluster"
QUEUE = "redis-queue"
STREAM = "events:test"
LIMITS = 300
EVENTS = 40
PENDING = 7


@pytest.fixture(scope="module")
def redis(request: pytest.FixtureRequest) -> Generator[Held]:
    """Both kinds of Redis, and nothing else."""
    with instance(request, "redis-restore", (CLUSTER, QUEUE)) as running:
        yield running


def _heard() -> list[str]:
    return []


def _cluster(redis: Held) -> Any:
    return RedisCluster(
        host="127.0.0.1", port=redis.port("redis-cluster-1", "redis"), password=redis.secret("redis-cluster-password")
    )


def _queue(redis: Held, pod: str = "redis-queue-1") -> Any:
    return servers.connect(redis.port(pod, "redis"), redis.secret("redis-queue-password"))


async def _fill(redis: Held) -> None:
    client = _cluster(redis)
    for number in range(LIMITS):
        await client.set(channels.rate_limit("ip", f"{number}", "test"), number, px=86_400_000 + number)
    limit = channels.failures("ip", "many", "test")
    await client.zadd(limit, {f"{number}": number / 3 for number in range(500)})
    await client.sadd(f"{limit}:set", *range(600))
    await client.hset(f"{limit}:hash", mapping={f"{number}": "x" * number for number in range(200)})
    await client.rpush(f"{limit}:list", *range(300))
    await client.set(channels.session("kept"), "revoked", ex=3600)
    await client.set(channels.session("renewed"), "{}", ex=3600)
    await client.set(channels.siwe_nonce("once"), "{}", ex=3600)
    await client.aclose()


async def _all(redis: Held) -> int:
    client = _cluster(redis)
    sizes = await client.dbsize(target_nodes=RedisCluster.PRIMARIES)
    await client.aclose()
    return int(sizes)


async def _append(redis: Held, count: int) -> None:
    client = _queue(redis)
    for number in range(count):
        await client.execute_command("XADD", STREAM, "*", "event", number)
    assert await client.execute_command("WAIT", 1, 5000) == 1
    await client.aclose()


async def _with_group(redis: Held) -> queue.Standing:
    """Fill the queue; some events are delivered and not acknowledged."""
    client = _queue(redis)
    await client.execute_command("DEL", STREAM)
    await client.execute_command("XGROUP", "CREATE", STREAM, "worker", "0", "MKSTREAM")
    await _append(redis, EVENTS)
    await client.execute_command("XREADGROUP", "GROUP", "worker", "w1", "COUNT", PENDING, "STREAMS", STREAM, ">")
    await client.aclose()
    return queue.Standing(streams=1, entries=EVENTS, groups=1, pending=PENDING)


async def _standing(redis: Held) -> queue.Standing:
    client = _queue(redis)
    found = await queue.counted(client)
    await client.aclose()
    return found


@pytest.mark.asyncio
async def test_a_snapshot_is_restored_into_a_cluster_of_another_shape(redis: Held) -> None:
    await _fill(redis)
    taken = await snapshots.take(redis.instance, redis.topology, CLUSTER)
    assert (len(taken.parts), taken.keys) == (3, await _all(redis))
    heard = _heard()
    restored = await cluster.beside(redis.instance, taken, masters=2, tell=heard.append)
    assert (restored.keys, restored.left_out) == (taken.keys, 0)
    assert not any(path.suffix == ".rdb" for path in redis.instance.path.rglob("*.rdb") if "backups" in path.parts)


@pytest.mark.asyncio
async def test_a_cluster_that_lost_all_files_gets_back_what_nobody_makes_anew(redis: Held) -> None:
    await _fill(redis)
    taken = await snapshots.take(redis.instance, redis.topology, CLUSTER)
    await launch.halt(redis.instance, CLUSTER, by_force=True)
    for pod in redis.topology.component(CLUSTER).pods:
        shutil.rmtree(redis.instance.data(pod))
    restored = await cluster.in_place(redis.instance, redis.topology, taken, _heard().append)
    assert (restored.keys, restored.left_out) == (LIMITS + 5, 2)
    client = _cluster(redis)
    assert await client.get(channels.rate_limit("ip", "7", "test")) == b"7"
    assert await client.get(channels.session("kept")) == b"revoked", "a revoked session must not come back"
    assert await client.get(channels.session("renewed")) is None
    assert await client.get(channels.siwe_nonce("once")) is None, "a nonce would be valid twice"
    await client.aclose()
    await wait_for(lambda: _all_ready(redis), within_s=30, saying="every replica is linked")


@pytest.mark.asyncio
async def test_a_damaged_snapshot_is_refused_and_nothing_is_touched(redis: Held) -> None:
    await _fill(redis)
    taken = await snapshots.take(redis.instance, redis.topology, CLUSTER)
    before = {name: unit["pid"] for name, unit in (await redis.units()).items()}
    sealed = taken.file(taken.parts[1])
    whole = sealed.read_bytes()
    sealed.write_bytes(whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:])
    with pytest.raises(Damaged, match="checksum"):
        await cluster.in_place(redis.instance, redis.topology, taken, _heard().append)
    resealed = _with_checksum_of(taken, sealed)
    with pytest.raises(Unreadable, match="damaged"):
        await snapshots.verify(redis.instance, resealed)
    assert {name: unit["pid"] for name, unit in (await redis.units()).items()} == before


def _with_checksum_of(taken: Snapshot, sealed: Path) -> Snapshot:
    """As if somebody had changed the manifest too."""
    parts = tuple(
        snapshots.Part(pod=part.pod, keys=part.keys, size_bytes=part.size_bytes, sha256=snapshots.sha256(sealed))
        if taken.file(part) == sealed
        else part
        for part in taken.parts
    )
    return Snapshot(directory=taken.directory, component=taken.component, parts=parts)


@pytest.mark.asyncio
async def test_another_key_opens_nothing(redis: Held) -> None:
    taken = await snapshots.take(redis.instance, redis.topology, QUEUE)
    identity = History(redis.instance.path).identity
    kept = identity.with_name("kept")
    identity.rename(kept)
    try:
        other = History(redis.instance.path / "other")
        other.record("nothing", "", what="made")
        shutil.copyfile(other.identity, identity)
        with pytest.raises(Unreadable):
            await queue.beside(redis.instance, taken, _heard().append)
    finally:
        kept.replace(identity)
    await queue.beside(redis.instance, taken, _heard().append)


@pytest.mark.asyncio
async def test_a_queue_that_lost_its_file_waits_and_takes_its_replicas(redis: Held) -> None:
    filled = await _with_group(redis)
    await launch.halt(redis.instance, "redis-queue-1", by_force=True)
    shutil.rmtree(redis.instance.data("redis-queue-1"))
    resuming = asyncio.create_task(launch.resume(redis.instance, "redis-queue-1"))
    await wait_for(lambda: _refuses(redis), within_s=20, saying="the primary refuses to start empty")
    restored = await queue.in_place(redis.instance, redis.topology, "replica", None, _heard().append)
    await asyncio.gather(resuming, return_exceptions=True)
    assert restored.standing == filled
    assert await _standing(redis) == filled
    await wait_for(lambda: _all_ready(redis), within_s=30, saying="the replica is linked again")


@pytest.mark.asyncio
async def test_a_queue_comes_back_from_its_snapshot_with_what_was_pending(redis: Held) -> None:
    filled = await _with_group(redis)
    taken = await snapshots.take(redis.instance, redis.topology, QUEUE)
    await _append(redis, 5)
    restored = await queue.in_place(redis.instance, redis.topology, "snapshot", taken, _heard().append)
    assert restored.standing == filled
    assert await _standing(redis) == filled


@pytest.mark.asyncio
async def test_a_cut_end_is_dropped_and_a_damaged_middle_is_refused(redis: Held) -> None:
    filled = await _with_group(redis)
    await launch.halt(redis.instance, QUEUE, by_force=True)
    file = max((redis.instance.data("redis-queue-1") / aof.FOLDER).glob("*.incr.aof"))
    whole = file.read_bytes()
    cut = b"*5\r\n$4\r\nXADD\r\n$11\r\nevents:te"
    file.write_bytes(whole + cut)
    restored = await queue.in_place(redis.instance, redis.topology, "own", None, _heard().append)
    assert (restored.standing, restored.dropped_bytes) == (filled, len(cut))
    await launch.halt(redis.instance, QUEUE)
    file = max((redis.instance.data("redis-queue-1") / aof.FOLDER).glob("*.incr.aof"))
    whole = file.read_bytes()
    # A length that reaches beyond the end: Redis would take it for a cut end and drop all that follows.
    place = whole.index(b"$5\r\nevent", len(whole) // 2)
    file.write_bytes(whole[:place] + b"$50000" + whole[place + 2 :])
    with pytest.raises(aof.Damaged, match="more follows"):
        await queue.in_place(redis.instance, redis.topology, "own", None, _heard().append)
    restored = await queue.in_place(redis.instance, redis.topology, "replica", None, _heard().append)
    assert restored.standing == filled


async def _refuses(redis: Held) -> None:
    detail = (await redis.units())["redis-queue-1"]["detail"]
    if "has lost its append-only file" not in detail:
        raise NotReady(detail)


async def _all_ready(redis: Held) -> None:
    bad = {
        name: unit["detail"] for name, unit in (await redis.units()).items() if unit["state"] not in ("ready", "done")
    }
    if bad:
        raise NotReady(f"{bad}")
