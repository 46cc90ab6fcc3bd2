"""Serve the same two operations from the kernel, with everything a service gets from it and no store.

Between: kernel_overhead (starts it, gives the environment) and wrk.
Shape: as in bare.py.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from audifi.kernel.http import Access, Body, Call, Kernel, Operation, Reply
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.server import Service, run
from audifi.kernel.settings import ServiceSettings


class GreetingBody(Body):
    """Whom to greet."""

    name: str


class Greeting(Reply):
    """A sentence."""

    message: str


class NoKeys:
    """Nobody signs in here."""

    async def keys(self, *, refresh: bool = False) -> Mapping[str, RSAPublicKey]:
        del refresh
        return {}


async def hello(_call: Call[None]) -> Greeting:
    return Greeting("Hello.")


async def greet(_call: Call[None], body: GreetingBody) -> Greeting:
    return Greeting(f"Hello, {body.name}.")


OPERATIONS = (
    Operation(
        method="GET", path="/greeting", handler=hello, summary="Greet", tag="bench", access=Access.GUEST, reply=Greeting
    ),
    Operation(
        method="POST", path="/greeting", handler=greet, summary="Greet someone", tag="bench", access=Access.GUEST,
        body=GreetingBody, reply=Greeting,
    ),
)  # fmt: skip


@asynccontextmanager
async def lifespan(settings: ServiceSettings) -> AsyncGenerator[Service]:
    verifier = TokenVerifier(issuer=settings.token_issuer, audience=settings.token_audience, source=NoKeys())
    yield Service(kernel=Kernel(settings=settings, deps=None, verifier=verifier), operations=OPERATIONS, checks={})


if __name__ == "__main__":
    run(ServiceSettings, lifespan, title="kernelled")
