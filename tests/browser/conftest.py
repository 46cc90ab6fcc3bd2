"""Give browser tests a platform, its addresses, and a browser that trusts its authority.

Between: tests/conftest.py (`platform`), tests/browser/chromium.py and the tests.
Errors: a skip that names the package when the browser is not installed; with CI=true that is a failure.
"""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from tests.browser.chromium import Browser, binary, chromium

from audifi.local.certificates import authority_directory
from audifi.local.components import edge
from audifi.local.held import Held
from audifi.targets.nginx.edge import Edge

WANTED = "is not installed (packages-test.apt lists it)"


@dataclass(frozen=True)
class Site:
    """The public addresses of a running platform."""

    platform: Held

    def url(self, domain: str, path: str = "") -> str:
        return self.platform.public_url(domain, path)

    def api(self, path: str) -> str:
        return self.platform.public_url("api", f"/v1{path}")

    @property
    def edge(self) -> Edge:
        """What the edge was rendered from."""
        return edge.edge(self.platform.instance, self.platform.topology)

    @property
    def authority(self) -> Path:
        return authority_directory(self.platform.instance.path) / "ca.pem"


@pytest.fixture(scope="session")
def installed() -> None:
    """Skip early: before the platform is started."""
    if binary() is None:
        pytest.skip(f"chromium {WANTED}")
    if shutil.which("certutil") is None:
        pytest.skip(f"certutil (libnss3-tools) {WANTED}")


@pytest.fixture
def site(installed: None, platform: Held) -> Site:
    return Site(platform)


@pytest_asyncio.fixture
async def browser(site: Site, tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser that nobody used before."""
    async with chromium(tmp_path, trusting=site.authority) as running:
        yield running
