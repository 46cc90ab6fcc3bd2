"""Broadcast with the `websockets` library as its documentation recommends: broadcast(), uvloop, no compression.

Between: benchmarks/fanout (starts it in the environment of requirements.lock) and wsload.c.
Source: websockets' "Broadcasting messages" and "Memory and buffers" (compression costs four times the memory).
"""

import asyncio
import sys
from importlib import import_module
from typing import Any

import uvloop

server: Any = import_module("websockets.asyncio.server")  # no import: the platform's tools cannot see it
viewers: set[Any] = set()


async def served(socket: Any) -> None:
    """One connection."""
    if socket.request.path == "/publish":
        async for message in socket:
            server.broadcast(viewers, message)
        return
    viewers.add(socket)
    try:
        await socket.wait_closed()
    finally:
        viewers.discard(socket)


async def main(port: int) -> None:
    async with server.serve(served, "127.0.0.1", port, compression=None, backlog=4096):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
