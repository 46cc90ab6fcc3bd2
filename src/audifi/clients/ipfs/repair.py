"""Put right what an audit found, without ever giving up the last copy of anything.

Between: operators (`audifi pins repair`), audit (the findings), and providers, restorer, ledger, keeper.

In which order: first the bytes are made safe, on our disk or fetched from a gateway that still has them, every block
proved; only then a copy that is missing or wrongly served is given up at its provider and made due again. What nobody
serves any more is named as `lost` and left as it is: the provider may find it again.
Who does the uploading: this process's keeper works on what is due, together with the worker's; whoever is first.
Resumable: each step is one row in its own transaction; a repair stopped anywhere has made part of the pins due, and
the worker's keepers do those.
Units: seconds.
Errors: what cannot be mended is in the report.
Source: outbound.md 4.4 (repair from the local copy, else from another gateway as a CAR, hash-checked).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from audifi.clients.ipfs import ledger
from audifi.clients.ipfs.audit import Audit, Fault, Finding, Progress
from audifi.clients.ipfs.car import CarError
from audifi.clients.ipfs.cids import Cid
from audifi.clients.ipfs.content import ContentError
from audifi.clients.ipfs.errors import IpfsError
from audifi.clients.ipfs.keeper import Keeper
from audifi.clients.ipfs.provider import Provider
from audifi.clients.ipfs.restoring import Restorer
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database

WITHIN_S: Final = 120.0  # then the worker goes on alone
_PAUSE_S: Final = 0.5
_GONE: Final = (Fault.MISSING, Fault.WRONG_BYTES, Fault.NOT_SERVED)


class RepairReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a repair found, and what it left."""

    mended: int
    found: list[Finding]
    left: list[Finding]
    standing: dict[str, int]


class Repair:
    """Mend."""

    def __init__(
        self,
        *,
        database: Database,
        providers: Sequence[Provider],
        restorer: Restorer,
        clock: Clock,
        keeper: Keeper,
        within_s: float = WITHIN_S,
    ) -> None:
        self._database = database
        self._providers = {provider.name: provider for provider in providers}
        self._restorer = restorer
        self._clock = clock
        self._keeper = keeper
        self._within_s = within_s

    async def run(self, audit: Audit, progress: Progress) -> RepairReport:
        """Audit, mend what can be mended, wait until it is settled, audit again."""
        before = await audit.run(progress)
        lost: list[Finding] = []
        due: set[tuple[str, str]] = set()
        for finding in before.findings:
            outcome = await self._mend(finding, progress)
            if isinstance(outcome, Finding):
                lost.append(outcome)
            elif outcome:
                due.add((finding.cid, finding.provider))
        await self._settled(due, progress)
        after = await audit.run(progress)
        still = {(each.provider, each.cid, each.fault) for each in after.findings}
        return RepairReport(
            mended=sum((each.provider, each.cid, each.fault) not in still for each in before.findings),
            found=before.findings,
            left=[*lost, *after.findings],
            standing=after.standing,
        )

    async def _mend(self, finding: Finding, progress: Progress) -> Finding | bool:
        """Make one copy due again (True), leave it (False), or say that it is lost."""
        provider = self._providers[finding.provider]
        try:
            if finding.fault in _GONE:
                return await self._anew(provider, finding, progress)
            if finding.fault is Fault.DOUBLE:
                for surplus in (await provider.find(Cid.parse(finding.cid)))[1:]:
                    await provider.delete(surplus.remote_id)
        except IpfsError as error:
            progress(f"{finding.provider}: {finding.cid} is left as it is: {error.message}")
            return False
        if finding.fault in (Fault.GIVEN_UP, Fault.UNFINISHED):
            return await self._again(finding, "wanted")
        return False

    async def _anew(self, provider: Provider, finding: Finding, progress: Progress) -> Finding | bool:
        async with self._database.read_primary() as connection:
            content = (await ledger.contents_of(connection, [finding.cid]))[0]
        try:
            await self._restorer.archive(content, without=provider.gateway.name)
        except (IpfsError, ContentError, CarError, OSError) as error:
            progress(f"{finding.cid}: nobody has the bytes now ({error})")
            return Finding(provider=finding.provider, cid=finding.cid, fault=Fault.LOST, detail=str(error))
        for remote in await provider.find(Cid.parse(finding.cid)):
            await provider.delete(remote.remote_id)
        progress(f"{finding.provider}: {finding.cid} is pinned anew ({finding.fault})")
        return await self._again(finding, "lost")

    async def _again(self, finding: Finding, state: str) -> bool:
        async with self._database.transaction() as tx:
            return await ledger.again(
                tx, cid=finding.cid, provider=finding.provider, state=state, now=self._clock.now()
            )

    async def _settled(self, due: set[tuple[str, str]], progress: Progress) -> None:
        """Work until all of it is verified or given up, or time is up."""
        deadline = asyncio.get_running_loop().time() + self._within_s
        told = -1
        while due and asyncio.get_running_loop().time() < deadline:
            worked = await self._keeper.turn()
            async with self._database.read_primary() as connection:
                pins = await ledger.pins_of(connection, sorted({cid for cid, _ in due}))
            waiting = [
                pin for pin in pins if (pin.cid, pin.provider) in due and pin.state not in ("verified", "failed")
            ]
            if len(waiting) != told:
                told = len(waiting)
                progress(f"{told} of {len(due)} copies are not settled yet")
            if not waiting:
                return
            if not worked:
                await asyncio.sleep(_PAUSE_S)
