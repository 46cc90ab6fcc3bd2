"""Let ten days pass and look which snapshots of Redis are there and can be read.

Between: drills.catalogue (collects) and local.recovery.keeping, which is what `backups-1` runs; with a catalogue and a
clock of its own here, so that the other backups of the platform do not grow ten days old.
Units: days and seconds of the schedule's clock.
Invariant: snapshots that the drill made are removed, and so is its catalogue.
Source: design.md "Backup Strategy": Redis daily snapshot, 7 days.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Final

from audifi.drills.drill import Drill, Findings, Sabotage, Scene, Way
from audifi.drills.faults.redis import CLUSTER
from audifi.local.recovery import schedule
from audifi.local.recovery.catalogue import Catalogue, Entry
from audifi.local.recovery.clock import Clock
from audifi.local.recovery.keeping import Keeping
from audifi.local.recovery.redis.kind import RedisKind, kinds
from audifi.local.waiting import NotReady, wait_for

DAYS: Final = 10
DAY_S: Final = 86_400
MADE_WITHIN_S: Final = 60.0
TIDIED: Final = 3  # snapshots that somebody removes under sabotage, the oldest


async def kept(scene: Scene) -> Findings:
    """Make what the schedule wants for ten days, and count."""
    stage = scene.stage
    (kind,) = (each for each in kinds(stage.instance, stage.topology) if each.component == CLUSTER)
    async with _keeping(scene, kind) as keeping:
        for day in range(DAYS):
            keeping.clock.ahead_s = day * DAY_S
            await wait_for(lambda: _is_made(keeping), within_s=MADE_WITHIN_S, saying="the day's snapshot is made")
        scene.narrator.note(f"{DAYS} days have passed")
        entries = keeping.catalogue.entries(CLUSTER)
        if scene.way is Way.SABOTAGE:
            await kind.remove_old(entries[:TIDIED])
        damaged = await kind.verify(entries)
        readable = [entry for entry in entries if entry.label not in damaged]
        oldest_days = (keeping.clock.now_s() - readable[0].scheduled_s) / DAY_S
        return Findings(
            measured={"backup-redis-daily": _apart_s(kind, entries), "backup-redis-kept": round(oldest_days, 3)},
            figures={"made": DAYS, "kept": len(entries), "readable": len(readable)},
        )


@asynccontextmanager
async def _keeping(scene: Scene, kind: RedisKind) -> AsyncGenerator[Keeping]:
    path = scene.stage.instance.path / "backups" / f"drill-{token_hex(4)}.sqlite"
    keeping = Keeping((kind,), Catalogue(path), Clock())
    working = asyncio.create_task(keeping.keep())
    try:
        yield keeping
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await kind.remove_old(keeping.catalogue.entries(CLUSTER))
        path.unlink(missing_ok=True)


async def _is_made(keeping: Keeping) -> None:
    (kind,) = keeping.kinds
    due = schedule.due(kind.backup, keeping.catalogue.entries(CLUSTER), keeping.clock.now_s())
    standing = keeping.standings[CLUSTER]
    if due is not None or standing.is_busy:
        raise NotReady(standing.problem or "it is being made")


def _apart_s(kind: RedisKind, entries: Sequence[Entry]) -> float:
    """How long from one snapshot to the next, by the moments at which they were due."""
    wanted = schedule.cron(kind.backup.full_schedule)
    assert wanted is not None, "it has a schedule"
    moments = [wanted.last_s(entry.scheduled_s) or 0.0 for entry in entries]
    return (moments[-1] - moments[0]) / (len(moments) - 1)


DRILLS = (
    Drill(
        name="redis-backups-kept",
        summary="Ten days pass: a snapshot of the cluster is made every day, and those of seven days can be read.",
        proves=("backup-redis-daily", "backup-redis-kept"),
        play=kept,
        sabotage=Sabotage(removes="somebody removes the oldest snapshots"),
    ),
)
