"""What is done side by side ends as one: all of it, or the first error with nothing left running."""

import asyncio

import pytest

from audifi.local.errors import LocalError
from audifi.local.waiting import side_by_side

pytestmark = pytest.mark.asyncio


async def test_all_of_it_is_done() -> None:
    done: list[int] = []

    async def noted(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)

    await side_by_side(noted(number) for number in range(3))
    assert sorted(done) == [0, 1, 2]


async def test_the_first_error_ends_the_others_and_is_raised_as_it_is() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    async def refused() -> None:
        raise LocalError("it is not ready again")

    with pytest.raises(LocalError, match="not ready again"):
        await side_by_side([endless(), refused()])
    assert ended == ["endless"]
