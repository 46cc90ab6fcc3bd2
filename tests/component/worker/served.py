"""Serve an application on a port of its own: peers are asked over real sockets.

Between: tests of this folder, kernel.http.application and uvicorn.
Errors: what uvicorn says when it cannot start.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn


@asynccontextmanager
async def served(application: Any) -> AsyncGenerator[str]:
    """Give the address; connections wait in the backlog until the server has started."""
    server = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_config=None, ws="none"))
    listening = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
