"""Restore PostgreSQL to a moment in a server of its own, beside the one that runs on.

Between: cli.restore, drills, and recovery.postgres.fetching and standalone.
Shape: `<instance>/data/restored-postgres/`: pgdata, settings, log, and `pgpass` for whoever looks. One at a time.
Invariant: the cluster is not touched, and the copy cannot write into its archive. It ends with `audifi down`.
Errors: RestoreRefused; LocalError when there is one already.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audifi.local.binaries import postgres_binaries
from audifi.local.errors import LocalError
from audifi.local.files import make_directory, remove_tree, write_private
from audifi.local.logs import last_lines
from audifi.local.ports import LOOPBACK
from audifi.local.probes import accepts
from audifi.local.recovery.catalogue import Catalogue
from audifi.local.recovery.postgres import fetching
from audifi.local.recovery.postgres.pgbackrest import Tell
from audifi.local.recovery.postgres.standalone import Place, Recovered, recovered, set_passwords, write_settings
from audifi.local.resolution import secret
from audifi.local.spawning import bound_to_us, environment_of
from audifi.local.state import Instance
from audifi.local.users import unprivileged_user
from audifi.local.waiting import wait_for
from audifi.topology.model.whole import Topology

POD: Final = "restored-postgres"
OPENS_WITHIN_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A restored server that runs."""

    port: int
    pgpass: Path
    database: str
    label: str  # of the backup it began with
    recovered: Recovered
    took_s: float


async def restore(instance: Instance, topology: Topology, target_s: float | None, tell: Tell) -> Beside:
    """Restore and leave it running."""
    directory = instance.data(POD)
    if directory.exists():
        raise LocalError(f"{directory} is there already: ./audifi restore postgres --remove takes it away")
    began_s = time.monotonic()
    found = await fetching.wanted(instance, topology, target_s, tell)
    user = unprivileged_user()
    place = Place(instance=instance, directory=directory, data=directory / "pgdata")
    number = instance.ports.of(POD, "postgres")
    password = secret(instance, topology, "postgres-superuser")
    try:
        make_directory(directory, user=user, mode=0o700)
        make_directory(place.data, user=user, mode=0o700)
        await fetching.fetch(instance, topology, found, place.data, is_beside=True, tell=tell)
        async with recovered(place, archives_to="", newest=found.newest, tell=tell) as (told, how_far):
            await set_passwords(told, {"postgres": password})
        await _open(place, number)
    except BaseException:
        await remove(instance)
        raise
    Catalogue.of(instance).restore_proven("postgres", found.begin.label, time.time())
    return Beside(
        port=number,
        pgpass=write_private(directory / "pgpass", f"{LOOPBACK}:{number}:*:postgres:{password}\n"),
        database=topology.stores.postgres.database,
        label=found.begin.label,
        recovered=how_far,
        took_s=time.monotonic() - began_s,
    )


async def remove(instance: Instance) -> bool:
    """Stop it and take its files away; False when there was none."""
    directory = instance.data(POD)
    if not directory.exists():
        return False
    if (directory / "pgdata" / "postmaster.pid").exists():
        await _control(instance, directory, "stop", "--mode=immediate", "--wait")
    await asyncio.to_thread(remove_tree, directory)
    return True


async def _open(place: Place, number: int) -> None:
    more = {"archive_mode": "off", "max_wal_senders": "0", "wal_level": "minimal", "hot_standby": "on"}
    settings = write_settings(place, listen=LOOPBACK, port=number, socket="", more=more)
    log = place.directory / "server.log"  # its own: recovery.log is ours
    options = (f"--log={log}", f"--options=-c config_file={settings}")
    if await _control(place.instance, place.directory, "start", *options):
        raise LocalError(f"the restored server does not start:\n{last_lines(log)}")
    await wait_for(lambda: accepts(number), within_s=OPENS_WITHIN_S, saying="the restored server")


async def _control(instance: Instance, directory: Path, *arguments: str) -> int:
    """Run pg_ctl; the server it starts outlives us, and ends with the instance."""
    argv = (str(postgres_binaries() / "pg_ctl"), "--silent", f"--pgdata={directory / 'pgdata'}", *arguments)
    program = await asyncio.create_subprocess_exec(
        *bound_to_us(argv, unprivileged_user()),
        env=environment_of(instance, {}, directory),
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await program.wait()
