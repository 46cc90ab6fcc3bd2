"""The checkers find what is wrong in a history, and forgive what the client cannot know.

Between: drills.checks and histories written by hand.
Units: moments in seconds here, for reading; the history has microseconds.
"""

import pytest

from audifi.drills import checks
from audifi.drills.checks import Window
from audifi.drills.history import Attempt, Ended, History
from audifi.drills.timing import US


def attempt(kind: str, value: str, from_s: float, to_s: float, ended: Ended = Ended.OK, *, key: str = "ada") -> Attempt:
    began_us = int(from_s * US)
    ended_us = int(to_s * US)
    return Attempt(
        kind=kind, key=key, due_us=began_us, started_us=began_us, ended_us=ended_us, ended=ended, value=value
    )


def history(*attempts: Attempt, **found: list[str]) -> History:
    return History(list(attempts), found)


def test_an_acknowledged_write_that_is_gone_is_lost() -> None:
    """Taught by every failover that promoted a replica which lagged."""
    seen = history(attempt("write", "a", 0, 1), attempt("write", "b", 1, 2), ada=["b"])
    assert checks.lost(seen) == ["write a to ada: acknowledged, and gone"]


def test_an_acknowledged_write_at_another_key_is_lost() -> None:
    """A row that moved to somebody else's account is not there for its owner."""
    assert checks.lost(history(attempt("write", "a", 0, 1), bob=["a"]))


@pytest.mark.parametrize("there", [[], ["a"]])
def test_an_unknown_write_may_be_there_or_not(there: list[str]) -> None:
    """Taught by Jepsen: a time-out says nothing; what appears later is neither lost nor invented."""
    seen = history(attempt("write", "a", 0, 1, Ended.UNKNOWN), ada=there)
    assert not checks.lost(seen) + checks.ghosts(seen) + checks.duplicates(seen)


def test_a_write_that_is_there_twice_is_a_duplicate_whatever_its_client_knew() -> None:
    """Taught by double charges: the first answer was lost, the second try charged again."""
    for ended in Ended:
        seen = history(attempt("buy", "order-12", 0, 1, ended), ada=["order-12", "order-12"])
        assert checks.duplicates(seen) == ["order-12 is there 2 times at ada"]


def test_a_refused_write_that_is_there_is_a_ghost() -> None:
    """An error that says "nothing happened" must be true: its client buys again."""
    seen = history(attempt("buy", "order-12", 0, 1, Ended.FAILED), ada=["order-12"])
    assert checks.ghosts(seen) == ["order-12 is there at ada, and was refused"]


def test_what_nobody_wrote_is_a_ghost() -> None:
    assert checks.ghosts(history(ada=["x"])) == ["x is there at ada, and nobody wrote it"]


def test_a_read_of_what_was_replaced_before_it_began_is_stale() -> None:
    """Taught by a replica that was asked although it lagged behind the caller's own write."""
    seen = history(attempt("set", "a", 0, 1), attempt("set", "b", 2, 3), attempt("get", "a", 3.5, 4))
    assert len(checks.stale(seen)) == 1


def test_a_read_of_nothing_after_an_acknowledged_set_is_stale() -> None:
    assert len(checks.stale(history(attempt("set", "a", 0, 1), attempt("get", "", 2, 3)))) == 1


@pytest.mark.parametrize("value", ["a", "b"])
def test_a_read_beside_a_set_may_see_both(value: str) -> None:
    """It began before the set was acknowledged: either order is right."""
    seen = history(attempt("set", "a", 0, 1), attempt("set", "b", 2, 4), attempt("get", value, 3, 5))
    assert not checks.stale(seen)


def test_a_value_that_was_seen_does_not_go_away_again() -> None:
    """The second set is not acknowledged yet, but somebody has read it: later readers must not see the first."""
    seen = history(
        attempt("set", "a", 0, 1),
        attempt("set", "b", 2, 9),
        attempt("get", "b", 3, 4),
        attempt("get", "a", 5, 6),
    )
    assert len(checks.stale(seen)) == 1


def test_an_unknown_set_may_take_effect_at_any_later_time() -> None:
    """Its request may have waited in the platform until after the next set was acknowledged."""
    seen = history(attempt("set", "a", 0, 1, Ended.UNKNOWN), attempt("set", "b", 2, 3), attempt("get", "a", 4, 5))
    assert not checks.stale(seen)


def test_keys_are_not_compared_with_each_other() -> None:
    seen = history(attempt("set", "a", 0, 1), attempt("set", "b", 2, 3, key="bob"), attempt("get", "a", 4, 5))
    assert not checks.stale(seen)


def test_an_outage_is_the_longest_time_without_an_answer() -> None:
    """Failures in between do not shorten it."""
    seen = [
        attempt("read", "", 1, 1.5),
        attempt("read", "", 2, 2.5, Ended.FAILED),
        attempt("read", "", 3, 7),
        attempt("read", "", 7, 7.5),
    ]
    assert checks.outage_s(seen, Window(0, 9 * US)) == 5.5


@pytest.mark.parametrize(("from_s", "to_s", "outage_s"), [(4, 5, 5), (0, 1, 9)])
def test_an_outage_counts_from_the_window_s_begin_and_to_its_end(from_s: float, to_s: float, outage_s: float) -> None:
    """A platform that never answers again has no gap between answers."""
    assert checks.outage_s([attempt("read", "", from_s, to_s)], Window(0, 10 * US)) == outage_s


def test_no_answer_at_all_is_an_outage_of_the_whole_window() -> None:
    assert checks.outage_s([], Window(0, 10 * US)) == 10
