"""Put the parts together for one process: providers, gateways, shelf, keeper; and what operators ask of them.

Between: the worker (runs `run`, hands `pins` and `shelf` to those who publish), its console (`list`, `add`, `audit`,
`repair`) and everything else in this folder.
Shape: answers are msgspec structs; `list` and `audit` hold one page in memory at a time, their results all findings.
Errors: SettingsError for regions that cannot be meant; else those of the parts.
"""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from audifi.clients.ipfs import car
from audifi.clients.ipfs.audit import Audit, AuditReport
from audifi.clients.ipfs.cids import Cid
from audifi.clients.ipfs.content import ContentError, Shelf
from audifi.clients.ipfs.gateways import Gateway, Gateways
from audifi.clients.ipfs.keeper import Keeper
from audifi.clients.ipfs.pinata import Pinata
from audifi.clients.ipfs.pinata_legacy import PinataLegacy, regions
from audifi.clients.ipfs.pinning_service import PinningService
from audifi.clients.ipfs.pins import ContentStatus, Pins
from audifi.clients.ipfs.policy import PinPolicy
from audifi.clients.ipfs.preservation import NftStorage
from audifi.clients.ipfs.preserving import Preserver
from audifi.clients.ipfs.provider import Provider
from audifi.clients.ipfs.repair import Repair, RepairReport
from audifi.clients.ipfs.restoring import Restorer
from audifi.clients.ipfs.transport import Account, Transport
from audifi.clients.ipfs.unixfs import KUBO_V1_LEGACY, V1_2025
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.kernel.settings import Secret, SettingsError
from audifi.wire import environment

Progress = Callable[[str], None]


class IpfsSettings(Protocol):
    """What is read of the settings."""

    @property
    def replicas(self) -> int: ...
    @property
    def content_directory(self) -> str: ...
    @property
    def pinata_api_url(self) -> str: ...
    @property
    def pinata_uploads_url(self) -> str: ...
    @property
    def pinata_gateway_url(self) -> str: ...
    @property
    def pinata_token(self) -> Secret: ...
    @property
    def pinata_gateway_token(self) -> Secret | None: ...
    @property
    def pinning_service_url(self) -> str: ...
    @property
    def pinning_service_gateway_url(self) -> str: ...
    @property
    def pinning_service_token(self) -> Secret: ...
    @property
    def pinata_legacy_regions(self) -> tuple[str, ...]: ...
    @property
    def nft_storage_url(self) -> str: ...
    @property
    def nft_storage_token(self) -> Secret: ...
    @property
    def ipfs_gateways(self) -> tuple[str, ...]: ...


class Ipfs:
    """Everything about pins in one process."""

    def __init__(
        self,
        *,
        database: Database,
        providers: Sequence[Provider],
        further: Sequence[Gateway],
        preservation: NftStorage,
        shelf: Shelf,
        clock: Clock,
        policy: PinPolicy,
    ) -> None:
        self.shelf = shelf
        self.preservation = preservation
        self.providers = list(providers)
        self.gateways = Gateways([*(provider.gateway for provider in providers), *further])
        self.pins = Pins([provider.name for provider in providers], clock.now)
        self.restorer = Restorer(shelf, self.gateways)
        chooser = random.Random()  # noqa: S311  # spreads load and samples, guards nothing
        self.keeper = Keeper(
            database=database,
            providers=providers,
            restorer=self.restorer,
            clock=clock,
            policy=policy,
            chooser=chooser,
        )
        self.preserver = Preserver(database=database, service=preservation, clock=clock, policy=policy, chooser=chooser)
        self._audit = Audit(database=database, providers=providers, chooser=chooser)
        self._repair = Repair(
            database=database, providers=providers, restorer=self.restorer, clock=clock, keeper=self.keeper
        )
        self._database = database

    @classmethod
    def open(cls, settings: IpfsSettings, database: Database, clock: Clock, *, policy: PinPolicy | None = None) -> Self:
        """Take what the settings name; nothing is connected before it is needed."""
        policy = policy or PinPolicy()
        return cls(
            database=database,
            providers=_providers(settings, policy),
            further=[Gateway(f"gateway-{number}", url) for number, url in enumerate(settings.ipfs_gateways, 1)],
            preservation=NftStorage(
                _transport("nft-storage", settings.nft_storage_token, policy.list_per_minute, settings, policy),
                url=settings.nft_storage_url,
            ),
            shelf=Shelf(
                Path(settings.content_directory), KUBO_V1_LEGACY if settings.pinata_legacy_regions else V1_2025
            ),
            clock=clock,
            policy=policy,
        )

    async def run(self) -> None:
        """Keep pins and preservations until cancelled."""
        await asyncio.to_thread(self.shelf.sweep)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.keeper.work())
            group.create_task(self.preserver.work())

    async def close(self) -> None:
        for provider in self.providers:
            await provider.close()
        for gateway in self.gateways.all:
            await gateway.close()
        await self.preservation.close()

    async def list(self) -> AsyncIterator[ContentStatus]:
        """Give every content and its copies, in order of their CIDs."""
        after = ""
        while True:
            async with self._database.read_primary() as connection:
                page = await self.pins.page(connection, after=after)
            for status in page:
                yield status
            if not page:
                return
            after = page[-1].cid

    async def add(self, path: Path, *, name: str = "") -> ContentStatus:
        """Name a file or a flat directory, keep it and promise its pins. Idempotent."""
        files = await asyncio.to_thread(_files, path)
        if files is None:
            content = await self.shelf.add(path, name=name or path.name)
        else:
            content = await self.shelf.add_directory(files, name=name or path.name)
        async with self._database.transaction() as tx:
            await self.pins.want(tx, content)
            status = await self.pins.status(tx, content.cid)
        assert status is not None, "it was wanted in this transaction"
        self.keeper.wake()
        return status

    async def retrieve(self, cid: str, destination: Path, *, size_max: int) -> int:
        """Write the file of this CID, from our disk or any gateway, every block proved; return its size.

        Raises: NotRetrievable, TooLarge. The destination appears whole or not at all.
        """
        root = Cid.parse(cid)
        with self.shelf.part() as part:
            if self.shelf.has(cid):
                archive, places = self.shelf.path(cid), await self.shelf.verify(cid)
            else:
                archive, places = part, await self.gateways.fetch(root, part, size_max=size_max)
            return await asyncio.to_thread(_extract, archive, root, places, destination)

    async def audit(self, progress: Progress | None = None) -> AuditReport:
        """Compare the ledger with what providers list and gateways serve; change nothing."""
        return await self._audit.run(progress or _silent)

    async def repair(self, progress: Progress | None = None) -> RepairReport:
        """Audit, then put everything back to work that is not as it should be, and wait until it is settled."""
        return await self._repair.run(self._audit, progress or _silent)


def _files(path: Path) -> dict[str, Path | bytes] | None:
    """Return the files of a directory by name; None for a file.

    Raises: ContentError for a directory that holds anything else: it would be pinned without it.
    """
    if not path.is_dir():
        return None
    inside = sorted(path.iterdir())
    if others := [each.name for each in inside if not each.is_file()]:
        raise ContentError(f"{path} holds more than files ({', '.join(others[:3])}): only flat directories are pinned")
    return {each.name: each for each in inside}


def _extract(archive: Path, root: Cid, places: dict[Cid, car.Place], destination: Path) -> int:
    beside = destination.with_name(f".{destination.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            size = sum(file.write(piece) for piece in car.file_bytes(archive, root, places))
        beside.replace(destination)
    finally:
        beside.unlink(missing_ok=True)
    return size


def _silent(text: str) -> None:
    del text


def _providers(settings: IpfsSettings, policy: PinPolicy) -> list[Provider]:
    token = settings.pinata_gateway_token
    pinata_headers = {"x-pinata-gateway-token": token.reveal()} if token is not None else {}
    gateway = Gateway("pinata", settings.pinata_gateway_url, headers=pinata_headers, open_s=policy.open_s)
    transport = _transport("pinata", settings.pinata_token, policy.api_per_minute, settings, policy)
    pinata: Provider
    if settings.pinata_legacy_regions:
        wanted = _regions(settings.pinata_legacy_regions)
        pinata = PinataLegacy(transport, api_url=settings.pinata_api_url, gateway=gateway, pin_regions=wanted)
    else:
        pinata = Pinata(
            transport,
            api_url=settings.pinata_api_url,
            uploads_url=settings.pinata_uploads_url,
            gateway=gateway,
            page=policy.page,
        )
    service = PinningService(
        _transport("pinning-service", settings.pinning_service_token, policy.list_per_minute, settings, policy),
        url=settings.pinning_service_url,
        gateway=Gateway("pinning-service", settings.pinning_service_gateway_url, open_s=policy.open_s),
        page=policy.page,
    )
    return [pinata, service]


def _regions(given: Sequence[str]) -> list[dict[str, Any]]:
    try:
        return regions(given)
    except ValueError as error:
        raise SettingsError([f"{environment.PINATA_LEGACY_REGIONS}: {error}"]) from None


def _transport(provider: str, token: Secret, per_minute: float, settings: IpfsSettings, policy: PinPolicy) -> Transport:
    return Transport(
        Account(
            provider=provider,
            headers={"Authorization": f"Bearer {token.reveal()}"},
            per_minute=per_minute,
            pods=settings.replicas,
            read_s=policy.read_s,
            open_s=policy.open_s,
        )
    )
