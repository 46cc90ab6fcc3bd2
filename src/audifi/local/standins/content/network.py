"""Fetch content that others hold: what Bitswap and the DHT do for a real provider.

Between: content.queue (asks) and the control ports of the other stand-ins (`--peer`), or a pin's origins.
Shape: HEAD, then GET {peer}/ipfs/{cid}?format=car; the archive goes to a file, each block is checked on the way in.
Units: *_s seconds.
Invariant: only loopback is asked: a stand-in never leaves this machine. Nobody is believed: a wrong block is an error.
Errors: NotFetched with the peer and the reason; the queue tries again.
Source: specs.ipfs.tech/http-gateways/trustless-gateway; github.com/multiformats/multiaddr.
"""

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from audifi.local.standins.content import car
from audifi.local.standins.content.blocks import Blocks, Missing
from audifi.local.standins.content.cids import Cid
from audifi.local.standins.content.unixfs import BadBlock

ANSWER_WITHIN_S: Final = 5.0  # between two parts of an answer; loopback needs milliseconds
LOOPBACK: Final = {"127.0.0.1", "localhost"}
MULTIADDR: Final = re.compile(r"/(?:ip4|dns4)/([^/]+)/tcp/(\d+)/http(?:/p2p/.+)?")
PART_BYTES: Final = 256 * 1024


class NotFetched(Exception):
    """Nobody gave the content."""


class Network:
    """The others."""

    def __init__(self, peers: Iterable[str], incoming: Path) -> None:
        self._peers, self._incoming = tuple(peers), incoming
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_WITHIN_S, sock_read=ANSWER_WITHIN_S)
        self._session = aiohttp.ClientSession(timeout=timeout)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def find(self, cid: Cid, origins: Iterable[str]) -> str | None:
        """Who has the root block, if anybody."""
        for peer in (*_usable(origins), *self._peers):
            if await self._has(peer, cid):
                return peer
        return None

    async def _has(self, peer: str, cid: Cid) -> bool:
        assert self._session is not None
        try:
            async with self._session.head(f"{peer}/ipfs/{cid}?format=raw") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    @asynccontextmanager
    async def fetched(self, cid: Cid, peer: str) -> AsyncGenerator[Path]:
        """The archive of a tree in a file, for as long as it is needed."""
        path = self._incoming / f"{token_hex(8)}.car"
        try:
            await self._download(cid, peer, path)
            yield path
        except (aiohttp.ClientError, OSError, TimeoutError, car.BadCar, BadBlock, Missing) as error:
            raise NotFetched(f"{cid} from {peer}: {error or type(error).__name__}") from error
        finally:
            path.unlink(missing_ok=True)

    async def _download(self, cid: Cid, peer: str, path: Path) -> None:
        assert self._session is not None
        async with self._session.get(f"{peer}/ipfs/{cid}?format=car") as answer:
            if answer.status != 200:
                raise NotFetched(f"{cid} from {peer}: answered {answer.status}")
            with path.open("wb") as file:
                async for part in answer.content.iter_chunked(PART_BYTES):
                    file.write(part)


def take_archive(path: Path, blocks: Blocks, root: Cid) -> list[str]:
    """Keep the blocks of an archive; returns the keys of the tree below the root, which must be whole."""
    with path.open("rb") as file:
        car.roots(file)
        for cid, data in car.blocks(file):
            blocks.put(cid, data)
    return blocks.keys(root)


def _usable(origins: Iterable[str]) -> list[str]:
    found: list[str] = []
    for origin in origins:
        match = MULTIADDR.fullmatch(origin)
        url = f"http://{match[1]}:{match[2]}" if match else origin
        if url.startswith("http://") and _host(url) in LOOPBACK:
            found.append(url.rstrip("/"))
    return found


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
