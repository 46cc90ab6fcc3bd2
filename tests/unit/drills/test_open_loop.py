"""Attempts start when they are due, whatever the answers; what a client knows afterwards follows from the problem.

Between: workloads.open_loop, workloads.workload and answers made up here.
"""

import asyncio

import pytest

from audifi.drills.history import Ended, History
from audifi.drills.workloads.open_loop import flowing, outcome
from audifi.drills.workloads.workload import Ask, Errand
from audifi.local.waiting import NotReady, wait_for
from audifi.wire.problems import Invalid, Problem, RateLimited, Unavailable


def errand(*, is_repeated: bool = False) -> Errand:
    return Errand(
        kind="write", per_s=1, ask=lambda number: Ask(key=str(number), make=answered), is_repeated=is_repeated
    )


async def answered() -> str:
    return ""


@pytest.mark.asyncio
async def test_who_waits_for_an_answer_does_not_delay_the_next_attempt() -> None:
    """Taught by coordinated omission: a closed loop asks a dead platform once, and calls it one failure."""
    history, gate, asked = History(), asyncio.Event(), [0]

    async def make() -> str:
        asked[0] += 1
        await gate.wait()
        return "read"

    async def ten() -> None:
        if asked[0] < 10:
            raise NotReady(f"{asked[0]} asked")

    slow = Errand(kind="read", per_s=200, ask=lambda number: Ask(key=str(number), make=make))
    async with flowing([slow], history):
        await wait_for(ten, within_s=10, saying="ten attempts wait at once", every_s=0.01)
        assert not history.attempts
        gate.set()
    assert len(history.attempts) == asked[0]
    assert {each.ended for each in history.attempts} == {Ended.OK}
    assert all(each.due_us <= each.started_us <= each.ended_us for each in history.attempts)


@pytest.mark.asyncio
async def test_a_bug_of_the_workload_fails_the_run() -> None:
    """What is no Problem is no answer: a KeyError in a workload must not look like a platform that failed."""
    asked = asyncio.Event()

    async def make() -> str:
        asked.set()
        raise KeyError("a bug")

    async def run() -> None:
        async with flowing([Errand(kind="read", per_s=100, ask=lambda _: Ask(key="", make=make))], History()):
            await asked.wait()

    with pytest.raises(KeyError, match="a bug"):
        await run()


@pytest.mark.parametrize(
    ("problem", "ended"),
    [
        (Invalid(), Ended.FAILED),
        (RateLimited(), Ended.FAILED),
        (Unavailable(may_have_taken_effect=False), Ended.FAILED),
        (Unavailable(may_have_taken_effect=True), Ended.UNKNOWN),
        (Problem(), Ended.UNKNOWN),
    ],
)
def test_only_a_refusal_or_a_failure_that_says_so_had_no_effect(problem: Problem, ended: Ended) -> None:
    assert outcome(problem, errand()) is ended


def test_whoever_tried_before_cannot_know() -> None:
    """The last try was refused; the first may have had its effect."""
    assert outcome(Unavailable(may_have_taken_effect=False), errand(is_repeated=True)) is Ended.UNKNOWN
