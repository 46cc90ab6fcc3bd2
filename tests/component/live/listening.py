"""Hear what is published on a session's channel, as a follower would.

Between: tests (ask for what came) and the node that owns the channel's slot (RESP2 over one connection).
Why not the code that follows: what is published is judged by somebody else's ears.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import hiredis

from audifi.wire.live import feed

_packed: Final[Callable[[tuple[str, ...]], bytes]] = cast("Any", hiredis.pack_command)  # its stub knows one argument


class Ear:
    """One subscription."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._parser = hiredis.Reader()

    async def say(self, *words: str) -> Any:
        self._writer.write(_packed(words))
        return await self.reply()

    async def reply(self) -> Any:
        async with asyncio.timeout(5):
            while (answer := self._parser.gets()) is False:
                self._parser.feed(await self._reader.read(65536))
        return answer

    async def heard(self, count: int) -> list[bytes]:
        """Wait for so many messages."""
        return [(await self.reply())[2] for _ in range(count)]

    async def until_quiet(self, quiet_s: float = 0.5) -> list[bytes]:
        """Return what has come, once nothing has for a while."""
        heard: list[bytes] = []
        while True:
            try:
                async with asyncio.timeout(quiet_s):
                    heard += await self.heard(1)
            except TimeoutError:
                return heard


@asynccontextmanager
async def listening(nodes: tuple[str, ...], password: str, session_id: str) -> AsyncGenerator[Ear]:
    """Subscribe where the channel lives."""
    address = nodes[0]
    while True:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        ear = Ear(reader, writer)
        assert await ear.say("AUTH", password) == b"OK"
        answer = await ear.say("SSUBSCRIBE", feed.channel(session_id))
        if not isinstance(answer, hiredis.ReplyError):
            break
        writer.close()
        kind, _, address = str(answer).split()
        assert kind == "MOVED", answer
    try:
        yield ear
    finally:
        writer.close()
