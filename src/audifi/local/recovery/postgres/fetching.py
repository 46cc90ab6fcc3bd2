"""Fetch a backup into a data directory, chosen and checked first.

Between: recovery.postgres.beside and in_place, choosing (pure) and pgBackRest.
Units: seconds since the epoch.
Invariant: the primary, when there is one, is made to archive what it has first, so that a moment of just now can be
restored; nothing is fetched before everything that can be refused was.
Errors: RestoreRefused, PgBackRestFailed (a corrupt block, a wrong key).
"""

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from audifi.local.binaries import binary
from audifi.local.components import patroni
from audifi.local.errors import LocalError
from audifi.local.ports import LOOPBACK
from audifi.local.recovery.catalogue import backups
from audifi.local.recovery.postgres import choosing
from audifi.local.recovery.postgres.choosing import Undone, shown
from audifi.local.recovery.postgres.pgbackrest import BackupSet, PgBackRest, Tell
from audifi.local.recovery.postgres.settings import STANZA, settings, write
from audifi.local.resolution import port, secret
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, TimedOut, wait_for
from audifi.topology.model.whole import Topology

ARCHIVED_WITHIN_S: Final = 60.0
PROGRESS_EVERY: Final = 200  # files


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be restored, checked."""

    begin: BackupSet
    target_s: float | None
    newest: str  # the last segment, when everything is wanted; "" with a moment
    timeline: int | None  # None: the newest
    current: int  # the newest timeline there is


async def wanted(instance: Instance, topology: Topology, target_s: float | None, tell: Tell) -> Wanted:
    """Choose, and refuse what cannot be right."""
    pod = topology.component("postgres").pods[0]
    write(instance, topology, pod)
    program = PgBackRest(instance, pod)
    sets = await program.sets()
    begin = choosing.base(sets, target_s, time.time(), undone(instance))
    await _archive_what_there_is(instance, topology, tell)
    files = await program.asked("repo-ls", "--recurse", f"archive/{STANZA}")
    names = choosing.segments(files, begin.archive)
    choosing.check_whole(choosing.needed(files, begin.archive, target_s), begin)
    moment = f"to {shown(target_s)}" if target_s is not None else "with everything after it"
    tell(f"from {begin.label}, {begin.database_bytes / 2**20:.0f} MiB, {moment}")
    return Wanted(
        begin=begin,
        target_s=target_s,
        newest=names[-1] if target_s is None else "",
        timeline=choosing.timeline(target_s, undone(instance)),
        current=max(int(name[:8], 16) for name in names),
    )


async def fetch(
    instance: Instance, topology: Topology, found: Wanted, data: Path, *, is_beside: bool, tell: Tell
) -> None:
    """Fill the data directory; what is there and right already is kept."""
    pod = topology.component("postgres").pods[0]
    own = f"{binary('pgbackrest')} --config={settings(instance, pod)} --stanza={STANZA} --pg1-path={data}"
    options = [
        f"--pg1-path={data}",
        f"--set={found.begin.label}",
        "--delta",
        f'--recovery-option=restore_command={own} archive-get %f "%p"',
    ]
    if found.target_s is not None:
        options += ["--type=time", f"--target={_precisely(found.target_s)}", "--target-action=promote"]
    if found.timeline is not None:
        options.append(f"--target-timeline={found.timeline}")
    if is_beside:
        options.append("--archive-mode=off")  # a copy must not write into the original's archive
    count = 0

    def counted(text: str) -> None:
        nonlocal count
        if text.startswith("restore file"):
            count += 1
            if count % PROGRESS_EVERY == 0:
                tell(f"{count} files: {text.rpartition(' (')[2].partition(')')[0]}")

    await PgBackRest(instance, pod).run("restore", *options, tell=counted, level="detail")
    tell(f"{count} files fetched or found right")


def undone(instance: Instance) -> list[Undone]:
    """What restores in place have taken back, so far."""
    path = instance.path / "backups" / "postgres-undone.jsonl"
    return [Undone(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def note_undone(instance: Instance, what: Undone) -> None:
    """Remember what this restore in place takes back."""
    with (backups(instance) / "postgres-undone.jsonl").open("a") as file:
        file.write(json.dumps(asdict(what)) + "\n")


async def _archive_what_there_is(instance: Instance, topology: Topology, tell: Tell) -> None:
    """Commit something now and archive it: recovery to a moment needs a commit after it."""
    try:
        pod = await patroni.primary(instance, topology)
    except NotReady:
        tell("no primary runs: only what was archived before can be restored")
        return
    try:
        async with await psycopg.AsyncConnection.connect(
            host=LOOPBACK,
            port=port(instance, topology, pod, "postgres"),
            dbname="postgres",
            user="postgres",
            password=secret(instance, topology, "postgres-superuser"),
            connect_timeout=3,
            options="-c synchronous_commit=local",  # without a replica it must not wait for one
            autocommit=True,
        ) as connection:
            await connection.execute("SELECT txid_current()")
            row = await (await connection.execute("SELECT pg_walfile_name(pg_switch_wal())")).fetchone()
            assert row is not None, "the function answers one row"
            await wait_for(
                lambda: _is_archived(connection, str(row[0])),
                within_s=ARCHIVED_WITHIN_S,
                saying=f"{row[0]} is archived",
            )
    except (psycopg.Error, TimedOut) as error:
        raise LocalError(
            f"the primary {pod} does not archive what it wrote ({error}): halt it to restore without its last moments"
        ) from error


async def _is_archived(connection: "psycopg.AsyncConnection[tuple[object, ...]]", segment: str) -> None:
    row = await (await connection.execute("SELECT last_archived_wal FROM pg_stat_archiver")).fetchone()
    if row is None or str(row[0] or "")[8:24] < segment[8:]:
        raise NotReady(f"last archived: {row}")


def _precisely(at_s: float) -> str:
    """A recovery target with microseconds; PostgreSQL restores what was committed up to it."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
