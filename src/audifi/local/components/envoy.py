"""Run an Envoy of ours: its command line, and how it leaves without dropping what it was asked.

Between: components.{api_gateway,ws_balancer} (describe pods) and Envoy's admin interface on loopback.
Shape: leaving has two parts. For DRAIN_S every answer says `Connection: close` while new connections are still taken,
so the edge empties its pool; then the listener closes, and who comes is refused at once and goes to the other pod.
What is still being answered is waited for, within `linger_s`.
Invariant: without a connection it ends at once: nobody waits for an Envoy that nobody uses.
Units: *_s seconds.
Errors: NotReady when the admin interface does not answer at first; then its signal ends it as it is.
Source: Envoy 1.40 admin interface (drain_listeners), command line (--drain-time-s, --drain-strategy).
"""

import asyncio
import http.client
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final
from urllib.parse import quote

from audifi.local import probes
from audifi.local.binaries import binary
from audifi.local.ports import LOOPBACK
from audifi.local.waiting import NotReady

WORKER_THREADS: Final = 1  # a pod here is one event loop: two pods fill two cores
DRAIN_S: Final = 2  # the edge asks a pod it uses many times a second, so each of its connections ends within this
LOOKS_EVERY_S: Final = 0.05
CONNECTIONS: Final = r"^listener\.[0-9._]+\.downstream_cx_active$"
REQUESTS: Final = r"^http\.(public|live)\.downstream_rq_active$"


def command(file: str) -> tuple[str, ...]:
    """The command line of an Envoy that reads this file."""
    return (
        *(str(binary("envoy")), "-c", file, "--concurrency", str(WORKER_THREADS), "--log-level", "warning"),
        # No hot restart: pods replace each other, and its shared memory would tie two instances together.
        *("--disable-hot-restart", "--drain-time-s", str(DRAIN_S), "--drain-strategy", "immediate"),
    )


def leaving(admin: int, *, linger_s: float) -> Callable[[], Awaitable[None]]:
    """What a pod does before its signal: see the module's docstring."""
    return partial(_leave, admin, linger_s)


async def _leave(admin: int, linger_s: float) -> None:
    await asyncio.to_thread(_posted, admin, "/drain_listeners?graceful")
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while (passed_s := loop.time() - began_s) < linger_s:
        with suppress(NotReady):  # a machine that has no time for a question has none for the answers it waits for
            is_closed = passed_s > DRAIN_S + LOOKS_EVERY_S
            if await _sum(admin, REQUESTS if is_closed else CONNECTIONS) == 0:
                return
        await asyncio.sleep(LOOKS_EVERY_S)


async def _sum(admin: int, pattern: str) -> int:
    text = await probes.http_get(admin, f"/stats?filter={quote(pattern)}")
    return sum(int(line.rpartition(":")[2]) for line in text.splitlines())


def _posted(admin: int, path: str) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, admin, timeout=probes.ANSWER_WITHIN_S)
    try:
        connection.request("POST", path)
        with connection.getresponse() as answer:
            answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"POST {path} on {admin}: {error}") from error
    finally:
        connection.close()
