"""Serve two operations with nothing but Starlette, msgspec and uvicorn: the floor the kernel is measured against.

Between: kernel_overhead (starts it) and wrk.
Shape: GET /greeting and POST /greeting {"name"}; both answer {"data": {"message"}}. Unknown fields are refused.
What it leaves out: request ids, traces, metrics, access log, limits, error envelope, deadlines, identity.
"""

import sys

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from audifi.local.ports import LOOPBACK


class GreetingBody(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Whom to greet."""

    name: str


class Greeting(msgspec.Struct, rename="camel"):
    """A sentence."""

    message: str


class Data(msgspec.Struct):
    """The success envelope."""

    data: Greeting


_decoder = msgspec.json.Decoder(GreetingBody)
_encoder = msgspec.json.Encoder()


async def hello(_request: Request) -> Response:
    return _json(Greeting("Hello."))


async def greet(request: Request) -> Response:
    body = _decoder.decode(await request.body())
    return _json(Greeting(f"Hello, {body.name}."))


def _json(greeting: Greeting) -> Response:
    return Response(_encoder.encode(Data(greeting)), media_type="application/json")


def main() -> None:
    app = Starlette(routes=[Route("/greeting", hello), Route("/greeting", greet, methods=["POST"])])
    uvicorn.run(
        app, host=LOOPBACK, port=int(sys.argv[1]), http="httptools", loop="uvloop", ws="none", lifespan="off",
        access_log=False, log_config=None, server_header=False, proxy_headers=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
