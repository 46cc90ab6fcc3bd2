"""Run pgBackRest as the unprivileged user, and read what it answers.

Between: recovery.postgres.kind and restores, and the program.
Units: sizes in bytes; seconds since the epoch.
Invariant: it ends with us (setpriv's parent-death signal); its words go to `tell`, never its settings.
Errors: BackupFailed with its last error line; what its error means to a person where that is known.
Source: https://pgbackrest.org/command.html; error codes: src/build/error/error.yaml of 2.45.
"""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from audifi.local.binaries import binary
from audifi.local.recovery.catalogue import How
from audifi.local.recovery.kinds import BackupFailed
from audifi.local.recovery.postgres.settings import STANZA, environment
from audifi.local.spawning import bound_to_us, environment_of
from audifi.local.state import Instance
from audifi.local.users import unprivileged_user

Tell = Callable[[str], None]

# A line of its log: 2026-11-23 16:00:00.123 P00   INFO: backup command begin
_LINE: Final = re.compile(r"^\S+ \S+ P\d+ +(?P<level>[A-Z0-9]+): (?P<text>.*)$")
_ERROR: Final = re.compile(r"ERROR: \[(?P<code>\d+)\]: (?P<text>.*)")
MISMATCHES: Final = frozenset({"028", "044", "051"})  # of the stanza with this cluster: it was made anew
UNREADABLE: Final = 99  # of a stanza in `info`: "other"; the message quotes what it could not read, so it is not shown
WRONG_KEY: Final = "095"  # CryptoError
MEANINGS: Final = {
    WRONG_KEY: "the key does not open the repository (recovery-keys/ is another), or it is damaged",
    "029": "a block of the repository is damaged: nothing was opened. An earlier moment begins with another backup",
}


class PgBackRestFailed(BackupFailed):
    """It ended with an error."""

    def __init__(self, command: str, code: str, text: str) -> None:
        self.code = code
        meaning = f"{MEANINGS[code]}; " if code in MEANINGS else ""
        super().__init__(f"pgbackrest {command}: {meaning}[{code}] {text}")


@dataclass(frozen=True, kw_only=True)
class BackupSet:
    """A backup as the repository describes it."""

    label: str
    how: How
    started_s: float
    ended_s: float
    size_bytes: int  # what it takes in the repository
    database_bytes: int
    has_errors: bool  # pages whose checksum was wrong when they were copied
    archive: str  # "15-1": the directory of its segments; another number after the cluster was made anew
    first_segment: str
    last_segment: str
    needs: tuple[str, ...]


def nobody(text: str) -> None:
    """For callers that need no progress."""
    del text


@dataclass(frozen=True)
class PgBackRest:
    """The program with the settings of one pod."""

    instance: Instance
    pod: str

    async def run(self, command: str, *options: str, tell: Tell = nobody, level: str = "info") -> list[str]:
        """Run one command to its end; returns what it printed."""
        return await self._run(command, (*options, f"--log-level-console={level}"), tell)

    async def asked(self, command: str, *options: str) -> Any:
        """What a command answers in JSON."""
        lines = await self._run(command, (*options, "--output=json", "--log-level-console=off"), nobody)
        try:
            return json.loads("\n".join(lines))
        except json.JSONDecodeError as error:  # it quotes what it could not decrypt, byte by byte
            raise PgBackRestFailed(command, WRONG_KEY, "its answer is no JSON") from error

    async def sets(self) -> list[BackupSet]:
        """Every backup in the repository, oldest first."""
        stanzas = await self.asked("info")
        for stanza in stanzas:
            code = stanza["status"]["code"]
            if code == UNREADABLE:
                raise PgBackRestFailed("info", WRONG_KEY, "its index cannot be read")
        return [_set(each) for stanza in stanzas for each in stanza.get("backup", [])]

    async def _run(self, command: str, options: tuple[str, ...], tell: Tell) -> list[str]:
        argv = [str(binary("pgbackrest")), command, f"--stanza={STANZA}", *options, "--log-level-stderr=off"]
        program = await asyncio.create_subprocess_exec(
            *bound_to_us(argv, unprivileged_user()),
            env=environment_of(self.instance, environment(self.instance, self.pod), self.instance.path),
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        lines: list[str] = []
        try:
            assert program.stdout is not None, "we asked for a pipe"
            async for raw in program.stdout:
                line = raw.decode(errors="replace").rstrip()
                lines.append(line)
                if found := _LINE.match(line):
                    tell(found["text"])
            code = await program.wait()
        finally:
            if program.returncode is None:
                program.terminate()
                await program.wait()
        if code:
            raise PgBackRestFailed(command, *_error(lines, code))
        return lines


def _error(lines: list[str], code: int) -> tuple[str, str]:
    for place, line in enumerate(lines):
        if found := _ERROR.search(line):
            hints = [each.strip() for each in lines[place + 1 : place + 4] if each.startswith(" ")]
            return found["code"], " ".join([found["text"], *hints])
    return f"{code:03}", " ".join(lines[-3:])


def _set(found: dict[str, Any]) -> BackupSet:
    return BackupSet(
        label=found["label"],
        how=How.FULL if found["type"] == "full" else How.INCREMENTAL,
        started_s=float(found["timestamp"]["start"]),
        ended_s=float(found["timestamp"]["stop"]),
        size_bytes=int(found["info"]["repository"]["delta"]),
        database_bytes=int(found["info"]["size"]),
        has_errors=bool(found["error"]),
        archive=f"{found['database']['id']}",
        first_segment=found["archive"]["start"],
        last_segment=found["archive"]["stop"],
        needs=tuple(found["reference"] or ()),
    )
