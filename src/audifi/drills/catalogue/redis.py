"""Lose parts of Redis: a primary, all servers at once, the queue with and without its files, everything but snapshots.

Between: drills.catalogue (collects), faults.redis (breaks), local.recovery.redis (restores), workloads.
Shape: the cluster's drills ask as people who are signed in do, who need sessions and limits at every request; the
queue's as producers of events.
Units: as the promises' budgets.
Invariant: what a drill wrote into Redis it takes away.
Source: design.md "Redis Cluster", "Backup Strategy"; architecture.md 4, 6.4, 7; domain.md 7.
"""

from contextlib import AsyncExitStack
from typing import Any, Final

from audifi.drills.drill import Drill, Findings, Sabotage, Scene, Timeline, Way
from audifi.drills.faults import processes, redis, redis_files
from audifi.drills.timing import US, now_us
from audifi.drills.under_load import under_load
from audifi.drills.workloads.accounts import accounts
from audifi.drills.workloads.events import events
from audifi.drills.workloads.workload import PERSISTENT
from audifi.local.errors import LocalError
from audifi.local.recovery.redis import cluster
from audifi.local.recovery.redis.snapshots import Snapshot
from audifi.wire import channels

KEYS: Final = 48
KEPT_S: Final = 600
NEVER_S: Final = 86_400 * 7.0  # no restore within the time that snapshots are kept: not at all


async def cluster_restored(scene: Scene) -> Findings:
    """Lose everything but a snapshot, restore it, and look for what was in it."""
    run = f"{scene.stage.run}{scene.dice.getrandbits(32):08x}"
    try:
        written = await _written(scene, run)
        async with AsyncExitStack() as kept:
            async with scene.narrator.step("a snapshot of every primary is taken"):
                snapshot = await kept.enter_async_context(redis_files.snapshot(scene.stage, redis.CLUSTER))
            rto_s, rpo_s = await _lost_and_restored(scene, snapshot)
            missing = [key for key, value in written.items() if await _read(scene, key) != value]
    finally:
        for key in _keys(run):
            await _asked(scene, key, "DEL", key)
    moments = scene.moments
    return Findings(
        measured={"backup-redis-rto": rto_s, "redis-rpo": rpo_s},
        wrong=tuple(f"{key} did not come back" for key in missing[:10]),
        figures={"keys in the snapshot": snapshot.keys, "bytes": snapshot.size_bytes, "missing": len(missing)},
        timeline=Timeline(injected_us=moments.get("injected"), recovered_us=moments.get("recovered"), outage_s=rto_s),
    )


async def _lost_and_restored(scene: Scene, snapshot: Snapshot) -> tuple[float, float]:
    """Return how long it took, and how much older than the loss the snapshot was, in seconds."""
    stage, taken_us = scene.stage, now_us()
    if scene.way is Way.CONTROL:
        scene.narrator.note("nothing is lost: this is the control")
        return 0.0, 0.0
    async with redis_files.files_lost(stage, redis.CLUSTER, stage.topology.component(redis.CLUSTER).pods):
        scene.moments["injected"] = now_us()
        rpo_s = (now_us() - taken_us) / US
        rto_s = await _brought_back(scene, snapshot)
    scene.moments["recovered"] = now_us()
    return rto_s, NEVER_S if rto_s == NEVER_S else rpo_s


async def _brought_back(scene: Scene, snapshot: Snapshot) -> float:
    stage = scene.stage
    begun_us = now_us()
    async with AsyncExitStack() as sabotage:
        if scene.way is Way.SABOTAGE:
            await sabotage.enter_async_context(redis_files.key_lost(stage))
        try:
            await cluster.in_place(stage.instance, stage.topology, snapshot, scene.narrator.note)
        except LocalError as refused:
            scene.narrator.note(f"refused: {refused}")
            return NEVER_S
    return (now_us() - begun_us) / US


def _keys(run: str) -> list[str]:
    """Limits of strangers, on every tag: what comes back (local.recovery.redis.rebuilt)."""
    return [channels.rate_limit("ip", f"{run}-{number}", "drill") for number in range(KEYS)]


async def _written(scene: Scene, run: str) -> dict[str, str]:
    for key in _keys(run):
        await _asked(scene, key, "SET", key, f"value of {key}", "EX", KEPT_S)
    return {key: f"value of {key}" for key in _keys(run)}


async def _read(scene: Scene, key: str) -> str:
    return str(await _asked(scene, key, "GET", key))


async def _asked(scene: Scene, key: str, *question: str | int) -> Any:
    """Ask whoever owns the slot."""
    tag = key[key.index("{") + 1 : key.index("}")]
    pod = await redis.owner(scene.stage, tag)
    return await redis.ask(scene.stage, pod, *question)


DRILLS = (
    Drill(
        name="redis-primary-lost",
        summary="The node that carries sessions or limits is lost for good; its replica takes over.",
        proves=("redis-process",),
        play=under_load(
            workload=accounts(retries=PERSISTENT),
            fault=redis.primary_lost,
            hold_s=8,
            measures={"redis-process": lambda judged: judged.outage_s()},
        ),
        sabotage=Sabotage(removes="replicas do not stand for election", deed=redis.nobody_takes_over),
        is_quick=True,
    ),
    Drill(
        name="redis-primary-frozen",
        summary="The node that carries sessions or limits stands still: it holds its connections and answers nothing.",
        proves=("redis-process",),
        play=under_load(
            workload=accounts(retries=PERSISTENT),
            fault=processes.frozen(redis.primary),
            hold_s=8,
            alerted_s=48,  # the alert waits for 30 s and may take 16 s more (topology.alerts)
            measures={"redis-process": lambda judged: judged.outage_s()},
        ),
        sabotage=Sabotage(removes="replicas do not stand for election", deed=redis.nobody_takes_over),
        alerts=("RedisReplicaMissing",),
    ),
    Drill(
        name="redis-all-killed",
        summary="All six servers of the cluster are killed at once and started again by the supervisor.",
        proves=("redis-restart",),
        play=under_load(
            workload=accounts(retries=PERSISTENT),
            fault=redis.all_killed,
            hold_s=16,  # longer than the budget: sabotaged, it stays down for this time
            measures={"redis-restart": lambda judged: judged.outage_s()},
        ),
        sabotage=Sabotage(removes="nobody starts them again"),
    ),
    Drill(
        name="queue-killed",
        summary="The queue's primary is killed while events are appended; its append-only file brings them back.",
        proves=("queue-no-loss",),
        play=under_load(
            workload=events,
            fault=processes.killed(processes.pod("redis-queue-1")),
            hold_s=3,
            measures={"queue-no-loss": lambda judged: judged.lost()},
        ),
        sabotage=Sabotage(removes="the queue writes no append-only file", deed=redis.queue_forgets),
        is_quick=True,
    ),
    Drill(
        name="queue-files-lost",
        summary="The queue's primary is lost with its files; it is restored from its replica's.",
        proves=("queue-no-loss",),
        play=under_load(
            workload=events,
            fault=redis_files.queue_lost,
            hold_s=1,
            measures={"queue-no-loss": lambda judged: judged.lost()},
        ),
        sabotage=Sabotage(removes="the replica's files are gone too: it is restored from a snapshot"),
    ),
    Drill(
        name="redis-restored",
        summary="The whole cluster is lost with its files and restored from its snapshot.",
        proves=("backup-redis-rto", "redis-rpo"),
        play=cluster_restored,
        sabotage=Sabotage(removes="the key that opens backups is gone"),
    ),
)
