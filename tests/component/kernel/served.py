"""Be a service without stores, for tests that send signals to a real process.

Between: test_server.py (starts this file) and kernel.server.
Shape: GET /slow answers once the process has received SIGUSR1.
"""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from audifi.kernel.http import Access, Call, Kernel, Operation, Reply
from audifi.kernel.logs import log
from audifi.kernel.server import Service, run
from audifi.kernel.settings import ServiceSettings


class Done(Reply):
    """The slow answer."""

    is_done: bool = True


@asynccontextmanager
async def lifespan(settings: ServiceSettings) -> AsyncGenerator[Service, None]:
    """Serve one slow operation."""
    released = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, released.set)

    async def slow(_: Call[None]) -> Done:
        log.info("slow began")
        await released.wait()
        return Done()

    async def fine() -> None: ...

    operation = Operation(
        method="GET", path="/slow", handler=slow, summary="Slow", tag="t", access=Access.GUEST, reply=Done
    )
    verifier: Any = None  # no operation asks for a token
    yield Service(
        kernel=Kernel(settings=settings, deps=None, verifier=verifier), operations=(operation,), checks={"fine": fine}
    )
    log.info("closed")


if __name__ == "__main__":
    run(ServiceSettings, lifespan, title="served")
