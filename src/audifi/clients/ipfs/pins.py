"""Want content pinned, and ask how it stands: what services call.

Between: services (in their own transaction) and the ledger; the keeper does the rest.
Shape: `content = await shelf.add(path)`, then `await pins.want(tx, content)`; later `await pins.is_mintable(tx, cid)`.
Invariant: nothing is uploaded by a request: a promise is a row, and rows survive crashes.
Errors: those of kernel.database.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from audifi.clients.ipfs import ledger, policy
from audifi.clients.ipfs.content import Content
from audifi.clients.ipfs.ledger import Pin
from audifi.clients.ipfs.policy import Standing
from audifi.kernel.connection import Connection


class ContentStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One content and its copies."""

    cid: str
    name: str
    size_bytes: int
    standing: Standing
    is_mintable: bool
    pins: list[Pin]


class Pins:
    """The promises, for the providers this platform pins at."""

    def __init__(self, providers: Sequence[str], now: Callable[[], datetime]) -> None:
        self._providers = tuple(providers)
        self._now = now

    async def want(self, tx: Connection, content: Content, providers: Sequence[str] | None = None) -> None:
        """Promise copies in the transaction of the change that needs them. Idempotent."""
        await ledger.want(tx, content, self._providers if providers is None else providers, self._now())

    async def is_mintable(self, connection: Connection, cid: str) -> bool:
        """Say whether tokens may point at this content."""
        return policy.is_mintable(await ledger.pins_of(connection, [cid]))

    async def status(self, connection: Connection, cid: str) -> ContentStatus | None:
        """Return one content and its copies; None for a CID nobody ever wanted."""
        found = await ledger.contents_of(connection, [cid])
        return (await self._described(connection, found))[0] if found else None

    async def page(self, connection: Connection, *, after: str = "", limit: int = 500) -> list[ContentStatus]:
        """Return contents and their copies, in order of their CIDs."""
        return await self._described(connection, await ledger.contents(connection, after=after, limit=limit))

    async def _described(self, connection: Connection, contents: Sequence[Content]) -> list[ContentStatus]:
        pins = await ledger.pins_of(connection, [content.cid for content in contents])
        return [described(content, [pin for pin in pins if pin.cid == content.cid]) for content in contents]


def described(content: Content, pins: list[Pin]) -> ContentStatus:
    """Sum up a content."""
    return ContentStatus(
        cid=content.cid,
        name=content.name,
        size_bytes=content.size_bytes,
        standing=policy.standing(pins),
        is_mintable=policy.is_mintable(pins),
        pins=pins,
    )
