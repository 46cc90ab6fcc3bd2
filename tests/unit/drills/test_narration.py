"""A step that fails says which one it was, what was expected, and what was found.

Between: drills.journey.narration, drills.journey.crowd and made-up steps.
"""

from typing import Any

import pytest

from audifi.drills.journey.crowd import together
from audifi.drills.journey.narration import JourneyFailed, Mismatch, Narrator, expect
from audifi.wire.problems import SoldOut


def told() -> tuple[Narrator, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    return Narrator(events.append), events


@pytest.mark.asyncio
async def test_a_step_is_told_when_it_begins_and_when_it_ends() -> None:
    narrator, events = told()
    async with narrator.step("a fan buys"):
        narrator.note("by card")
    assert [(event["event"], event["step"]) for event in events] == [
        ("began", "a fan buys"),
        ("note", "a fan buys"),
        ("ended", "a fan buys"),
    ]


@pytest.mark.asyncio
async def test_a_difference_says_both_sides() -> None:
    narrator, _ = told()
    with pytest.raises(JourneyFailed, match=r"(?s)money: shares sold.*expected 40.*found    39"):
        async with narrator.step("money"):
            expect("shares sold", 39, 40)


@pytest.mark.asyncio
async def test_a_refusal_says_its_code_and_request() -> None:
    narrator, _ = told()
    refusal = SoldOut(details={"left": 0})
    refusal.add_note("requestId req_12345678")
    with pytest.raises(JourneyFailed, match=r"(?s)409 SOLD_OUT.*'left': 0.*req_12345678"):
        async with narrator.step("a fan buys"):
            raise refusal


@pytest.mark.asyncio
async def test_a_bug_of_ours_is_no_failed_step() -> None:
    narrator, _ = told()
    with pytest.raises(ZeroDivisionError):
        async with narrator.step("a fan buys"):
            raise ZeroDivisionError


@pytest.mark.asyncio
async def test_a_crowd_does_it_in_its_own_order() -> None:
    async def double(number: int) -> int:
        return number * 2

    assert await together(double, range(20), at_once=3) == [number * 2 for number in range(20)]


@pytest.mark.asyncio
async def test_a_crowd_stops_when_one_fails() -> None:
    async def fail(number: int) -> None:
        if number == 3:
            raise Mismatch("three")

    with pytest.raises(Mismatch, match="three"):
        await together(fail, range(20))
