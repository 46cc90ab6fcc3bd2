"""The rules of pins: when content may be published, how long a failing pin is tried, when a provider is left alone."""

import random
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from audifi.clients.ipfs.breaker import FAILURES_MAX, OPEN_S, SUCCESSES_MIN, Breaker
from audifi.clients.ipfs.ledger import STATES, Pin
from audifi.clients.ipfs.policy import GOOD, PinPolicy, Standing, is_mintable, standing

NOW = datetime(2026, 11, 23, tzinfo=UTC)
states = st.sampled_from(STATES)


def _pin(provider: str, state: str) -> Pin:
    return Pin(
        cid="bafk",
        provider=provider,
        state=state,
        remote_id=None,
        attempts=0,
        next_at=NOW,
        verified_at=None,
        last_error=None,
    )


@given(states, st.lists(states, max_size=3))
def test_only_a_verified_first_copy_and_another_may_be_minted(first: str, others: list[str]) -> None:
    pins = [_pin("pinata", first), *(_pin(f"other-{number}", state) for number, state in enumerate(others))]
    assert is_mintable(pins) == (first == "verified" and any(state in GOOD for state in others))
    if is_mintable(pins):
        assert standing(pins) is not Standing.UNPINNED


@given(st.lists(states, max_size=4))
def test_a_standing_is_as_good_as_its_copies(found: list[str]) -> None:
    pins = [_pin(f"provider-{number}", state) for number, state in enumerate(found)]
    good = [state for state in found if state in GOOD]
    assert (standing(pins) is Standing.UNPINNED) == (not good)
    assert (standing(pins) is Standing.PINNED) == (bool(found) and set(found) == {"verified"})


@given(st.integers(0, 10_000), st.integers())
def test_backoff_grows_to_its_limit(attempts: int, seed: int) -> None:
    policy = PinPolicy()
    wait_s = policy.backoff(attempts, random.Random(seed)).total_seconds()  # noqa: S311  # jitter
    assert 0.9 * policy.backoff_first_s <= wait_s <= 1.1 * policy.backoff_max_s


def test_a_failing_pin_is_tried_for_about_two_hours() -> None:
    policy = PinPolicy(jitter=0)
    chooser = random.Random(0)  # noqa: S311  # jitter
    waited_s = sum(policy.backoff(n, chooser).total_seconds() for n in range(1, policy.attempts_max))
    assert 1.8 * 3600 < waited_s < 2.2 * 3600


class Time:
    """A clock that stands still unless moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_breaker_opens_after_failures_in_a_row_and_closes_after_successes() -> None:
    time = Time()
    breaker = Breaker("test", time)
    for _ in range(FAILURES_MAX - 1):
        breaker.fail()
    breaker.succeed()
    for _ in range(FAILURES_MAX - 1):
        breaker.fail()
    assert breaker.allowance(8) == 8
    breaker.fail()
    assert (breaker.allowance(8), breaker.is_open) == (0, True)
    time.now_s += OPEN_S
    assert breaker.allowance(8) == 1, "one try at a time"
    breaker.fail()
    assert breaker.allowance(8) == 0
    time.now_s += OPEN_S
    for _ in range(SUCCESSES_MIN):
        assert breaker.allowance(8) == 1
        breaker.succeed()
    assert breaker.allowance(8) == 8


@given(st.lists(st.sampled_from(["fail", "succeed", "trip", "wait"]), max_size=60))
def test_an_open_breaker_lets_nothing_pass(events: list[str]) -> None:
    time = Time()
    breaker = Breaker("test", time)
    for event in events:
        if event == "wait":
            time.now_s += OPEN_S / 2
        else:
            getattr(breaker, event)()
        assert breaker.allowance(5) in (0, 1, 5)
        assert breaker.is_open == (breaker.allowance(5) == 0)
        if event == "trip":
            assert breaker.is_open
