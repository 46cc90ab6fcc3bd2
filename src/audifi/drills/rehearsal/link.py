"""Stand between somebody and the platform as a network does: pass bytes on, and break off when asked to.

Between: seats (connects through it) and the edge. It reads nothing: what it passes on is encrypted.
Shape: a Link listens on a port of its own; `cut` ends every connection that goes through it; new ones pass again.
Invariant: closed with its block; one connection's end is the other side's end.
Errors: none: a connection that breaks is closed on both sides.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from audifi.local.ports import LOOPBACK

READ_BYTES: Final = 65_536


@dataclass
class Link:
    """One network."""

    target: int  # the edge's port
    port: int = 0
    cuts: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    def cut(self) -> int:
        """Break every connection, without a word; return how many there were."""
        count = len(self._writers) // 2
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        self.cuts += 1
        return count

    async def passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, both ways, until either side ends."""
        try:
            their_reader, their_writer = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            writer.close()
            return
        both = {writer, their_writer}
        self._writers |= both
        ways = [
            asyncio.create_task(_copied(reader, their_writer)),
            asyncio.create_task(_copied(their_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers -= both
            for each in both:
                each.close()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(READ_BYTES):
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def link(target: int) -> AsyncGenerator[Link]:
    """Listen for as long as the block runs."""
    made = Link(target)
    server = await asyncio.start_server(made.passed, LOOPBACK, 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.cut()
        await server.wait_closed()
