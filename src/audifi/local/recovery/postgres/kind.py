"""Back PostgreSQL up: from whichever pod is primary, into one encrypted repository.

Between: recovery.kinds (the schedule asks for it) and recovery.postgres.pgbackrest.
Invariant: segments are archived from the moment this kind has prepared the repository, never before: `up` without the
backups component archives nothing, and `up` with it does not wait for it. A page whose checksum is wrong makes the
backup a failure: it would bring the damage back.
Errors: NotReady without a primary; BackupFailed with pgBackRest's words.
Source: Patroni 4.1 REST API (PATCH /config); https://pgbackrest.org/user-guide.html.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from audifi.local.binaries import binary
from audifi.local.components import patroni
from audifi.local.recovery.catalogue import Entry, How
from audifi.local.recovery.kinds import BackupFailed, Kind
from audifi.local.recovery.postgres import choosing
from audifi.local.recovery.postgres.pgbackrest import MISMATCHES, BackupSet, PgBackRest, PgBackRestFailed
from audifi.local.recovery.postgres.settings import STANZA, repository
from audifi.local.state import Instance
from audifi.topology.model.data import Backup
from audifi.topology.model.whole import Topology

NAME: Final = "postgres"
# "  archiveId: 15-1, total WAL checked: 4, total valid WAL: 4" of verify's text.
_ARCHIVE: Final = re.compile(r" +archiveId: \S+, total WAL checked: (?P<total>\d+), total valid WAL: (?P<valid>\d+)")
TYPES: Final = {How.FULL: "full", How.INCREMENTAL: "incr"}


def kinds(instance: Instance, topology: Topology) -> tuple[Kind, ...]:
    """PostgreSQL is one kind."""
    return (PostgresKind(instance, topology),)


class PostgresKind:
    """Full and incremental backups of the primary."""

    component = "postgres"

    def __init__(self, instance: Instance, topology: Topology) -> None:
        self._instance = instance
        self._topology = topology
        self._prepared = False

    @property
    def backup(self) -> Backup:
        return next(each for each in self._topology.stores.backups if each.name == NAME)

    async def make(self, how: How) -> Entry:
        """Make one from the primary."""
        program = PgBackRest(self._instance, await patroni.primary(self._instance, self._topology))
        if not self._prepared:
            await self._prepare(program)
            self._prepared = True
        await program.run("backup", f"--type={TYPES[how]}")
        made = (await program.sets())[-1]
        if made.has_errors:
            raise BackupFailed(f"backup {made.label} holds pages with a wrong checksum: the primary's disk is damaged")
        return await asyncio.to_thread(entry_of, self._instance, made)

    async def remove_old(self, entries: Sequence[Entry]) -> None:
        """Remove full ones, and with each what stands on it and the segments that only it needed."""
        program = PgBackRest(self._instance, self._topology.component("postgres").pods[0])
        there = {each.label for each in await program.sets()}
        for entry in entries:
            if entry.how is How.FULL and entry.label in there:
                await program.run("expire", f"--set={entry.label}")

    async def verify(self, entries: Sequence[Entry]) -> Mapping[str, str]:
        """Read every file and segment of the repository and compare checksums; look for holes in the log."""
        program = PgBackRest(self._instance, self._topology.component("postgres").pods[0])
        there = {each.label: each for each in await program.sets()}
        said = await program.run("verify", "--output=text", "--verbose", level="off")
        files = await program.asked("repo-ls", "--recurse", f"archive/{STANZA}")
        problems: dict[str, str] = {}
        for entry in entries:
            if entry.label not in there:
                problems[entry.label] = "it is not in the repository"
            elif problem := damage(there[entry.label], said, files):
                problems[entry.label] = problem
        return problems

    def has_changed(self) -> bool:
        """It has a schedule."""
        return False

    async def _prepare(self, program: PgBackRest) -> None:
        """Make the repository ready for this cluster, then archive into it; both are idempotent."""
        try:
            await program.run("stanza-create")
        except PgBackRestFailed as error:
            if error.code not in MISMATCHES:
                raise
            await program.run("stanza-upgrade")  # data/ was lost and made anew: what was kept before stays restorable
        command = f"{binary('pgbackrest')} --stanza={STANZA} archive-push %p"
        await patroni.set_parameter(self._instance, self._topology, "archive_command", command)
        await program.run("check")


def damage(made: BackupSet, said: Sequence[str], files: Iterable[str]) -> str:
    """What is wrong with one backup. `verify` always ends with 0, and says nothing when it could read nothing."""
    wanted = f"  backup: {made.label}, status: valid, "
    if not any(line.startswith(wanted) for line in said):
        lines = (line.strip() for line in said if line.startswith(f"  backup: {made.label},"))
        return next(lines, "verify did not read it")
    archive = next((line for line in said if _ARCHIVE.match(line) and f"-{made.archive}," in line), "")
    counted = _ARCHIVE.match(archive)
    if counted is None or counted["total"] != counted["valid"]:
        return archive.strip() or "verify read no segment of the log"
    try:
        choosing.check_whole(choosing.segments(files, made.archive), made)
    except choosing.RestoreRefused as hole:
        return str(hole)
    return ""


def entry_of(instance: Instance, made: BackupSet) -> Entry:
    """For the catalogue: its checksum is that of its manifest, which holds one of every file."""
    manifest = repository(instance) / "backup" / STANZA / made.label / "backup.manifest"
    return Entry(
        kind=NAME,
        label=made.label,
        how=made.how,
        started_s=made.started_s,
        ended_s=made.ended_s,
        size_bytes=made.size_bytes,
        checksum=f"sha256:{hashlib.sha256(manifest.read_bytes()).hexdigest()}",
    )
