"""Sessions and the Redis Cluster: what is stored is found, what is revoked stays revoked."""

import asyncio
import time

import pytest

from audifi.kernel.cache import Cache
from audifi.kernel.identity import Mfa
from audifi.kernel.ids import new_id
from audifi.kernel.sessions import SessionRecord, Sessions
from audifi.wire import channels

pytestmark = pytest.mark.asyncio


def record() -> SessionRecord:
    now = int(time.time())
    return SessionRecord(
        user_id=str(new_id()), roles=("USER",), mfa=Mfa.NONE, created_s=now, expires_s=now + 60, device="test"
    )


async def test_what_was_put_is_found(cache: Cache) -> None:
    sessions, identity, stored = Sessions(cache), str(new_id()), record()
    assert await sessions.find(identity) is None
    assert await sessions.put(identity, stored, ttl_s=60)
    assert await sessions.find(identity) == stored


async def test_a_revoked_session_does_not_come_back(cache: Cache) -> None:
    sessions, identity = Sessions(cache), str(new_id())
    await sessions.put(identity, record(), ttl_s=60)
    await sessions.revoke(identity, tombstone_s=60)
    assert await sessions.find(identity) is None
    assert not await sessions.put(identity, record(), ttl_s=60)
    assert await sessions.find(identity) is None


async def test_exactly_one_of_many_takes_a_value(cache: Cache) -> None:
    key = channels.siwe_nonce(str(new_id()))
    assert await cache.set(key, "once", ttl_s=30, only_if_absent=True)
    assert not await cache.set(key, "twice", ttl_s=30, only_if_absent=True)
    taken = await asyncio.gather(*(cache.take(key) for _ in range(100)))
    assert [value for value in taken if value is not None] == [b"once"]


async def test_all_masters_answer_ping(cache: Cache) -> None:
    await cache.ping()
