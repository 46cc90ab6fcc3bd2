"""Run a Stripe stand-in of one's own: a process on loopback, with this test's webhook address.

Between: tests of payment-service and of the stand-in itself, and audifi.local.standins.stripe.
Shape: `http` is the API and the pages, `control` the knobs.
Invariant: the process ends with the block.
Errors: NotReady's last status when it does not start.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from audifi.local import probes
from audifi.local.waiting import wait_for

KEY: Final = "sk_test_of_the_tests"
SECRET: Final = "whsec_of_the_tests"  # nobody's
GOOD_CARD: Final = "4242424242424242"
BAD_CARD: Final = "4000000000000002"
LATER_BAD_CARD: Final = "4000000000000341"


@dataclass
class StandIn:
    """One that runs."""

    http: int
    control: int
    directory: Path
    webhook: str
    process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    async def pay(self, url: str, card: str = GOOD_CARD) -> tuple[int, Any]:
        """Try a card on a hosted page, as a program."""
        async with aiohttp.ClientSession() as session, session.post(url, json={"card": card}) as answer:
            return answer.status, await answer.json()

    async def restart(self) -> None:
        """Kill it without a word, and start it again on what it kept."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        self.process = await _started(self)


@asynccontextmanager
async def standin(directory: Path, *, webhook: str = "") -> AsyncGenerator[StandIn]:
    """A stand-in that keeps its objects here."""
    _written(directory)
    found = StandIn(_free_port(), _free_port(), directory, webhook, None)  # pyright: ignore[reportArgumentType]  # next line
    found.process = await _started(found)
    try:
        yield found
    finally:
        os.kill(found.process.pid, signal.SIGTERM)
        assert await found.process.wait() == 0


def _written(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "key").write_text(KEY)
    (directory / "secret").write_text(SECRET)


async def _started(found: StandIn) -> asyncio.subprocess.Process:
    directory = found.directory
    telling = ("--webhook", found.webhook, "--webhook-secret-file", str(directory / "secret")) if found.webhook else ()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "audifi.local.standins.stripe", "--http", str(found.http)),
        *("--control", str(found.control), "--directory", str(directory / "data")),
        *("--key-file", str(directory / "key"), *telling),
    )
    await wait_for(lambda: probes.http_get(found.control, "/health"), within_s=20, saying="the stand-in starts")
    return process


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
