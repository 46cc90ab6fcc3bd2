"""When the SDK tries again, and when it must not.

Between: sdk.retrying (pure) and nothing else.
"""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.sdk.retrying import NEVER, RetryPolicy
from audifi.wire.problems import InvalidToken, Problem, RateLimited, Unavailable

POLICY = RetryPolicy(jitter=Random(1))  # noqa: S311  # a test's seed


def test_an_idempotent_request_is_repeated_when_the_world_failed() -> None:
    problem = Unavailable(may_have_taken_effect=True)
    assert POLICY.pause_s(problem, made=1, repeatable=True, elapsed_s=0) is not None


def test_a_write_that_may_have_taken_effect_is_never_repeated() -> None:
    problem = Unavailable(may_have_taken_effect=True)
    assert POLICY.pause_s(problem, made=1, repeatable=False, elapsed_s=0) is None


def test_a_write_that_was_never_sent_is_repeated() -> None:
    problem = Unavailable(may_have_taken_effect=False)
    assert POLICY.pause_s(problem, made=1, repeatable=False, elapsed_s=0) is not None


@pytest.mark.parametrize("problem", [InvalidToken(), Problem("a bug")])
def test_an_answer_is_never_repeated(problem: Problem) -> None:
    assert POLICY.pause_s(problem, made=1, repeatable=True, elapsed_s=0) is None


def test_a_rate_limit_is_waited_for_at_least_as_long_as_demanded() -> None:
    pause = POLICY.pause_s(RateLimited(retry_after_s=3), made=1, repeatable=False, elapsed_s=0)
    assert pause is not None
    assert pause >= 3


def test_a_rate_limit_longer_than_our_patience_is_the_callers_decision() -> None:
    assert POLICY.pause_s(RateLimited(retry_after_s=3600), made=1, repeatable=True, elapsed_s=0) is None


def test_a_policy_of_one_attempt_never_repeats() -> None:
    assert NEVER.pause_s(Unavailable(), made=1, repeatable=True, elapsed_s=0) is None


def test_a_policy_that_cannot_make_a_request_is_refused() -> None:
    with pytest.raises(ValueError, match="not a usable policy"):
        RetryPolicy(attempts=0)


@given(made=st.integers(1, 10), elapsed_s=st.floats(0, 60), seed=st.integers(), demanded=st.integers(0, 10))
def test_attempts_and_time_are_bounded(made: int, elapsed_s: float, seed: int, demanded: int) -> None:
    policy = RetryPolicy(jitter=Random(seed))  # noqa: S311
    pause = policy.pause_s(Unavailable(retry_after_s=demanded), made=made, repeatable=True, elapsed_s=elapsed_s)
    if pause is not None:
        assert made < policy.attempts
        assert 0 <= pause <= policy.wait_s_max
        assert elapsed_s + pause < policy.deadline_s
