"""Start the chains and both RPC providers' stand-ins once for all tests here.

Between: audifi.local (starts them), driver.py (speaks to them) and the tests.
Invariant: every test begins and ends with no faults and nothing counted.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.component.standins.rpc.driver import Provider
from tests.support.instances import instance

from audifi.local import knobs
from audifi.local.held import Held

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="session")
def outside(request: pytest.FixtureRequest) -> Iterator[Held]:
    """Three chains and two providers in front of them."""
    with instance(request, "rpc", ("alchemy", "infura")) as running:
        yield running


@pytest_asyncio.fixture
async def alchemy(outside: Held) -> AsyncIterator[Provider]:
    """The stand-in of Alchemy, well-behaved."""
    async with _behaving(outside, "alchemy") as provider:
        yield provider


@pytest_asyncio.fixture
async def infura(outside: Held) -> AsyncIterator[Provider]:
    """The stand-in of Infura, well-behaved."""
    async with _behaving(outside, "infura") as provider:
        yield provider


class _behaving:  # noqa: N801  # used as a function
    def __init__(self, outside: Held, name: str) -> None:
        self._provider = Provider.of(outside, name)

    async def __aenter__(self) -> Provider:
        await self._clear()
        return self._provider

    async def __aexit__(self, *_: object) -> None:
        await self._clear()
        await self._provider.session.close()

    async def _clear(self) -> None:
        await knobs.clear_faults(self._provider.control)
        await knobs.clear_counts(self._provider.control)
