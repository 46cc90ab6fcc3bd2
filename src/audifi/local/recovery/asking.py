"""Ask the process that makes backups: how they are, one now, another time of day.

Between: cli.backup, restores, tests and drills, and the control port of backups-1.
Units: *_s seconds.
Errors: NotRunning when nothing makes backups here; BackupFailed with what it said.
"""

import asyncio
import http.client
import json
from typing import Any, Final

from audifi.local.errors import NotRunning
from audifi.local.ports import LOOPBACK
from audifi.local.recovery.catalogue import How
from audifi.local.recovery.kinds import BackupFailed
from audifi.local.resolution import port
from audifi.local.state import Instance
from audifi.topology.declaration import platform

POD: Final = "backups-1"
ANSWER_WITHIN_S: Final = 3600.0  # a full backup of a gigabyte takes a minute; of a hundred, an hour


async def facts(instance: Instance) -> list[dict[str, Any]]:
    """What is known of each kind."""
    return await _asked(instance, "GET", "/backups")


async def make(instance: Instance, kind: str, how: How) -> dict[str, Any]:
    """Make one now; returns its entry."""
    return await _asked(instance, "POST", "/now", {"kind": kind, "how": how})


async def verify(instance: Instance, kind: str) -> dict[str, str]:
    """Read everything that is kept: label → what is wrong with it."""
    return await _asked(instance, "POST", "/verify", {"kind": kind})


async def move_clock(instance: Instance, ahead_s: float) -> None:
    """Let the schedule believe that it is later; 0 sets it right."""
    await _asked(instance, "PUT", "/clock", {"ahead_s": ahead_s})


async def _asked(instance: Instance, verb: str, path: str, told: dict[str, Any] | None = None) -> Any:
    return await asyncio.to_thread(_ask, instance, verb, path, told)


def _ask(instance: Instance, verb: str, path: str, told: dict[str, Any] | None) -> Any:
    number = port(instance, platform("local"), POD, "control")
    connection = http.client.HTTPConnection(LOOPBACK, number, timeout=ANSWER_WITHIN_S)
    try:
        connection.request(verb, path, None if told is None else json.dumps(told))
        with connection.getresponse() as answer:
            text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise NotRunning(f"nothing makes backups of {instance.path} now ({error}): ./audifi up") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise BackupFailed(text)
    return json.loads(text)
