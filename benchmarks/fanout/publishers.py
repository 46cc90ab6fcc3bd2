"""Publish one message, each server's own way: a socket of the peer, or what vstudio-service says through Redis.

Between: the parts of vote_fanout and a peer's /publish, or clients.live.publishing.
Shape: `publish(number)` sends a chat line of about 200 bytes that carries its number and the time (wsload.c reads it).
Units: the time is CLOCK_MONOTONIC in ns, taken just before the bytes are handed over.
Errors: OSError from a peer that is gone; Unavailable from Redis.
"""

import asyncio
import time
from typing import Protocol, Self

from audifi.clients.live.publishing import Publisher

PADDING = "every one of them hears it at the same moment, and none of them hears it twice, whatever happens between"


class Publishing(Protocol):
    """Who can say something to everybody."""

    async def publish(self, number: int) -> None: ...


def body(number: int, padding: str = PADDING) -> bytes:
    """A chat line as vstudio-service writes it, about 250 bytes."""
    mark = f"~{number},{time.monotonic_ns()}~"
    return (
        f'{{"type":"chat_message","ts":{time.time_ns() // 1_000_000},"id":"line-{number}","platform":"audifi",'
        f'"displayName":"Bench","text":"{mark} {padding}"}}'
    ).encode()


class Socket:
    """One WebSocket to a peer, which tells everybody else."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_socketio: bool, padding: str
    ) -> None:
        self._reader, self._writer, self._is_socketio, self._padding = reader, writer, is_socketio, padding
        self._pongs = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, port: int, *, is_socketio: bool = False, padding: str = PADDING) -> Self:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        path = "/socket.io/?EIO=4&transport=websocket" if is_socketio else "/publish"
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        if is_socketio:
            await reader.read(4096)  # its greeting
            writer.write(_frame(b"40"))
            await reader.read(4096)  # and its welcome
        return cls(reader, writer, is_socketio=is_socketio, padding=padding)

    async def publish(self, number: int) -> None:
        text = body(number, self._padding)
        self._writer.write(_frame(b'42["publish",%b]' % text if self._is_socketio else text))

    async def _read(self) -> None:
        """Answer pings, Engine.IO's and WebSocket's: they come twenty seconds apart, so one read has one."""
        while data := await self._reader.read(65536):
            if data == b"\x81\x012":
                self._writer.write(_frame(b"3"))
            elif data[:1] == b"\x89":
                self._writer.write(_frame(data[2:], first=b"\x8a"))

    async def close(self) -> None:
        self._pongs.cancel()
        self._writer.close()


def _frame(text: bytes, *, first: bytes = b"\x81") -> bytes:
    """One frame, of text unless said otherwise, masked with the key 0."""
    size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return first + size + bytes(4) + text


class Each:
    """The same to several servers: the floor has no Redis between its processes."""

    def __init__(self, *others: Publishing) -> None:
        self._others = others

    async def publish(self, number: int) -> None:
        for each in self._others:
            await each.publish(number)


class Live:
    """As vstudio-service's relay does: a numbered event, in the log and told, by one script."""

    def __init__(self, publisher: Publisher, session_id: str, *, padding: str = PADDING) -> None:
        self._publisher, self._session_id, self._padding = publisher, session_id, padding

    async def publish(self, number: int) -> None:
        await self._publisher.event(self._session_id, number, body(number, self._padding))
