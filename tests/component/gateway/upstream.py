"""A tiny service to stand behind the gateway in its tests: says what it was asked, can be slow, failing or draining.

    python upstream.py PORT JWKS_FILE POD

Between: the gateway's tests (over HTTP), conftest.py (starts it).
Shape: every path answers JSON with what arrived; `?status=`, `?delay_ms=` and `?die=1` choose how.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PORT, JWKS, POD = int(sys.argv[1]), Path(sys.argv[2]).read_bytes(), sys.argv[3]
STATE = {"ready": True, "served": 0}


async def ready(_: Request) -> Response:
    """Say whether requests are wanted."""
    return JSONResponse({"ready": STATE["ready"]}, 200 if STATE["ready"] else 503)


async def drain(request: Request) -> Response:
    """Stop or start being ready."""
    STATE["ready"] = request.query_params.get("on") != "1"
    return JSONResponse(STATE)


async def count(_: Request) -> Response:
    """Say how many requests arrived, without being one."""
    return JSONResponse(STATE)


async def jwks(_: Request) -> Response:
    """Publish the keys the tests sign with."""
    return Response(JWKS, media_type="application/json")


async def echo(request: Request) -> Response:
    """Answer with what arrived."""
    STATE["served"] += 1
    body = await request.body()
    if "die" in request.query_params:
        os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(int(request.query_params.get("delay_ms", "0")) / 1000)
    seen: dict[str, Any] = {
        "pod": POD,
        "method": request.method,
        "path": request.url.path,
        "headers": dict(request.headers.items()),
        "bytes": len(body),
        "served": STATE["served"],
    }
    status = int(request.query_params.get("status", "200"))
    return JSONResponse(seen, status, headers={"Server": "leaky", "X-Powered-By": "leaky", "Cache-Control": "no-store"})


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
APPLICATION = Starlette(
    routes=[
        Route("/ready", ready),
        Route("/_drain", drain),
        Route("/_count", count),
        Route("/.well-known/jwks.json", jwks),
        Route("/{path:path}", echo, methods=METHODS),
    ]
)

if __name__ == "__main__":
    uvicorn.run(APPLICATION, host="127.0.0.1", port=PORT, log_level="warning", timeout_keep_alive=75)
