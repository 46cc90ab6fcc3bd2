"""Speak WebSocket by hand, so that tests can speak it wrongly.

Between: the tests of this folder and a gateway's port.
Shape: `upgraded` sends a handshake as given and returns its answer; `Socket` sends any bytes as a frame and reads
frames, closes and ends as they come. Nothing is checked but what a test asserts.
Source: RFC 6455 section 5.
"""

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
WITHIN_S: Final = 8.0
KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT: Final = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 section 1.3


@dataclass(frozen=True)
class Received:
    """One frame."""

    opcode: int
    payload: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.payload)

    @property
    def code(self) -> int:
        """Of a close frame."""
        assert self.opcode == CLOSE, self
        return int.from_bytes(self.payload[:2])


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes | None = b"\1\2\3\4"
) -> bytes:
    """A client's frame, as RFC 6455 5.2 wants it unless told otherwise."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    size, bit = len(payload), 0x80 if mask else 0
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 65536:
        head = bytes((first, bit | 126)) + size.to_bytes(2)
    else:
        head = bytes((first, bit | 127)) + size.to_bytes(8)
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


class Socket:
    """An open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self.reader, self.writer = reader, writer
        self.status = int(head.split(b" ", 2)[1]) if head else 0
        lines = head.decode("latin-1").split("\r\n")[1:]
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}

    async def write(self, data: bytes) -> None:
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def send(self, opcode: int, payload: bytes = b"", **how: Any) -> None:
        await self.write(frame(opcode, payload, **how))

    async def say(self, type_: str, **fields: Any) -> None:
        await self.send(TEXT, msgspec.json.encode({"type": type_, **fields}))

    async def receive(self) -> Received:
        """The next frame; an end without one is asyncio.IncompleteReadError."""
        async with asyncio.timeout(WITHIN_S):
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            assert not second & 0x80, "a server does not mask"
            if size > 125:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
            return Received(first & 0x0F, await self.reader.readexactly(size))

    async def heard(self, type_: str) -> Any:
        """The next JSON frame of this type; control frames and others are passed over."""
        while True:
            got = await self.receive()
            assert got.opcode != CLOSE, f"closed with {got.code} {got.payload[2:]!r} while waiting for {type_}"
            if got.opcode == TEXT and got.json["type"] == type_:
                return got.json

    async def closed(self) -> int:
        """The code it is closed with; and then nothing more comes."""
        while (got := await self.receive()).opcode != CLOSE:
            pass
        await self.send(CLOSE, got.payload[:2])
        with suppress(ConnectionError):
            async with asyncio.timeout(WITHIN_S):
                rest = await self.reader.read()
                assert rest == b"", f"after the close frame came {rest!r}"
        self.writer.close()
        return got.code

    async def leave(self) -> None:
        await self.send(CLOSE, (1000).to_bytes(2))
        self.writer.close()


def handshake(path: str, **headers: str | None) -> bytes:
    """A browser's upgrade request; a header given as None is left out, underscores are dashes."""
    told: dict[str, str | None] = {
        "Host": "ws.audifi.localhost", "Upgrade": "websocket", "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13",
    }  # fmt: skip
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in told.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


async def upgraded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> Socket:
    """Send a handshake, and what may follow it; return what became of it."""
    writer.write(data)
    async with asyncio.timeout(WITHIN_S):
        head = await reader.readuntil(b"\r\n\r\n")
    return Socket(reader, writer, head)


def somewhere() -> str:
    """An address of one's own on this machine."""
    a, b, c = os.urandom(3)
    return f"127.{a % 250 + 2}.{b}.{c % 250 + 2}"
