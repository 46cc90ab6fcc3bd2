"""Watch: open sockets one way or another, and say how long every message took.

Between: ws_affinity and the library the pods use too, on its client's side.
Invariant: all viewers are in one process with what measures them: delays include their own reading, and its TLS where
there is any. Compare ways with each other, not with other benchmarks.
Units: *_ms milliseconds; handshakes per second.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import picows

from audifi.local.ports import LOOPBACK

OPENING_AT_ONCE = 32
HANDSHAKE_S = 20.0
connect: Any = vars(picows)["ws_connect"]  # its annotations leave create_connection's keywords untyped


@dataclass(frozen=True)
class Way:
    """How sockets get to a pod. The name goes into the address; connections go to `port` of this machine."""

    url: str
    port: int
    tls: ssl.SSLContext | None


@dataclass
class Audience:
    """Who watches."""

    delays_ms: list[float] = field(default_factory=list[float])
    sockets: list[picows.WSTransport] = field(default_factory=list[picows.WSTransport])
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    wanted: int = 0

    def took(self, ms: float) -> None:
        self.delays_ms.append(ms)
        if len(self.delays_ms) >= self.wanted:
            self.heard.set()


class Watcher(picows.WSListener):
    """One viewer."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        del transport
        if frame.msg_type == picows.WSMsgType.TEXT:
            sent_ns = int(frame.get_payload_as_bytes())
            self._audience.took((time.monotonic_ns() - sent_ns) / 1e6)


async def _open(way: Way, audience: Audience, room: asyncio.Semaphore) -> None:
    def connected(_: object) -> socket.socket:
        return socket.create_connection((LOOPBACK, way.port))

    async with room:
        transport, _ = await connect(
            lambda: Watcher(audience), way.url, ssl_context=way.tls, websocket_handshake_timeout=HANDSHAKE_S,
            socket_factory=connected,
        )  # fmt: skip
        audience.sockets.append(transport)


@asynccontextmanager
async def watching(way: Way, viewers: int) -> AsyncGenerator[tuple[Audience, float]]:
    """Open them all; give the audience, and how many got in per second."""
    audience, room = Audience(), asyncio.Semaphore(OPENING_AT_ONCE)
    began_s = time.monotonic()
    await asyncio.gather(*(_open(way, audience, room) for _ in range(viewers)))
    rate = viewers / (time.monotonic() - began_s)
    try:
        yield audience, rate
    finally:
        for transport in audience.sockets:
            transport.disconnect()
        await asyncio.gather(*(transport.wait_disconnected() for transport in audience.sockets))
