"""Give system tests people, and a platform in which everything is ready before each test and after it.

Between: tests/conftest.py (`platform`), tests/system/visitors.py and the tests.
Invariant: a test that breaks something leaves a whole platform to the next one: what does not come back fails here.
Units: *_s seconds.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.system.visitors import Visitors, visitors

from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for

WHOLE_WITHIN_S = 90.0


async def everything_is_ready(platform: Held) -> None:
    """Raise NotReady with what is not."""
    bad = {
        name: f"{unit['state']}: {unit['detail']}"
        for name, unit in (await platform.units()).items()
        if unit["state"] not in {"ready", "done"}
    }
    if bad:
        raise NotReady(f"{bad}")


@pytest_asyncio.fixture
async def people(platform: Held) -> AsyncIterator[Visitors]:
    """Visitors of a whole platform."""
    await wait_for(lambda: everything_is_ready(platform), within_s=WHOLE_WITHIN_S, saying="everything is ready")
    async with visitors(platform) as made:
        yield made
    await wait_for(lambda: everything_is_ready(platform), within_s=WHOLE_WITHIN_S, saying="everything is ready again")


@pytest.fixture
def figure(record_property: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> "Figure":
    """Report a measured number: printed, and kept in the JUnit report."""
    return Figure(record_property, capsys)


class Figure:
    """Prints `name: value unit` even when the test passes."""

    def __init__(self, record: object, capsys: pytest.CaptureFixture[str]) -> None:
        self._record = record
        self._capsys = capsys

    def __call__(self, name: str, value: float, unit: str) -> None:
        assert callable(self._record)
        self._record(name, f"{value:g} {unit}")
        with self._capsys.disabled():
            print(f"\n  measured: {name} = {value:.3g} {unit}")  # noqa: T201  # the figure is the point
