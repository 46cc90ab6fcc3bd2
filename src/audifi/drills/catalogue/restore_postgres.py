"""Restore PostgreSQL: to a second beside what runs, and from nothing; and keep the schedule that both need.

Between: drills.catalogue (collects), local.recovery.postgres (restores) and the superuser, who counts what came back.
Shape: rows are written one transaction each, with the moment each was acknowledged: "to a second" is judged to the
transaction.
Units: *_s seconds, *_us microseconds since the epoch.
Invariant: what a restore refuses counts as not restored: a refusal is right, but it proves no promise.
Errors: TimedOut, LocalError when a drill cannot be played.
Source: design.md "PITR", "Backup Strategy"; domain.md 7 (RPO ≤ 5 min aimed).
"""

import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

import psycopg
from psycopg import sql

from audifi.drills.drill import Drill, Findings, Sabotage, Scene, Timeline, Way
from audifi.drills.faults import postgres, postgres_files, processes
from audifi.drills.timing import US, now_us
from audifi.local.errors import LocalError, NotRunning
from audifi.local.ports import LOOPBACK
from audifi.local.recovery import asking
from audifi.local.recovery.catalogue import Catalogue, Entry, How
from audifi.local.recovery.postgres import beside, in_place
from audifi.local.resolution import secret
from audifi.local.waiting import NotReady, TimedOut, wait_for

ROWS: Final = 200  # before the moment, and as many after it
NEVER_S: Final = 86_400 * 30.0  # a refusal: as late as the retention
HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
MADE_WITHIN_S: Final = 180.0
KIND: Final = "postgres"
HOURS: Final = 2

Connection = psycopg.AsyncConnection[tuple[object, ...]]


async def to_a_second(scene: Scene) -> Findings:
    """Restore to the moment of one acknowledgement, beside, and compare row by row."""
    stage = scene.stage
    await beside.remove(stage.instance)
    async with _table(scene) as (primary, table):
        acknowledged = [await _written(primary, table, number) for number in range(2 * ROWS)]
        wanted = set(range(ROWS))
        target_us = acknowledged[ROWS - 1]
        begun_us = now_us()
        try:
            found = await _restored_rows(scene, table, target_us)
        except LocalError as refused:
            scene.narrator.note(f"refused: {refused}")
            found = set[int]()
        await primary.execute(sql.SQL("DROP TABLE {}").format(table))
    await beside.remove(stage.instance)
    differ = len(wanted ^ found)
    took_s = (now_us() - begun_us) / US
    return Findings(
        measured={"postgres-pitr": differ},
        figures={"rows wanted": len(wanted), "rows found": len(found), "took_s": round(took_s, 1)},
        timeline=Timeline(injected_us=target_us, recovered_us=now_us()),
    )


async def from_nothing(scene: Scene) -> Findings:
    """Lose every node with its files while somebody writes; restore everything archived; count what is missing."""
    stage, moments = scene.stage, scene.moments
    async with _table(scene) as (primary, table):
        acknowledged = [await _written(primary, table, number) for number in range(ROWS)]
        await asking.make(stage.instance, "postgres", How.INCREMENTAL)
        acknowledged += [await _written(primary, table, number) for number in range(ROWS, 2 * ROWS)]
    lost_us, rto_s = now_us(), 0.0
    if scene.way is not Way.CONTROL:
        async with postgres_files.all_lost(stage):
            lost_us = moments["injected"] = now_us()
            rto_s = await _brought_back(scene)
        moments["recovered"] = now_us()
    await postgres.whole(stage)
    found = await _rows(scene, table, await _port(scene))
    async with await _connected(scene, await _port(scene)) as primary:
        await primary.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
    missing = [number for number in range(2 * ROWS) if number not in found]
    rpo_s = (lost_us - acknowledged[missing[0]]) / US if missing else 0.0
    return Findings(
        measured={"backup-postgres-rto": rto_s, "postgres-rpo": NEVER_S if rto_s == NEVER_S else rpo_s},
        wrong=tuple(
            f"row {number} is missing before one that is there" for number in missing if number < max(found, default=0)
        ),
        figures={"acknowledged": len(acknowledged), "restored": len(found)},
        timeline=Timeline(
            injected_us=moments.get("injected"), recovered_us=moments.get("recovered"), outage_s=min(rto_s, NEVER_S)
        ),
    )


async def on_schedule(scene: Scene) -> Findings:
    """Let hours, a day and thirty days pass by the schedule's clock; count what is made and what is still there."""
    scheduled = next(each for each in scene.stage.topology.stores.backups if each.name == KIND)
    kept_s = (scheduled.retention_days or 0) * DAY_S
    kept_days = 0.0
    try:
        await _made_by(scene, 0.0)
        begun_s = time.time()
        oldest = min(_entries(scene), key=lambda entry: entry.ended_s, default=None)
        before = len(_entries(scene))
        for hour in range(1, HOURS + 1):
            await _made_by(scene, hour * HOUR_S)
        hourly = len(_entries(scene)) - before
        await _made_by(scene, DAY_S + HOUR_S)
        daily = any(entry.how is How.FULL and entry.started_s > begun_s for entry in _entries(scene))
        if oldest is not None:  # until its last day is over and not longer: a drill takes nobody's backups away
            ahead_s = max(DAY_S + HOUR_S, oldest.scheduled_s + kept_s - time.time())
            await _made_by(scene, ahead_s)
            if oldest.label in {entry.label for entry in _entries(scene)}:
                kept_days = (time.time() + ahead_s - oldest.scheduled_s) / DAY_S
    except (NotRunning, TimedOut) as late:
        scene.narrator.note(f"late: {late}")
        hourly, daily = 0, False
    finally:
        with suppress(NotRunning):  # under sabotage nobody keeps the clock
            await asking.move_clock(scene.stage.instance, 0.0)
    return Findings(
        measured={
            "backup-postgres-hourly": HOURS * HOUR_S / hourly if hourly else NEVER_S,
            "postgres-daily": float(daily),
            "backup-postgres-kept": kept_days,
        },
        figures={"hours": HOURS, "made in them": hourly},
    )


async def _made_by(scene: Scene, ahead_s: float) -> None:
    """Move the clock, and wait until nothing is due."""
    await asking.move_clock(scene.stage.instance, ahead_s)

    async def settled() -> None:
        facts = {fact["kind"]: fact for fact in await asking.facts(scene.stage.instance)}
        if facts[KIND]["is_due"] or facts[KIND]["is_busy"]:
            raise NotReady(f"{facts[KIND]}")

    await wait_for(settled, within_s=MADE_WITHIN_S, saying="the schedule has what it wants", every_s=0.5)


def _entries(scene: Scene) -> list[Entry]:
    return Catalogue.of(scene.stage.instance).entries(KIND)


async def _brought_back(scene: Scene) -> float:
    begun_us = now_us()
    async with AsyncExitStack() as sabotage:
        if scene.way is Way.SABOTAGE:
            scene.narrator.note(await sabotage.enter_async_context(postgres_files.key_lost(scene)))
        try:
            done = await in_place.restore(scene.stage.instance, scene.stage.topology, None, scene.narrator.note)
        except LocalError as refused:
            scene.narrator.note(f"refused: {refused}")
            return NEVER_S
    if not done.is_open:
        scene.narrator.note(f"writes stay closed: {done.problems}")
        return NEVER_S
    return (now_us() - begun_us) / US


async def _restored_rows(scene: Scene, table: sql.Identifier, target_us: int) -> set[int]:
    stage = scene.stage
    async with AsyncExitStack() as sabotage:
        if scene.way is Way.SABOTAGE:
            await asking.make(stage.instance, "postgres", How.INCREMENTAL)  # archives the moment's segment
            lost = await sabotage.enter_async_context(postgres_files.segment_lost(stage, target_us / US))
            scene.narrator.note(f"segment {lost} is lost")
        made = await beside.restore(stage.instance, stage.topology, target_us / US, scene.narrator.note)
    return await _rows(scene, table, made.port)


@asynccontextmanager
async def _table(scene: Scene) -> AsyncGenerator[tuple[Connection, sql.Identifier]]:
    """A table of this run on the primary."""
    table = sql.Identifier(f"drill_{scene.stage.run}_{scene.dice.getrandbits(32):08x}")
    async with await _connected(scene, await _port(scene)) as primary:
        await primary.execute(sql.SQL("CREATE TABLE {} (number int PRIMARY KEY)").format(table))
        yield primary, table


async def _written(primary: Connection, table: sql.Identifier, number: int) -> int:
    """Insert a row; when it was acknowledged."""
    await primary.execute(sql.SQL("INSERT INTO {} VALUES (%s)").format(table), (number,))
    return now_us()


async def _rows(scene: Scene, table: sql.Identifier, number: int) -> set[int]:
    async with await _connected(scene, number) as server:
        try:
            rows = await (await server.execute(sql.SQL("SELECT number FROM {}").format(table))).fetchall()
        except psycopg.errors.UndefinedTable:
            return set()
    return {int(str(row[0])) for row in rows}


async def _port(scene: Scene) -> int:
    return scene.stage.port(await postgres.leader(scene.stage), "postgres")


async def _connected(scene: Scene, number: int) -> Connection:
    return await psycopg.AsyncConnection.connect(
        host=LOOPBACK,
        port=number,
        dbname=scene.stage.topology.stores.postgres.database,
        user="postgres",
        password=secret(scene.stage.instance, scene.stage.topology, "postgres-superuser"),
        connect_timeout=5,
        autocommit=True,
    )


DRILLS = (
    Drill(
        name="postgres-restored-to-a-second",
        summary="PostgreSQL is restored beside itself to the moment of one acknowledged write.",
        proves=("postgres-pitr",),
        play=to_a_second,
        sabotage=Sabotage(removes="the archived segment that holds the moment"),
        is_quick=True,
    ),
    Drill(
        name="postgres-restored-from-nothing",
        summary="Every node of PostgreSQL is lost with its files; the cluster is restored from its backups.",
        proves=("backup-postgres-rto", "postgres-rpo"),
        play=from_nothing,
        sabotage=Sabotage(removes="the key that opens the backups"),
        alerts=("PostgresWithoutPrimary",),
        tolerates=("TargetDown", "ComponentDown"),  # no service is ready without its database
    ),
    Drill(
        name="backups-on-schedule",
        summary="Hours and days pass by the schedule's clock; what it wants is made, and kept.",
        proves=("backup-postgres-hourly", "postgres-daily", "backup-postgres-kept"),
        play=on_schedule,
        sabotage=Sabotage(removes="the process that makes backups", deed=processes.halted(processes.pod("backups-1"))),
    ),
)
