"""A tiny pod to stand in the sockets' place behind the edge: says what the handshake asked, and can drain or flood.

    python socket_pod.py PORT POD

Between: the tests of the sockets' way (over WebSocket), test_sockets.py (starts it).
Shape: every path upgrades and sends one text with what arrived; `?flood=1` sends until nobody reads any more.
"""

import asyncio
import socket
import sys

from aiohttp import web

PORT, POD = int(sys.argv[1]), sys.argv[2]
STATE = {"ready": True, "flooded": 0, "stalled": False}
FRAME = "x" * 4000
FLOOD_FRAMES_MAX = 4000
STALLED_S = 1.0


async def ready(_: web.Request) -> web.Response:
    """Say whether sockets are wanted."""
    return web.json_response(STATE, status=200 if STATE["ready"] else 503)


async def drain(request: web.Request) -> web.Response:
    """Stop or start wanting sockets, and forget what was counted."""
    STATE.update(ready=request.query.get("on") != "1", flooded=0, stalled=False)
    return web.json_response(STATE)


async def flood(connection: web.WebSocketResponse, request: web.Request) -> None:
    """Send until the other end has not read for a while; remember how much was taken."""
    assert request.transport is not None
    request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
    for sent in range(FLOOD_FRAMES_MAX):
        try:
            await asyncio.wait_for(connection.send_str(FRAME), STALLED_S)
        except TimeoutError:
            STATE["stalled"] = True
            return
        STATE["flooded"] = (sent + 1) * len(FRAME)


async def serve(request: web.Request) -> web.StreamResponse:
    """Upgrade, say what was asked, then echo."""
    if not STATE["ready"]:
        return web.json_response({"error": {"code": "SERVICE_UNAVAILABLE"}}, status=503)
    connection = web.WebSocketResponse()
    connection.headers.update({"X-Audifi-Pod": POD, "Server": "leaky"})
    await connection.prepare(request)
    await connection.send_json({"pod": POD, "path": request.path_qs, "headers": dict(request.headers)})
    if "flood" in request.query:
        await flood(connection, request)
    async for message in connection:
        await connection.send_str(message.data)
    return connection


APPLICATION = web.Application()
APPLICATION.router.add_get("/ready", ready)
APPLICATION.router.add_get("/_drain", drain)
APPLICATION.router.add_get("/{path:.*}", serve)

if __name__ == "__main__":
    web.run_app(APPLICATION, host="127.0.0.1", port=PORT, print=None, access_log=None)
