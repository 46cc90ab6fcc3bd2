"""Heights that go back are found, and only those."""

from audifi.drills.history import Attempt, Ended
from audifi.drills.workloads.chain_reads import went_back


def read(started_us: int, ended_us: int, height: int, key: str = "base") -> Attempt:
    return Attempt(
        kind="read",
        key=key,
        due_us=started_us,
        started_us=started_us,
        ended_us=ended_us,
        ended=Ended.OK,
        value=str(height),
    )


def test_a_height_below_one_that_was_answered_before_the_question_is_found() -> None:
    assert went_back([read(0, 10, 7), read(11, 20, 6)]) == ["base: height 6 after 7 had been read"]


def test_reads_under_way_together_may_be_answered_in_any_order() -> None:
    assert went_back([read(0, 10, 7), read(9, 12, 6)]) == []


def test_chains_are_compared_with_themselves_alone() -> None:
    assert went_back([read(0, 10, 7), read(11, 20, 6, "polygon")]) == []
