"""A gateway of a few lines, so that the generator's own behaviour can be tested without the platform.

Between: test_swarm_crowd (starts it in its own loop) and viewers.
Shape: whoever joins gets a snapshot, or what it missed; `event` and `tally` go to everybody.
Invariant: it speaks the flat dialect of wire.live.protocol, frames unmasked, and reads masked ones.
"""

import asyncio
import base64
import hashlib
from typing import Any

import msgspec

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def served(frame: dict[str, Any]) -> bytes:
    payload = msgspec.json.encode(frame)
    length = len(payload)
    head = bytes((0x81, length)) if length <= 125 else bytes((0x81, 126)) + length.to_bytes(2, "big")
    return head + payload


class Gateway:
    """One session's."""

    def __init__(self) -> None:
        self.writers: dict[asyncio.StreamWriter, tuple[str, int]] = {}
        self.said: list[dict[str, Any]] = []
        self.log: list[bytes] = []
        self.version = 0
        self.resumed: list[int] = []
        self.addresses: set[str] = set()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        self.drop(len(self.writers))
        self._server.close()
        await self._server.wait_closed()

    def event(self) -> None:
        self.log.append(served({"type": "chat_message", "ts": 1, "text": "hi", "seq": len(self.log) + 1}))
        self._to_all(self.log[-1])

    def tally(self) -> None:
        self.version += 1
        self._to_all(
            served({"type": "vote_update", "ts": 1, "decisionId": "d", "seq": len(self.log), "version": self.version})
        )

    def drop(self, count: int) -> None:
        for writer in list(self.writers)[:count]:
            writer.transport.abort()
            del self.writers[writer]

    def _to_all(self, data: bytes) -> None:
        for writer in self.writers:
            writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            key = next(line[19:] for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
            accept = base64.b64encode(hashlib.sha1(key + GUID).digest())  # noqa: S324  # RFC 6455 section 4.2.2
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
            while True:
                self._heard(await self._frame(reader), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.writers.pop(writer, None)
        finally:
            writer.close()

    async def _frame(self, reader: asyncio.StreamReader) -> bytes:
        length = (await reader.readexactly(2))[1] & 0x7F
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        mask = await reader.readexactly(4)
        return bytes(byte ^ mask[place % 4] for place, byte in enumerate(await reader.readexactly(length)))

    def _heard(self, payload: bytes, writer: asyncio.StreamWriter) -> None:
        frame: dict[str, Any] = msgspec.json.decode(payload)
        self.said.append(frame)
        if frame["type"] != "join":
            return
        last = frame.get("lastSeq")
        if last is None:
            writer.write(served({"type": "session_state", "ts": 1, "seq": len(self.log)}))
        else:
            self.resumed.append(last)
            writer.write(b"".join(self.log[last:]))
        address = writer.get_extra_info("peername")
        self.addresses.add(address[0])
        self.writers[writer] = address
