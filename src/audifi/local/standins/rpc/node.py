"""Ask the real node behind a stand-in, over connections that stay open.

Between: gate and view (ask) and anvil's HTTP port on loopback.
Shape: `post` takes one JSON-RPC body (a call or a batch) and returns the node's body as it came.
Invariant: a connection carries one request at a time; one that the node had closed meanwhile is replaced once.
Errors: NodeAway when the node does not accept or cuts the connection.
"""

import asyncio
from typing import Any, Final, cast

import httptools
import msgspec

from audifi.local.standins.rpc.server import HOST

IDLE_MAX: Final = 64  # connections kept for the next burst


class NodeAway(Exception):
    """The node behind this provider does not answer."""


class _Wire(asyncio.Protocol):
    """One connection; the names with on_ are what httptools calls."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(NodeAway(f"the node cut the connection: {exc or 'end of stream'}"))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(b"".join(self._body))

    def send(self, request: bytes) -> "asyncio.Future[bytes]":
        self._body = []
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self._transport.abort()


class Node:
    """One chain's node."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Wire] = []
        self._head = (
            f"POST / HTTP/1.1\r\nhost: {HOST}:{port}\r\ncontent-type: application/json\r\ncontent-length: "
        ).encode()

    async def post(self, body: bytes) -> bytes:
        """The node's answer to this body."""
        request = self._head + b"%d\r\n\r\n" % len(body) + body
        while self._idle:
            wire = self._idle.pop()
            if wire.is_open:
                try:
                    return await self._asked(wire, request)
                except NodeAway:
                    break  # closed while it lay idle, or just now: a new connection tells
        return await self._asked(await self._connected(), request)

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call of our own.

        Raises: NodeAway also when the node answers with an error.
        """
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        answer = msgspec.json.decode(await self.post(body))
        if "result" not in answer:
            raise NodeAway(f"the node answers {method} with {answer.get('error')}")
        return answer["result"]

    async def height(self) -> int:
        """The number of its newest block."""
        return int(await self.call("eth_blockNumber"), 16)

    def close(self) -> None:
        for wire in self._idle:
            wire.close()
        self._idle.clear()

    async def _connected(self) -> _Wire:
        try:
            _, wire = await asyncio.get_running_loop().create_connection(_Wire, HOST, self._port)
        except OSError as error:
            raise NodeAway(f"the node on port {self._port} does not accept: {error}") from error
        return wire

    async def _asked(self, wire: _Wire, request: bytes) -> bytes:
        answer = await wire.send(request)
        if wire.is_open and len(self._idle) < IDLE_MAX:
            self._idle.append(wire)
        else:
            wire.close()
        return answer
