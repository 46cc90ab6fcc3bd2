"""Keys of the cluster: each family lies on the master the design gives it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.wire import channels, streams

FAMILIES = {1: channels.SESSION_TAGS, 2: channels.LIMIT_TAGS, 3: channels.VSTUDIO_TAGS}


def test_the_checksum_is_redis_own() -> None:
    assert channels.slot("123456789") == 0x31C3 % channels.SLOTS  # the specification's check value
    assert channels.slot("{user1000}.following") == channels.slot("user1000")


@pytest.mark.parametrize("master", [1, 2, 3])
def test_every_tag_lies_in_its_masters_range(master: int) -> None:
    first, last = channels.SLOT_RANGES[master]
    slots = {channels.slot(tag) for tag in FAMILIES[master]}
    assert all(first <= slot <= last for slot in slots)
    assert len(slots) == 16


@given(st.text(min_size=1, max_size=60))
def test_any_id_lands_on_the_right_master(identity: str) -> None:
    keys = {
        1: (channels.session(identity), channels.user_sessions(identity), channels.siwe_nonce(identity)),
        2: (channels.rate_limit("ip", identity, "any"), channels.rate_limit("value", identity, "mail")),
        3: (channels.vstudio(identity, "state"), channels.vstudio(identity, "seq")),
    }
    for master, found in keys.items():
        first, last = channels.SLOT_RANGES[master]
        assert all(first <= channels.slot(key) <= last for key in found)
        assert len({channels.slot(key) for key in found}) == 1


def test_retries_wait_as_long_as_the_domain_says() -> None:
    assert [streams.retry_after_s(tries) for tries in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert streams.of_event("user.created") == "events:user"
