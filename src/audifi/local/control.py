"""Let verbs talk to the running supervisor: a Unix socket that only its owner may open.

Between: local.supervisor (serves) and cli, tests (ask).
Shape: one request per connection, one JSON object a line: {"verb": "status" | "follow" | "restart" | "halt" |
"resume" | "stop", …}; answers are lines as well, until the connection ends.
Invariant: mode 0600. The path is opened through a directory descriptor, because a socket's path may not be longer
than 107 bytes (unix(7)) and a clone may lie deep.
Errors: NotRunning when nobody listens; LocalError carries the supervisor's own refusal.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from audifi.local.board import Event
from audifi.local.errors import LocalError, NotRunning
from audifi.local.state import Instance

SOCKET: Final = "control.sock"
LINE_BYTES_MAX: Final = 1024 * 1024


@contextmanager
def _short_path(directory: Path) -> Generator[str]:
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def listening(instance: Instance) -> socket.socket:
    """A listening socket in the instance's directory."""
    (instance.path / SOCKET).unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with _short_path(instance.path) as path:
            server.bind(path)
    finally:
        os.umask(before)
    server.listen()
    return server


async def ask(instance: Instance, verb: str, **arguments: Any) -> AsyncGenerator[Event, None]:
    """Send one request and give back each line of the answer."""
    reader, writer = await _connected(instance)
    try:
        writer.write(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
        await writer.drain()
        async for line in reader:
            event = json.loads(line)
            if event.get("event") == "refused":
                raise LocalError(event["reason"])
            yield event
    except ConnectionError:
        return  # it ended while we listened: for us the same as the end of its answer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def ask_once(instance: Instance, verb: str, **arguments: Any) -> Event:
    """The first line of the answer."""
    async with aclosing(ask(instance, verb, **arguments)) as events:
        async for event in events:
            return event
    raise NotRunning(f"the supervisor of {instance.path} ended without an answer")


async def _connected(instance: Instance) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        with _short_path(instance.path) as path:
            return await asyncio.open_unix_connection(path, limit=LINE_BYTES_MAX)
    except (FileNotFoundError, ConnectionError) as error:
        raise NotRunning(f"nothing is running in {instance.path}; start it: ./audifi up") from error
