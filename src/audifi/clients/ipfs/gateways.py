"""Fetch content from several gateways, trusting none of them: every block is hashed before anybody sees it.

Between: keeper and audit (check one provider's copy, bring lost content back), services (read) and trustless gateways.

How a block is fetched: from the first gateway whose breaker is closed; when it has not answered after HEDGE_S the next
is asked too, and the first right answer wins. Who is still silent then is charged with a failure, else a gateway that
hangs would cost every block a hedge. How a tree is fetched: its root as any block, the rest as one CAR from whoever
had the root, each block proved as it arrives; what is missing then (the gateway broke off, cheated or was slow) block
by block from all of them.
Why wrong bytes trip the breaker at once: a gateway that lies is worse than one that is down, and one lie proves it.
When it refrains: a gateway's "not found" says nothing about its health.
Units: seconds, bytes. Memory: a block per request; a fetched tree goes to a file. `size_max` bounds what is fetched.
Errors: NotRetrievable (nobody had it), WrongBytes (only from `checked`, which asks one gateway), TooLarge.
Source: specs.ipfs.tech/http-gateways/trustless-gateway (format=raw, format=car); outbound.md 4.4 (hedge 300 ms);
docs.pinata.cloud "Gateway access controls" (x-pinata-gateway-token).
"""

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from audifi.clients.ipfs import car
from audifi.clients.ipfs.cids import Cid
from audifi.clients.ipfs.errors import IpfsError, NotRetrievable, WrongBytes
from audifi.clients.ipfs.transport import Account, Transport, cancelled_quietly
from audifi.clients.ipfs.unixfs import Block, DagError, links
from audifi.kernel.telemetry import log

HEDGE_S: Final = 0.3
SIZE_MAX: Final = 4 << 30
_AT_ONCE: Final = 8
_READ_S: Final = 10.0  # silence within an answer; there are other gateways
_PER_MINUTE: Final = 1200.0  # dedicated gateways name no limit; public ones allow 200 and say 429


class TooLarge(NotRetrievable):
    """This content is larger than what was to be fetched."""


class Gateway:
    """One gateway."""

    def __init__(self, name: str, url: str, *, headers: dict[str, str] | None = None, open_s: float = 30.0) -> None:
        self.name = name
        self._url = url.rstrip("/")
        account = Account(
            provider=f"{name}-gateway", headers=headers or {}, per_minute=_PER_MINUTE, read_s=_READ_S, open_s=open_s
        )
        self._transport = Transport(account)

    @property
    def is_shut(self) -> bool:
        return self._transport.breaker.is_open

    def charge(self) -> None:
        """Count a silence that somebody else filled."""
        self._transport.breaker.fail()

    async def close(self) -> None:
        await self._transport.close()

    async def block(self, cid: Cid) -> Block:
        """Return one proved block."""
        answer = await self._transport.call(
            "GET",
            f"{self._url}/ipfs/{cid}",
            params={"format": "raw"},
            headers={"Accept": "application/vnd.ipld.raw", "Cache-Control": "no-cache"},
        )
        if answer.status == 404:
            raise NotRetrievable(f"{self.name} does not have {cid}")
        if not cid.names(answer.body):
            self._transport.breaker.trip()
            raise WrongBytes(f"{self.name} answered {len(answer.body)} bytes for {cid} that have another hash")
        return Block(cid, answer.body)

    async def fill(self, root: Cid, archive: "_Archive") -> None:
        """Fetch a whole tree as a CAR; every proved block lands in the archive, also when the rest does not come."""
        parser = car.Parser()
        try:
            async with self._transport.stream(
                "GET",
                f"{self._url}/ipfs/{root}",
                params={"format": "car", "dag-scope": "all"},
                headers={"Accept": "application/vnd.ipld.car; version=1; order=dfs; dups=n"},
            ) as response:
                if response.status == 404:
                    raise NotRetrievable(f"{self.name} does not have {root}")
                async for piece in response.content.iter_chunked(1 << 16):
                    for block in parser.feed(piece):
                        archive.add(block)
            parser.finish()
        except car.CarError as error:
            self._transport.breaker.trip()
            raise WrongBytes(f"{self.name}: {error}") from error

    async def checked(self, root: Cid, *, leaves: int, chooser: random.Random) -> int:
        """Fetch the root and so many random paths down to leaves, all proved; return how many blocks that were."""
        seen = {root: await self.block(root)}
        for _ in range(leaves):
            cid = root
            while children := _children(seen[cid]):
                cid = chooser.choice(children)
                if cid not in seen:
                    seen[cid] = await self.block(cid)
        return len(seen)


class Gateways:
    """All we may read from, in order of preference."""

    def __init__(self, gateways: Sequence[Gateway]) -> None:
        self._gateways = list(gateways)

    @property
    def all(self) -> list[Gateway]:
        return list(self._gateways)

    async def block(self, cid: Cid, *, without: str = "") -> Block:
        """Return one proved block from whoever has it."""
        return (await self._won(cid, without))[0]

    async def fetch(
        self, root: Cid, path: Path, *, size_max: int = SIZE_MAX, without: str = ""
    ) -> dict[Cid, car.Place]:
        """Write the whole tree of this root into an archive at `path`; return where its blocks are."""
        with path.open("w+b") as file:
            archive = _Archive(file, root, size_max)
            block, gateway = await self._won(root, without)
            archive.add(block)
            if archive.lacking(root):
                try:
                    await gateway.fill(root, archive)
                except TooLarge:
                    raise
                except IpfsError as error:  # what came is proved; the rest comes from all of them, block by block
                    log.warning("a gateway did not give a whole archive", gateway=gateway.name, error=error.message)
            await self._rest(root, archive, without)
            return archive.places

    async def _won(self, cid: Cid, without: str) -> tuple[Block, Gateway]:
        """Race the gateways, each HEDGE_S after the one before; return the first right answer and whose it was."""
        order = [gateway for gateway in self._gateways if gateway.name != without]
        order.sort(
            key=lambda gateway: gateway.is_shut
        )  # those that are shut come last: better a small chance than none
        failures: list[str] = []
        asked: dict[asyncio.Task[Block], _Asked] = {}
        clock = asyncio.get_running_loop()
        try:
            while order or asked:
                if order:
                    gateway = order.pop(0)
                    asked[asyncio.create_task(gateway.block(cid))] = _Asked(gateway, clock.time())
                done, _ = await asyncio.wait(
                    asked, timeout=HEDGE_S if order else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    winner = asked.pop(task).gateway
                    error = task.exception()
                    if error is None:
                        _charge_the_silent(asked.values(), clock.time())
                        return task.result(), winner
                    if not isinstance(error, IpfsError):
                        raise error
                    failures.append(error.message)
        finally:
            await cancelled_quietly(*asked)
        raise NotRetrievable(f"no gateway has {cid}: {'; '.join(failures) or 'there is none to ask'}")

    async def _rest(self, root: Cid, archive: "_Archive", without: str) -> None:
        while lacking := archive.lacking(root):
            batch = [asyncio.create_task(self.block(cid, without=without)) for cid in lacking[:_AT_ONCE]]
            try:
                for block in await asyncio.gather(*batch):
                    archive.add(block)
            finally:
                await cancelled_quietly(*batch)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whom we asked for a block, and when."""

    gateway: Gateway
    at_s: float


def _charge_the_silent(asked: Iterable[_Asked], now_s: float) -> None:
    for each in asked:
        if now_s - each.at_s >= HEDGE_S:
            each.gateway.charge()


class _Archive:
    """A CAR that grows: proved blocks are appended once, and read again to follow their links."""

    def __init__(self, file: BinaryIO, root: Cid, size_max: int) -> None:
        self._file = file
        self._size_max = size_max
        self._end = file.write(car.header(root))
        self.places: dict[Cid, car.Place] = {}
        self._open: list[Cid] = [root]  # known of, not yet followed: parents before children, in the file's order
        self._known = {root}

    def add(self, block: Block) -> None:
        if block.cid in self.places:
            return
        lead = car.prefix(block.cid, len(block.data))
        if self._end + len(lead) + len(block.data) > self._size_max:
            raise TooLarge(f"more than {self._size_max} bytes")
        self._file.seek(self._end)
        self._file.write(lead + block.data)
        self.places[block.cid] = car.Place(offset=self._end + len(lead), length=len(block.data))
        self._end += len(lead) + len(block.data)

    def lacking(self, root: Cid) -> list[Cid]:
        """Follow the links of what is here; return what is known to be missing, the first of the file first."""
        lacking: list[Cid] = []
        waiting, self._open = self._open, []
        waiting.reverse()
        while waiting:
            cid = waiting.pop()
            if cid not in self.places:
                lacking.append(cid)
                continue
            try:
                children = _children(car.block_at(self._file, cid, self.places[cid]))
            except car.CarError as error:
                raise NotRetrievable(f"{root}: {error}") from error
            new = [child for child in dict.fromkeys(children) if child not in self._known]
            self._known.update(new)
            waiting += reversed(new)
        self._open = lacking
        return lacking


def _children(block: Block) -> list[Cid]:
    try:
        return links(block)
    except DagError as error:
        raise NotRetrievable(f"{block.cid} is no UnixFS: {error}") from error
