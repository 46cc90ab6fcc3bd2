"""Find what is not as the ledger says: lists, gateways, extra pins. It changes nothing.

Between: operators (`audifi pins audit`), repair (mends the findings), and providers, gateways, the ledger.

How a provider is audited: its whole list is paged once and compared with our rows, both ways: a row the provider does
not list is `missing`, a pin of content we do not want there is `extra` (named, never deleted: the account may hold what
this ledger does not know). Then a sample of its copies is fetched through its own gateway and proved: `wrong-bytes`,
`not-served`.
Shape: findings in order of provider and CID; at most SAMPLE_MAX copies proved per gateway.
Errors: a provider or gateway that is away is a finding (`away`), not an error.
Source: outbound.md 4.4 (daily lists, retrieval samples).
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from audifi.clients.ipfs import ledger
from audifi.clients.ipfs.cids import Cid
from audifi.clients.ipfs.errors import IpfsError, NotRetrievable, WrongBytes
from audifi.clients.ipfs.policy import GOOD, Standing
from audifi.clients.ipfs.provider import Page, Provider, RemotePin, RemoteStatus
from audifi.kernel.database import Database

Progress = Callable[[str], None]

SAMPLE_MAX: Final = 200
LEAVES: Final = 2
_PAGE_TRIES: Final = 3


class Fault(StrEnum):
    """What can be wrong with one copy."""

    MISSING = "missing"  # we believe it pinned, the provider does not list it
    WRONG_BYTES = "wrong-bytes"  # its gateway sends something else
    NOT_SERVED = "not-served"  # listed, but its gateway does not have it
    UNFINISHED = "unfinished"  # wanted, not there yet
    GIVEN_UP = "given-up"  # a dead letter
    EXTRA = "extra"  # pinned there, wanted by nobody
    DOUBLE = "double"  # pinned there more than once
    AWAY = "away"  # the provider or its gateway did not answer: nothing is known
    LOST = "lost"  # neither our disk nor any gateway has the bytes


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that is not as it should be."""

    provider: str
    cid: str
    fault: Fault
    detail: str = ""


class AuditReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an audit saw."""

    contents: int
    pins: int
    proved: int  # copies fetched and hashed
    standing: dict[str, int]
    findings: list[Finding]

    @property
    def is_clean(self) -> bool:
        return not [finding for finding in self.findings if finding.fault is not Fault.EXTRA]


class Audit:
    """Compare."""

    def __init__(self, *, database: Database, providers: Sequence[Provider], chooser: random.Random) -> None:
        self._database = database
        self._providers = list(providers)
        self._chooser = chooser

    async def run(self, progress: Progress) -> AuditReport:
        """Look at everything."""
        findings: list[Finding] = []
        pins = proved = 0
        for provider in self._providers:
            ours = await self._ours(provider.name)
            pins += len(ours)
            progress(f"{provider.name}: {len(ours)} pins wanted; reading its list")
            try:
                listed = await self._listed(provider)
            except IpfsError as error:
                findings.append(Finding(provider=provider.name, cid="", fault=Fault.AWAY, detail=error.message))
                continue
            findings += _differences(provider.name, ours, listed)
            there = [pin.cid for key, pin in ours.items() if key in listed]
            sample = self._chooser.sample(there, min(SAMPLE_MAX, len(there)))
            progress(f"{provider.name}: {len(listed)} contents listed; proving {len(sample)} copies")
            wrong = await self._disproved(provider, sample)
            findings += wrong
            proved += len(sample) - len(wrong)
        findings.sort(key=lambda finding: (finding.provider, finding.cid))
        standing = await self.standing()
        return AuditReport(
            contents=sum(standing.values()), pins=pins, proved=proved, standing=standing, findings=findings
        )

    async def standing(self) -> dict[str, int]:
        """Count contents by what their pins amount to."""
        counts = dict.fromkeys((each.value for each in Standing), 0)
        async with self._database.read_primary() as connection:
            for standing, count in (await ledger.standings(connection)).items():
                counts[standing] = count
        return counts

    async def _ours(self, provider: str) -> dict[bytes, ledger.Pin]:
        found: dict[bytes, ledger.Pin] = {}
        after = ""
        while True:
            async with self._database.read_primary() as connection:
                page = await ledger.pins_at(connection, provider, after=after)
            if not page:
                return found
            found |= {_key(Cid.parse(pin.cid)): pin for pin in page}
            after = page[-1].cid

    async def _listed(self, provider: Provider) -> dict[bytes, list[RemotePin]]:
        found: dict[bytes, dict[str, RemotePin]] = {}
        token: str | None = None
        while True:
            page = await self._page(provider, token)
            for pin in page.pins:
                if pin.status is RemoteStatus.PINNED:
                    found.setdefault(_key(pin.cid), {})[pin.remote_id] = pin  # by its id: pages may overlap
            token = page.next_token
            if token is None:
                return {key: list(pins.values()) for key, pins in found.items()}

    async def _page(self, provider: Provider, token: str | None) -> Page:
        for left in reversed(range(_PAGE_TRIES)):
            try:
                return await provider.page(token)
            except IpfsError as error:
                if not left:
                    raise
                await asyncio.sleep(error.retry_after_s or 1)
        raise AssertionError("the last try returns or raises")

    async def _disproved(self, provider: Provider, cids: Sequence[str]) -> list[Finding]:
        findings: list[Finding] = []
        for cid in cids:
            fault, detail = None, ""
            try:
                await provider.gateway.checked(Cid.parse(cid), leaves=LEAVES, chooser=self._chooser)
            except WrongBytes as error:
                fault, detail = Fault.WRONG_BYTES, error.message
            except NotRetrievable as error:
                fault, detail = Fault.NOT_SERVED, error.message
            except IpfsError as error:
                fault, detail = Fault.AWAY, error.message
            if fault is not None:
                findings.append(Finding(provider=provider.name, cid=cid, fault=fault, detail=detail))
        return findings


def _key(cid: Cid) -> bytes:
    """Name content the same in both versions of its CID."""
    return bytes((cid.codec,)) + cid.digest


def _differences(
    provider: str, ours: Mapping[bytes, ledger.Pin], listed: Mapping[bytes, Sequence[RemotePin]]
) -> list[Finding]:
    found: list[Finding] = []
    for key, pin in ours.items():
        there = listed.get(key, ())
        if pin.state == "failed":
            found.append(_finding(pin, Fault.GIVEN_UP, pin.last_error or ""))
        elif pin.state not in GOOD:
            found.append(_finding(pin, Fault.UNFINISHED, pin.last_error or ""))
        elif not there:
            found.append(_finding(pin, Fault.MISSING, "the provider does not list it"))
        if len(there) > 1:
            found.append(_finding(pin, Fault.DOUBLE, f"{len(there)} pins of one content"))
    for key, there in listed.items():
        if key not in ours:
            found.append(
                Finding(provider=provider, cid=str(there[0].cid), fault=Fault.EXTRA, detail=there[0].name[:80])
            )
    return found


def _finding(pin: ledger.Pin, fault: Fault, detail: str) -> Finding:
    return Finding(provider=pin.provider, cid=pin.cid, fault=fault, detail=detail)
