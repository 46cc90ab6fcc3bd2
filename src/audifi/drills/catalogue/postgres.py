"""Lose PostgreSQL's primary in every way, its replicas, all of it, its disk, and the pooler before it.

Between: drills.catalogue (collects), faults (postgres, processes and links break), workloads.accounts (asks).
Shape: a primary process that ends is replaced at once; a node that falls silent only when its lease of 20 s has run
out. Clients try again, as the SDK does: what is measured is how long a write takes to be acknowledged again.
Invariant: in every drill no acknowledged write may be gone, doubled or read too old.
Units: *_s seconds.
Source: architecture.md 7 (process ≤ 5 s, node ≤ 30 s, 0 acknowledged writes lost); issue 6.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from audifi.drills.drill import Deed, Drill, Findings, Sabotage, Scene, or_in_sabotage
from audifi.drills.faults import disk, links, postgres, processes
from audifi.drills.under_load import Judged, under_load
from audifi.drills.workloads.accounts import accounts
from audifi.drills.workloads.workload import PERSISTENT

PROCESS_HOLD_S: Final = 8.0
NODE_HOLD_S: Final = 33.0  # longer than the budget of 30 s: under sabotage the outage must be seen
BRIEFLY_S: Final = 5.0
REPLICA_ALERTED_S: Final = 48.0  # the alert waits for 30 s and may take 16 s more (topology.alerts)

Measures = Mapping[str, Callable[[Judged], float]]


def _writes_stood_still_s(judged: Judged) -> float:
    return judged.outage_s("write")


def _lost(judged: Judged) -> float:
    return judged.lost()


def _failed(judged: Judged) -> float:
    return judged.failed()


PROCESS: Final[Measures] = {"postgres-process": _writes_stood_still_s, "postgres-no-loss": _lost}
NODE: Final[Measures] = {"postgres-node": _writes_stood_still_s, "postgres-no-loss": _lost}

NOBODY_WRITES: Final = "PostgresWithoutPrimary"  # pages when it lasts: a lost process is replaced before that
NOBODY_TAKES_OVER: Final = Sabotage(removes="Patroni is paused: nobody takes over", deed=postgres.nobody_takes_over)
COMMITS_WAIT_FOR_NOBODY: Final = Sabotage(
    removes="commits are acknowledged before any disk has them", deed=postgres.commits_wait_for_nobody
)


def _of_the_primary(
    name: str, summary: str, fault: Deed, *, measures: Measures, sabotage: Sabotage, needs_root: bool = False
) -> Drill:
    hold_s = PROCESS_HOLD_S if measures is PROCESS else NODE_HOLD_S
    return Drill(
        name=name,
        summary=summary,
        proves=tuple(measures),
        play=under_load(
            workload=accounts(retries=PERSISTENT), fault=postgres.followed(fault), hold_s=hold_s, measures=measures
        ),
        sabotage=sabotage,
        alerts=() if measures is PROCESS else (NOBODY_WRITES,),
        needs_root=needs_root,
    )


PRIMARY: Final = (
    _of_the_primary(
        "postgres-primary-killed",
        "The primary's server process is killed while people write.",
        postgres.process_killed,
        measures=PROCESS,
        sabotage=NOBODY_TAKES_OVER,
    ),
    _of_the_primary(
        "postgres-switchover",
        "The primary hands over to a replica, as before maintenance.",
        or_in_sabotage(postgres.switched_over, postgres.stopped_by_hand),
        measures=PROCESS,
        sabotage=Sabotage(
            removes="Patroni is paused and the primary is shut down by hand", deed=postgres.nobody_takes_over
        ),
    ),
    _of_the_primary(
        "postgres-node-lost",
        "The primary's node is gone: server and Patroni are killed at once and stay down.",
        processes.lost(postgres.primary),
        measures=NODE,
        sabotage=COMMITS_WAIT_FOR_NOBODY,
    ),
    _of_the_primary(
        "postgres-node-frozen",
        "The primary's node stands still and comes back later, believing that it still leads.",
        processes.frozen(postgres.primary),
        measures=NODE,
        sabotage=NOBODY_TAKES_OVER,
    ),
    _of_the_primary(
        "postgres-guard-frozen",
        "The primary's Patroni stands still: its server goes on and does not know that another one leads.",
        postgres.guard_frozen,
        measures=NODE,
        sabotage=NOBODY_TAKES_OVER,
    ),
    _of_the_primary(
        "postgres-primary-cut",
        "The primary's node loses its network: it runs on alone.",
        links.isolated(postgres.primary),
        measures=NODE,
        sabotage=NOBODY_TAKES_OVER,
        needs_root=True,
    ),
)


@asynccontextmanager
async def _filled_and_nobody_takes_over(scene: Scene) -> AsyncGenerator[str]:
    """Pause Patroni for as long as the disk is full, and not before: a paused Patroni prepares no small disk."""
    async with postgres.nobody_takes_over(scene), disk.filled(scene) as what:
        yield what


async def _disk_full(scene: Scene) -> Findings:
    """Prepare the small disk before anybody asks; the rest is as always."""
    play = under_load(
        workload=accounts(retries=PERSISTENT),
        fault=postgres.followed(or_in_sabotage(disk.filled, _filled_and_nobody_takes_over)),
        hold_s=NODE_HOLD_S,
        measures=NODE,  # the server is gone as with its node; how long it takes to notice is not a killed process's
    )
    async with disk.small_disk(scene):
        return await play(scene)


DRILLS = (
    *PRIMARY,
    Drill(
        name="postgres-disk-full",
        summary="The primary's disk is full to its last byte, and the server stops for want of room for its log.",
        proves=tuple(NODE),
        play=_disk_full,
        sabotage=Sabotage(removes=NOBODY_TAKES_OVER.removes),
        tolerates=(NOBODY_WRITES,),  # the primary changes while the small disk is prepared
        needs_root=True,
    ),
    Drill(
        name="postgres-all-restarted",
        summary="All three nodes lose their power at the same moment and start again.",
        proves=tuple(NODE),
        play=under_load(
            workload=accounts(retries=PERSISTENT),
            fault=postgres.followed(processes.lost(processes.every("postgres"))),
            hold_s=0,
            measures=NODE,
        ),
        sabotage=COMMITS_WAIT_FOR_NOBODY,
        alerts=(NOBODY_WRITES,),
    ),
    Drill(
        name="postgres-replica-lost",
        summary="A replica's node is gone while people read and write, each trying once.",
        proves=("postgres-replica",),
        play=under_load(
            workload=accounts(),
            fault=processes.lost(postgres.replica),
            hold_s=BRIEFLY_S,
            alerted_s=REPLICA_ALERTED_S,
            measures={"postgres-replica": _failed},
        ),
        sabotage=Sabotage(removes="the other replica is down as well", deed=processes.lost(postgres.replica)),
        alerts=("PostgresReplicaMissing",),
    ),
    Drill(
        name="pgbouncer-killed",
        summary="The pooler is killed, and with it every connection to the database.",
        proves=("pooler-process", "postgres-no-loss"),
        play=under_load(
            workload=accounts(retries=PERSISTENT),
            fault=or_in_sabotage(
                processes.killed(processes.every("pgbouncer")), processes.lost(processes.every("pgbouncer"))
            ),
            hold_s=PROCESS_HOLD_S,
            measures={"pooler-process": _writes_stood_still_s, "postgres-no-loss": _lost},
        ),
        sabotage=Sabotage(removes="nothing starts it again"),
    ),
)
