"""Restore PostgreSQL in place of what is there, and open the writes only when the books agree again.

Between: cli.restore, drills, launch (halts and resumes pods), fetching, standalone and afterwards.
How writes are held closed: both gateways and every service with a database are halted first and by us. The gateways
are the only way in for people, so they stay down until the books agree; services come back before them, because the
catching up is theirs, and with nothing in their memory from the time that is taken back. PgBouncer's PAUSE would hold
clients for its 10 s and then fail them one by one, and it would hold the catching up as well.
Shape: close → check what is wanted → halt PostgreSQL → fetch the difference into one pod → recover, unreachable →
give the lease away → resume all pods, the others copy from the first → roles → services → afterwards → open.
Units: *_s seconds.
Invariant: refused before anything is changed; after the first change a failure leaves writes closed and says so. What
is taken back stays in the archive: it can be restored as it was.
Errors: RestoreRefused, PgBackRestFailed, LocalError. Without a running platform NotRunning says how to start etcd.
"""

import asyncio
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg

from audifi.local import launch
from audifi.local.binaries import binary
from audifi.local.components import lease, patroni
from audifi.local.components.database_roles import create_roles
from audifi.local.errors import LocalError, NotRunning
from audifi.local.files import make_directory
from audifi.local.recovery.catalogue import Catalogue
from audifi.local.recovery.postgres import afterwards, fetching
from audifi.local.recovery.postgres.choosing import Undone
from audifi.local.recovery.postgres.pgbackrest import Tell
from audifi.local.recovery.postgres.settings import STANZA, settings, write
from audifi.local.recovery.postgres.standalone import Place, recovered, set_passwords
from audifi.local.resolution import secret
from audifi.local.state import Instance
from audifi.local.users import unprivileged_user
from audifi.local.waiting import NotReady, wait_for
from audifi.topology.model.whole import Topology
from audifi.topology.secrets import WITH_DATABASE

GATEWAYS: Final = ("api-gateway", "ws-gateway")
ROLES_WITHIN_S: Final = 60.0
OURS: Final = {"postgres": "postgres-superuser", "replicator": "postgres-replication", "rewinder": "postgres-rewind"}


@dataclass(kw_only=True)
class Done:
    """What came of it."""

    label: str = ""  # of the backup it began with
    timeline: int = 0
    last_transaction: str = ""
    database_s: float = 0.0  # until PostgreSQL took writes again
    took_s: float = 0.0
    is_open: bool = False
    problems: list[str] = field(default_factory=list[str])  # of what comes afterwards


async def restore(instance: Instance, topology: Topology, target_s: float | None, tell: Tell) -> Done:
    """Restore to this moment; without one, everything there is."""
    began_s = time.monotonic()
    here = await _components(instance)
    found = await fetching.wanted(instance, topology, target_s, tell)
    tell("closing: gateways and services are halted")
    await _halt(instance, [name for name in (*GATEWAYS, *WITH_DATABASE, "backups") if name in here])
    if target_s is None:
        found = await fetching.wanted(instance, topology, target_s, tell)  # what was written until the doors closed
    pod = await _chosen_pod(instance, topology)
    tell("halting PostgreSQL")
    await _halt(instance, ["postgres"])
    done = Done(label=found.begin.label)
    try:
        await _replace(instance, topology, found, pod, tell, done=done)
    except LocalError as error:
        raise LocalError(
            f"{error}\nPostgreSQL and everything that writes stay halted. What was there is in the archive: restore "
            f"again, to another moment if this one cannot be reached"
        ) from error
    tell(f"resuming {pod}, then the replicas, which are copied from it")
    await launch.resume(instance, pod)
    await launch.resume(instance, "postgres")
    await wait_for(
        lambda: create_roles(instance, topology), within_s=ROLES_WITHIN_S, saying="roles have their passwords"
    )
    done.database_s = time.monotonic() - began_s
    tell(f"PostgreSQL takes writes again after {done.database_s:.1f} s, timeline {done.timeline}")
    await _reopen(instance, topology, target_s, done, tell)
    done.took_s = time.monotonic() - began_s
    return done


async def reopen(instance: Instance, topology: Topology, target_s: float | None, tell: Tell) -> Done:
    """Only what comes afterwards: when it was not well the first time."""
    began_s = time.monotonic()
    done = Done()
    await _reopen(instance, topology, target_s, done, tell)
    done.took_s = time.monotonic() - began_s
    return done


async def _replace(
    instance: Instance, topology: Topology, found: fetching.Wanted, pod: str, tell: Tell, *, done: Done
) -> None:
    """Restore the files of one pod, recover them, and let no other pod have any."""
    data = instance.data(pod) / "pgdata"
    user = unprivileged_user()
    make_directory(instance.data(pod), user=user, mode=0o700)
    make_directory(data, user=user, mode=0o700)
    await fetching.fetch(instance, topology, found, data, is_beside=False, tell=tell)
    write(instance, topology, pod)
    archives_to = f"{binary('pgbackrest')} --config={settings(instance, pod)} --stanza={STANZA} archive-push %p"
    place = Place(instance=instance, directory=instance.data(pod) / "recovery", data=data)
    async with recovered(place, archives_to=archives_to, newest=found.newest, tell=tell) as (told, how_far):
        await set_passwords(told, {role: secret(instance, topology, name) for role, name in OURS.items()})
        system_id = await _system_id(told)
    done.timeline, done.last_transaction = how_far.timeline, how_far.last_transaction
    if found.target_s is not None:
        fetching.note_undone(instance, Undone(target_s=found.target_s, at_s=time.time(), timeline=found.current))
    tell("recovered; the other pods' files are removed, the lease is given away")
    for other in topology.component("postgres").pods:
        if other != pod:
            await asyncio.to_thread(shutil.rmtree, instance.data(other) / "pgdata", ignore_errors=True)
    await lease.hand_over(instance, topology, system_id)


async def _reopen(instance: Instance, topology: Topology, target_s: float | None, done: Done, tell: Tell) -> None:
    here = await _components(instance)
    tell("resuming services; the gateways stay closed")
    await asyncio.gather(*(launch.resume(instance, name) for name in ("backups", *WITH_DATABASE) if name in here))
    done.problems = await afterwards.catch_up(instance, topology, here, target_s, tell)
    if done.problems:
        return
    if done.label:
        Catalogue.of(instance).restore_proven("postgres", done.label, time.time())
    tell("opening the gateways")
    await asyncio.gather(*(launch.resume(instance, name) for name in GATEWAYS if name in here))
    done.is_open = True


async def _components(instance: Instance) -> set[str]:
    """What is part of the running instance."""
    if instance.running() is None:
        raise NotRunning(
            f"nothing is running in {instance.path}, and who is primary is written in etcd: start at least that, with "
            f"./audifi up --only etcd, and restore again. --beside needs nothing"
        )
    return {unit["component"] for unit in (await launch.status(instance))["units"]}


async def _halt(instance: Instance, names: Sequence[str]) -> None:
    here = await _components(instance)
    await asyncio.gather(*(launch.halt(instance, name) for name in names if name in here))


async def _chosen_pod(instance: Instance, topology: Topology) -> str:
    """The primary has the most of what is restored already."""
    try:
        return await patroni.primary(instance, topology)
    except NotReady:
        return topology.component("postgres").pods[0]


async def _system_id(told: str) -> str:
    async with await psycopg.AsyncConnection.connect(told, autocommit=True) as connection:
        row = await (await connection.execute("SELECT system_identifier FROM pg_control_system()")).fetchone()
    if row is None:
        raise LocalError("the restored server does not know its system identifier")
    return str(row[0])
