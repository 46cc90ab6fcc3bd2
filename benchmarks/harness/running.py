"""Give a question a running platform, and what it needs to know about it.

Between: questions and audifi.local (starts, resolves, knows).
Invariant: a platform that ran before keeps running; one that was started for the question is stopped after it.
Errors: LocalError when it cannot start.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from audifi.local import launch
from audifi.local.certificates import authority_directory
from audifi.local.ports import LOOPBACK
from audifi.local.resolution import environment, public_url
from audifi.local.state import Instance
from audifi.topology.declaration import platform
from benchmarks.harness.processes import family
from benchmarks.harness.result import ROOT


@dataclass(frozen=True)
class Platform:
    """One that runs."""

    instance: Instance

    def url(self, pod: str) -> str:
        """The pod's own address, past gateway and edge."""
        return f"http://{self.instance.ports.address(pod, 'http')}"

    def public_url(self) -> str:
        """The API as a user sees it."""
        return public_url(self.instance, platform("local"), "api")

    @property
    def ca_file(self) -> Path:
        return authority_directory(self.instance.path) / "ca.pem"

    def told(self, pod: str) -> dict[str, str]:
        """The pod's environment."""
        return environment(self.instance, platform("local"), pod)

    async def pids(self, component: str) -> list[int]:
        """Every process of a component's pods."""
        seen = await launch.status(self.instance)
        parents = [unit["pid"] for unit in seen["units"] if unit["component"] == component and unit["pid"]]
        return [pid for parent in parents for pid in family(parent)]

    async def pid(self, pod: str) -> int:
        """The process of a service's pod."""
        seen = await launch.status(self.instance)
        return next(unit["pid"] for unit in seen["units"] if unit["name"] == pod)


@asynccontextmanager
async def platform_for(question: str, given: Path | None) -> AsyncGenerator[Platform]:
    """The given instance if it runs, else one of our own, stopped and removed afterwards."""
    if given is not None and Instance.at(given).running() is not None:
        yield Platform(Instance.at(given))
        return
    instance = Instance.at(ROOT / ".audifi" / f"bench-{question}")
    try:
        await launch.bring_up(instance)
        yield Platform(instance)
    finally:
        await launch.stop(instance, with_data=True)


def loopback(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"
