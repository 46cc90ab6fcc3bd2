"""Run Redis for the time of a restore: to read a snapshot, or to fill a directory nobody else can reach yet.

Between: cluster, queue, snapshots (ask for servers) and redis-server.
Shape: a Room is a scratch directory below the instance, with ports and a password of its own; one restore at a time.
Invariant: nobody who knows the platform's addresses or passwords reaches these servers; they end with the block that
started them, and with us if we are killed (local.spawning); the room is emptied at both ends.
Units: *_s seconds.
Errors: LocalError when a server does not load what it was given, with the end of its log; when another restore runs.
Source: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/.
"""

import asyncio
import fcntl
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from audifi.local.components.redis_server import command, write_settings
from audifi.local.errors import LocalError
from audifi.local.files import make_directory, remove_tree
from audifi.local.logs import last_lines
from audifi.local.ports import LOOPBACK
from audifi.local.spawning import bound_to_us, environment_of
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, TimedOut, wait_for

LOADS_WITHIN_S: Final = 120.0
ANSWERS_WITHIN_S: Final = 60.0  # one command: the largest value
ENDS_WITHIN_S: Final = 30.0
PASSWORD: Final = "redis"  # noqa: S105  # the name of the room's secret


@dataclass(frozen=True)
class Room:
    """Where one restore works."""

    owner: Instance  # whose restore it is: its `down` ends these servers too
    scratch: Instance

    def directory(self, name: str) -> Path:
        return make_directory(self.scratch.data(name), mode=0o700)

    @property
    def password(self) -> str:
        return self.scratch.secrets.of(PASSWORD)


@contextmanager
def room(instance: Instance) -> Generator[Room]:
    """An empty room, for us alone."""
    make_directory(instance.path)
    with (instance.path / "restoring.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalError(f"another restore of Redis works in {instance.path}: wait until it has ended") from error
        path = instance.path / "restoring"
        remove_tree(path)
        scratch = Instance.at(make_directory(path, mode=0o700))
        scratch.create()
        try:
            yield Room(instance, scratch)
        finally:
            remove_tree(path)


@asynccontextmanager
async def serving(place: Room, name: str, more: Mapping[str, str | int]) -> AsyncGenerator[Any]:
    """A server on the files in `place.directory(name)`: gives a client whose answers are as Redis sent them."""
    number = place.scratch.ports.of(name, "redis")
    settings = place.scratch.config(name) / "redis.conf"
    write_settings(settings, port=number, passwords=(place.password,), directory=place.directory(name), more={**more})
    log = place.scratch.log(name)
    process = await _started(place, settings, log)
    client = connect(number, place.password)
    try:
        await _loaded(client, process, name, log)
        yield client
    finally:
        await client.aclose()
        await _ended(process)


def connect(number: int, password: str) -> Any:
    """A client that neither decodes nor rearranges answers."""
    client: Any = Redis(host=LOOPBACK, port=number, password=password, protocol=2, socket_timeout=ANSWERS_WITHIN_S)
    client.response_callbacks.clear()
    return client


async def _started(place: Room, settings: Path, log: Path) -> asyncio.subprocess.Process:
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *bound_to_us(command(settings), None),
            env=environment_of(place.owner, {}, settings.parent),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


async def _loaded(client: Any, process: asyncio.subprocess.Process, name: str, log: Path) -> None:
    async def answers() -> None:
        if process.returncode is not None:
            raise LocalError(f"Redis does not take the files of {name}; the end of its log:\n{last_lines(log)}")
        try:
            await client.execute_command("PING")
        except (RedisError, OSError) as error:  # also LOADING
            raise NotReady(str(error)) from error

    try:
        await wait_for(answers, within_s=LOADS_WITHIN_S, saying=f"Redis loads the files of {name}", every_s=0.05)
    except TimedOut as slow:
        raise LocalError(str(slow)) from slow


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()  # it writes what it has not written yet, then ends
    try:
        await asyncio.wait_for(process.wait(), ENDS_WITHIN_S)
    except TimeoutError:
        process.kill()
        await process.wait()
