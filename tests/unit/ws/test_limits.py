"""Limits: never more than the rule in any window as it is counted, and always again after a while."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.gateways.ws.limits import Bucket, Quota, Window
from audifi.gateways.ws.people import QUIET_S, People
from audifi.wire.live import protocol

GAPS = st.lists(st.floats(0, 20), min_size=1, max_size=300)


@given(GAPS, st.integers(1, 20), st.integers(1, 60))
def test_a_window_admits_no_more_than_its_rule(gaps: list[float], count: int, window_s: int) -> None:
    window, now_s = Window((count, window_s)), 1000.0
    admitted: list[float] = []
    for gap in gaps:
        now_s += gap
        if not window.retry_after_s(now_s):
            window.count(now_s)
            admitted.append(now_s)
    for at in admitted:
        fixed = [each for each in admitted if int(each // window_s) == int(at // window_s)]
        assert len(fixed) <= count
        # Counting the last window by its share errs by less than one more rule's worth (kernel.limits).
        assert len([each for each in admitted if at - window_s < each <= at]) < 2 * count + 1


@given(st.integers(1, 50), st.integers(1, 60), st.floats(0, 1000))
def test_waiting_as_told_helps(count: int, window_s: int, start_s: float) -> None:
    window, now_s = Window((count, window_s)), start_s
    while not (wait_s := window.retry_after_s(now_s)):
        window.count(now_s)
    assert 0 < wait_s <= window_s
    tries = 0
    while wait_s := window.retry_after_s(now_s):
        now_s += wait_s + 1e-6
        tries += 1
    assert tries <= 2, "at most into the next window, and then until enough has slid out"


def test_a_user_has_fifty_messages_and_each_kind_its_own() -> None:
    quota = Quota()
    for _ in range(protocol.CHATS[0]):
        assert quota.message("chat", 60.0) == 0
    assert quota.message("chat", 60.0) > 0
    for _ in range(protocol.MESSAGES[0] - protocol.CHATS[0]):
        assert quota.message("ping", 60.0) == 0, "what was refused was not counted"
    for kind in ("ping", "vote", "reaction", ""):
        assert quota.message(kind, 60.0) > 0


def test_three_strikes_within_a_minute_are_too_many() -> None:
    quota = Quota()
    assert [quota.strike(at) for at in (0.0, 30.0, 61.0, 62.0)] == [False, False, False, True]


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_a_bucket_lets_through_its_size_and_then_its_rate(gaps: list[float]) -> None:
    bucket, now_s, taken = Bucket(2.0, 5.0), 50.0, 0
    for gap in gaps:
        now_s += gap
        wait_s = bucket.take(now_s)
        taken += not wait_s
        if wait_s:
            assert not Bucket(2.0, 5.0).take(now_s + wait_s)
    assert taken <= 5 + 2 * (now_s - 50.0) + 1e-6


def test_an_address_has_a_hundred_connections() -> None:
    people: People[int] = People()
    assert all(people.arrive("a") for _ in range(protocol.PER_ADDRESS_MAX))
    assert not people.arrive("a")
    assert people.arrive("b")
    people.gone("a")
    assert people.arrive("a")


def test_a_sixth_connection_names_the_oldest() -> None:
    people: People[int] = People()
    assert [people.seat("u", number) for number in range(6)] == [None] * 5 + [0]
    people.unseat("u", 0)
    people.unseat("u", 0)
    assert people.seat("u", 6) == 1


def test_coming_back_renews_nothing_until_it_was_long_quiet() -> None:
    people: People[int] = People()
    people.seat("u", 1)
    quota = people.quota("u")
    quota.message("chat", 100.0)
    people.unseat("u", 1)
    people.forget(100.0 + QUIET_S)
    assert people.quota("u") is quota
    people.forget(101.0 + QUIET_S)
    assert people.quota("u") is not quota


@pytest.mark.parametrize("kind", ["vote", "chat", "reaction", "ping"])
def test_who_is_connected_keeps_their_quota(kind: str) -> None:
    people: People[int] = People()
    people.seat("u", 1)
    quota = people.quota("u")
    quota.message(kind, 0.0)
    people.forget(1e6)
    assert people.quota("u") is quota
