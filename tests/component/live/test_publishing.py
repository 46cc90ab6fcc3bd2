"""Publishing on a real cluster: in any order and again, the log and the states come out the same."""

import asyncio
import random

import pytest
from tests.component.live.conftest import Redis
from tests.component.live.listening import listening

from audifi.clients.live.publishing import Publisher
from audifi.kernel.cache import Cache
from audifi.kernel.ids import new_id
from audifi.wire.live import feed, protocol

pytestmark = pytest.mark.asyncio


async def _log(cache: Cache, session_id: str) -> list[bytes]:
    return await cache.command("ZRANGE", feed.log(session_id), 0, -1)


def _body(number: int) -> bytes:
    return b'{"type":"chat_message","text":"%d and a blank"}' % number


async def test_events_in_any_order_and_twice_make_one_log(cache: Cache) -> None:
    session_id, publisher = str(new_id()), Publisher(cache)
    seqs = [*range(1, 51), *range(1, 51)]
    random.shuffle(seqs)
    await asyncio.gather(*(publisher.event(session_id, seq, _body(seq)) for seq in seqs))
    found = [feed.parsed_event(each) for each in await _log(cache, session_id)]
    assert found == [(seq, _body(seq)) for seq in range(1, 51)]


async def test_the_log_keeps_the_newest_and_ends_by_itself(cache: Cache) -> None:
    session_id, publisher = str(new_id()), Publisher(cache)
    last = protocol.LOG_EVENTS_MAX + 20
    await asyncio.gather(*(publisher.event(session_id, seq, _body(seq)) for seq in range(1, last + 1)))
    kept = [feed.parsed_event(each)[0] for each in await _log(cache, session_id)]
    assert kept == list(range(21, last + 1))
    assert 0 < int(await cache.command("TTL", feed.log(session_id))) <= protocol.LOG_S


async def test_followers_hear_events_and_states_as_they_are_kept(cache: Cache, redis: Redis) -> None:
    session_id, publisher = str(new_id()), Publisher(cache)
    async with listening(redis.redis_nodes, redis.redis_password.reveal(), session_id) as ear:
        await publisher.event(session_id, 7, _body(7))
        await publisher.state(session_id, 7, 3, "presence", b'{"type":"presence"}')
        await publisher.state(session_id, 7, 1, "reaction_burst", b'{"type":"reaction_burst"}', keep=False)
        event, presence, burst = await ear.heard(3)
    assert feed.parsed_event(event) == (7, _body(7))
    assert feed.parsed_state(presence) == (7, 3, "presence", b'{"type":"presence"}')
    assert feed.parsed_state(burst) == (7, 1, "reaction_burst", b'{"type":"reaction_burst"}')
    kept = await cache.command("HGETALL", feed.states(session_id))
    assert kept == [b"presence", presence]
    assert int(await cache.command("TTL", feed.states(session_id))) > 0


async def test_a_state_that_is_not_newer_is_told_to_nobody(cache: Cache, redis: Redis) -> None:
    session_id, publisher = str(new_id()), Publisher(cache)
    async with listening(redis.redis_nodes, redis.redis_password.reveal(), session_id) as ear:
        told = [await publisher.state(session_id, 1, version, "x", b"{}") for version in (2, 1, 2, 10, 9)]
        heard = [feed.parsed_state(each)[1] for each in await ear.heard(2)]
    assert told == [True, False, False, True, False]
    assert heard == [2, 10]


async def test_the_newest_of_many_at_once_is_kept(cache: Cache) -> None:
    session_id, publisher = str(new_id()), Publisher(cache)
    versions = list(range(1, 101))
    random.shuffle(versions)
    await asyncio.gather(*(publisher.state(session_id, 0, each, "vote_update:a", b"%d" % each) for each in versions))
    kept = await cache.command("HGET", feed.states(session_id), "vote_update:a")
    assert feed.parsed_state(kept) == (0, 100, "vote_update:a", b"100")
