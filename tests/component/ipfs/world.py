"""Hold what a test of pins works with: keepers, knobs, a clock to move, and what really is at the providers.

Between: the tests of this folder and clients.ipfs.
Units: seconds.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from tests.support.clock import MovableClock

from audifi.clients.ipfs import ledger
from audifi.clients.ipfs.audit import Fault, Finding
from audifi.clients.ipfs.cids import Cid
from audifi.clients.ipfs.client import Ipfs
from audifi.clients.ipfs.content import Content
from audifi.clients.ipfs.pins import ContentStatus
from audifi.clients.ipfs.policy import PinPolicy
from audifi.kernel.database import Database
from audifi.kernel.settings import parse
from audifi.local.waiting import NotReady, wait_for
from audifi.services.worker.settings import WorkerSettings

POD = "worker-1"
TABLES = ("contents", "pins", "preservations")
HASTY = PinPolicy(
    poll_s=0.05,
    backoff_first_s=0.05,
    backoff_max_s=0.4,
    queued_poll_s=0.05,
    doubt_s=0.5,
    attempts_max=12,
    open_s=0.3,
    read_s=2.0,
    api_per_minute=1e6,
    list_per_minute=1e6,
)


class StandIn:
    """The control port of one stand-in."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self._url + path, json=body) as response,
        ):
            text = await response.text()
            assert response.status < 300, text
            return await response.json() if text else None

    async def misbehave(self, **faults: object) -> None:
        await self._call("PUT", "/faults", faults)

    async def heal(self) -> None:
        await self._call("DELETE", "/faults")
        await self._call("DELETE", "/counts")

    async def counts(self) -> dict[str, int]:
        return await self._call("GET", "/counts")


def told(environment: dict[str, str], directory: Path) -> WorkerSettings:
    return parse(WorkerSettings, {**environment, "CONTENT_DIRECTORY": str(directory / "content"), "REPLICAS": "1"})


@dataclass
class World:
    """One test's providers, database and keepers."""

    environment: dict[str, str]
    directory: Path
    settings: WorkerSettings
    database: Database
    standins: dict[str, StandIn]
    clock: MovableClock = field(default_factory=MovableClock)
    _opened: list[Ipfs] = field(default_factory=list[Ipfs])

    def ipfs(self, policy: PinPolicy = HASTY) -> Ipfs:
        """Everything made afresh: what a restarted pod is."""
        made = Ipfs.open(self.settings, self.database, self.clock, policy=policy)
        self._opened.append(made)
        return made

    async def close(self) -> None:
        for each in self._opened:
            await each.close()

    async def heal(self) -> None:
        for standin in self.standins.values():
            await standin.heal()

    async def wanted(self, ipfs: Ipfs, data: bytes | None = None) -> Content:
        """Content nobody else has, promised."""
        content = await ipfs.shelf.add(data or secrets.token_bytes(3000))
        async with self.database.transaction() as tx:
            await ipfs.pins.want(tx, content)
        return content

    async def status(self, ipfs: Ipfs, cid: str) -> ContentStatus:
        async with self.database.read_primary() as connection:
            found = await ipfs.pins.status(connection, cid)
        assert found is not None, cid
        return found

    async def kept(self, ipfs: Ipfs, cid: str, *, states: str = "verified verified", within_s: float = 20) -> None:
        """Turn until the pins (Pinata's, then the other's) stand so."""

        async def stand() -> None:
            await ipfs.keeper.turn()
            status = await self.status(ipfs, cid)
            found = " ".join(pin.state for pin in status.pins)
            if found != states:
                raise NotReady(f"{found}: {[pin.last_error for pin in status.pins]}")

        await wait_for(stand, within_s=within_s, saying=f"{cid} is {states}", every_s=0.02)

    async def remote(self, ipfs: Ipfs, cid: str) -> dict[str, int]:
        """How often each provider really has it."""
        parsed = Cid.parse(cid)
        return {provider.name: len(await provider.find(parsed)) for provider in ipfs.providers}

    def wrong(self, findings: Sequence[Finding]) -> list[Finding]:
        """Findings without what other tests left at the providers."""
        return [finding for finding in findings if finding.fault is not Fault.EXTRA]

    async def pin(self, cid: str, provider: str) -> ledger.Pin:
        async with self.database.read_primary() as connection:
            return next(pin for pin in await ledger.pins_of(connection, [cid]) if pin.provider == provider)
