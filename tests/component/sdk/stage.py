"""Play the server's side of a live session for the clients, and misbehave when told to.

Between: tests of this folder and the clients, Python's in process and TypeScript's in node.
Shape: tickets, the socket, the stream and the vote over HTTP, for one session, with the public addresses' paths.
Invariant: a ticket opens one socket; events are numbered without a hole, and a join is answered as the gateway does:
what was missed, or a snapshot, then the ack.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

SESSION = "0192d1a7-8f5b-7cc2-a9ad-7a7b4b4e0a11"


@dataclass
class Stage:
    """The session, and who watches it."""

    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    said: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])  # by clients, in order
    votes: dict[str, int] = field(default_factory=dict[str, int])  # requestId → how often it came
    resumed: list[str] = field(default_factory=list[str])  # Last-Event-ID of streams
    sockets: set[web.WebSocketResponse] = field(default_factory=set[web.WebSocketResponse])
    streams: set[web.StreamResponse] = field(default_factory=set[web.StreamResponse])
    is_answering: bool = True  # votes
    lets_sockets: bool = True
    tickets: set[str] = field(default_factory=set[str])
    given: int = 0
    pages: Path | None = None  # modules that a browser may load
    heard: asyncio.Queue[None] = field(default_factory=asyncio.Queue[None])  # one for each frame of a client

    async def tell(self, type_: str, **fields: Any) -> None:
        """An event, to everybody who is there."""
        frame = {"type": type_, "ts": 1, **fields, "seq": len(self.events) + 1}
        self.events.append(frame)
        await self.send(frame)

    async def send(self, frame: dict[str, Any]) -> None:
        for socket in list(self.sockets):
            await socket.send_json(frame)
        for stream in list(self.streams):
            await stream.write(_event(frame))

    async def close(self, code: int) -> None:
        """Close every socket."""
        for socket in list(self.sockets):
            await socket.close(code=code)

    def missed(self, last: int | None) -> list[dict[str, Any]]:
        if last is None:
            return [{"type": "session_state", "ts": 1, "seq": len(self.events), "status": "ACTIVE"}]
        return self.events[last:]


def _event(frame: dict[str, Any]) -> bytes:
    return f"id: {frame['seq']}\nevent: {frame['type']}\ndata: {json.dumps(frame)}\n\n".encode()


class Routes:
    """What clients ask."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def ticket(self, _request: web.Request) -> web.Response:
        self.stage.given += 1
        ticket = f"t{self.stage.given}"
        self.stage.tickets.add(ticket)
        url = f"{self.stage.url.replace('http', 'ws')}/p/1/vstudio/{SESSION}?ticket={ticket}"
        return web.json_response({"data": {"ticket": ticket, "expiresIn": 30, "wsUrl": url, "role": "viewer"}})

    async def socket(self, request: web.Request) -> web.StreamResponse:
        stage = self.stage
        if not stage.lets_sockets:
            return web.Response(status=403, text="<h1>Forbidden by your network</h1>")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        ticket = request.query.get("ticket")
        if ticket is not None and ticket not in stage.tickets:
            await socket.close(code=4000)
            return socket
        stage.tickets.discard(ticket or "")
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._heard(socket, json.loads(message.data))
        finally:
            stage.sockets.discard(socket)
        return socket

    async def _heard(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        stage = self.stage
        stage.said.append(frame)
        match frame["type"]:
            case "join":
                stage.sockets.add(socket)
                for missed in stage.missed(frame.get("lastSeq")):
                    await socket.send_json(missed)
                await socket.send_json({"type": "ack", "ts": 1, "requestId": frame["requestId"]})
            case "vote":
                await self._voted(socket, frame)
            case _:
                pass
        stage.heard.put_nowait(None)

    async def _voted(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        key = frame["requestId"]
        self.stage.votes[key] = self.stage.votes.get(key, 0) + 1
        answer = {"requestId": key, "decisionId": frame["decisionId"], "ts": 1}
        if frame.get("choice") == "refused":
            await socket.send_json({"type": "error", "code": 4012, "message": "You have voted.", **answer})
        elif self.stage.is_answering:
            again = self.stage.votes[key] > 1
            await socket.send_json({"type": "vote_ack", "voteId": "v", "weight": 1000, "duplicate": again, **answer})

    async def page(self, request: web.Request) -> web.StreamResponse:
        """An empty page, and the modules beside it; from a server, for a browser asks where a page came from."""
        name = request.match_info["name"]
        if not name or self.stage.pages is None:
            return web.Response(text="<!doctype html><link rel=icon href=data:,>", content_type="text/html")
        text = (self.stage.pages / name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type="text/javascript")

    async def stream(self, request: web.Request) -> web.StreamResponse:
        stage = self.stage
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        last = request.headers.get("Last-Event-ID")
        stage.resumed.append(last or "")
        await response.write(b": hello\n\n")
        for missed in stage.missed(None if last is None else int(last)):
            await response.write(_event(missed))
        stage.streams.add(response)
        try:
            await asyncio.Event().wait()  # until the client goes, or the test ends
        finally:
            stage.streams.discard(response)
        return response

    async def vote(self, request: web.Request) -> web.Response:
        key = request.headers["Idempotency-Key"]
        self.stage.votes[key] = self.stage.votes.get(key, 0) + 1
        return web.json_response({"data": {"voteId": "v", "weight": 1000, "duplicate": False}}, status=201)


@asynccontextmanager
async def staged() -> AsyncGenerator[Stage]:
    """A stage of one's own."""
    stage = Stage()
    routes = Routes(stage)
    app = web.Application()
    app.router.add_get(r"/page/{name:[\w.]*}", routes.page)
    app.router.add_post("/v1/vstudio/ticket", routes.ticket)
    app.router.add_get(f"/p/1/vstudio/{SESSION}", routes.socket)
    app.router.add_get(f"/vstudio/{SESSION}", routes.socket)
    app.router.add_get(f"/v1/vstudio/sse/{SESSION}", routes.stream)
    app.router.add_post(f"/v1/vstudio/sessions/{SESSION}/vote", routes.vote)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        stage.url = str(server.make_url("/")).rstrip("/")
        yield stage
