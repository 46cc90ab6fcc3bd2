"""Hold a platform of one's own for as long as a block of code runs: for tests, benchmarks and drills.

Between: their code (a `with` block, not asynchronous) and local.launch.
Invariant: it cannot outlive its holder: the supervisor notices when our connection ends, even by SIGKILL, and stops
everything. Each holder gets its own directory and ports, so that several may run at once.
Units: *_s seconds.
Errors: StartFailed and other LocalErrors when it does not start; everything is stopped again then.
"""

import asyncio
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from audifi.local import launch, resolution
from audifi.local.errors import LocalError, StartFailed
from audifi.local.logins import Login
from audifi.local.state import Instance
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology

READY_WITHIN_S: Final = 180.0


@dataclass(frozen=True)
class Held:
    """A running platform."""

    instance: Instance
    topology: Topology

    def environment(self, pod: str) -> dict[str, str]:
        """What this pod is told: addresses, roles, passwords of this platform."""
        return resolution.environment(self.instance, self.topology, pod)

    def port(self, pod: str, name: str) -> int:
        return resolution.port(self.instance, self.topology, pod, name)

    def login(self, component: str) -> Login:
        """With which the component signs in to the database now."""
        return resolution.logins(self.instance, self.topology, component)[0]

    def secret(self, name: str) -> str:
        return resolution.secret(self.instance, self.topology, name)

    def public_url(self, domain: str, path: str = "") -> str:
        return resolution.public_url(self.instance, self.topology, domain, path)

    async def units(self) -> dict[str, dict[str, Any]]:
        """Pods and jobs by name: state, pid, restarts, detail, memory_bytes."""
        seen = await launch.status(self.instance)
        return {unit["name"]: unit for unit in seen["units"]}


@contextmanager
def held(path: Path, only: Sequence[str] = ()) -> Generator[Held]:
    """Start a platform in this directory and stop it at the end; its data goes, its logs stay."""
    instance = Instance.at(path)
    _leave_public_ports(instance)
    ready: Future[None] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_hold(instance, only, ready)), name=f"held {path.name}")
    thread.start()
    try:
        ready.result(READY_WITHIN_S)
        yield Held(Instance.at(path), platform("local"))  # anew: the ports are written by now
    finally:
        asyncio.run(launch.stop(instance, with_data=True))
        thread.join()


def _leave_public_ports(instance: Instance) -> None:
    """443 and 80 belong to the platform of the person at this machine: a port that has a number is not given one."""
    for component in platform("local").components:
        for port in component.ports:
            if port.public and component.runs_locally:
                for pod in component.pods:
                    instance.ports.of(pod, port.name)


async def _hold(instance: Instance, only: Sequence[str], ready: "Future[None]") -> None:
    try:
        async for event in launch.start(instance, only, owner="life"):
            if event["event"] == "ready":
                ready.set_result(None)
    except (LocalError, OSError) as error:
        if not ready.done():
            ready.set_exception(error)
    if not ready.done():
        ready.set_exception(StartFailed(f"{instance.path} was stopped before it was ready"))
