"""Replace secrets while people use the platform, lose all of them, and bring them back.

Between: drills.catalogue (collects), faults.secrets (does it), local.recovery.secrets (restores).
Shape: the rotations are of kinds that differ in who checks: PostgreSQL behind PgBouncer, a provider that signs for us,
the service's own tables, Redis.
Units: as the promises' budgets; days for what is kept.
Invariant: a run under sabotage ends with everybody signed in again.
Source: design.md "Backup Strategy" (secrets: on change, 90 days, 30 minutes); docs/decisions/0048.
"""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Final

from audifi.drills.drill import Drill, Findings, Sabotage, Scene, Timeline, Way
from audifi.drills.faults import secrets
from audifi.drills.timing import US, now_us
from audifi.drills.under_load import Judged, under_load
from audifi.drills.workloads.accounts import accounts
from audifi.drills.workloads.together import together
from audifi.drills.workloads.visitors import reading
from audifi.local import launch
from audifi.local.errors import LocalError
from audifi.local.recovery.secrets import restoring
from audifi.local.recovery.secrets.history import IDENTITY, KEPT_DAYS, History

AFTER_S: Final = 1.0
NEVER_S: Final = 86_400.0 * KEPT_DAYS  # no restore within the time that they are kept: not at all
PROOF_POD: Final = "auth-service-1"  # starts with what was restored: its login, keys and passwords


async def restored(scene: Scene) -> Findings:
    """Lose every file, bring them back with the identity, and start a pod with them."""
    instance = scene.stage.instance
    before = _held(scene)
    is_kept_on_change = all(_newest(instance.history, name) == text for name, text in before.items())
    rto_s, after = 0.0, before
    if scene.way is not Way.CONTROL:
        async with secrets.lost(scene.stage):
            scene.mark("injected")
            rto_s = await _brought_back(scene)
            after = _held(scene)
    different = [name for name, text in before.items() if after.get(name) != text] if rto_s != NEVER_S else []
    return Findings(
        measured={
            "backup-secrets-rto": rto_s,
            "backup-secrets-change": float(is_kept_on_change),
            "backup-secrets-kept": _kept_days(instance.history),
        },
        wrong=tuple(f"{name} did not come back as it was" for name in different),
        figures={"secrets": len(before), "changes kept": len(instance.history.changes())},
        timeline=Timeline(injected_us=scene.moments.get("injected"), outage_s=min(rto_s, NEVER_S)),
    )


async def _brought_back(scene: Scene) -> float:
    begun_us = now_us()
    with tempfile.TemporaryDirectory() as elsewhere:
        identity = _of_somebody_else(Path(elsewhere)) if scene.way is Way.SABOTAGE else None
        try:
            restoring.restore(scene.stage.instance, identity=identity)
        except LocalError as refused:
            scene.narrator.note(f"refused: {refused}")
            return NEVER_S
    async for _ in launch.restart(scene.stage.instance, PROOF_POD):
        pass
    return (now_us() - begun_us) / US


def _held(scene: Scene) -> dict[str, str]:
    kept = scene.stage.instance.secrets
    return {name: kept.path(name).read_text() for name in kept.names()}


def _newest(history: History, name: str) -> str:
    return "".join(history.opened(change) for change in history.at(None, name).values())


def _of_somebody_else(directory: Path) -> Path:
    History(directory).record("x", "y", what="made")
    return directory / "recovery-keys" / IDENTITY


def _kept_days(history: History) -> float:
    """How long a value is kept after it was replaced: all that are in force now, replaced in a copy, days later."""
    with tempfile.TemporaryDirectory() as elsewhere:
        copy = History(Path(elsewhere))
        shutil.copytree(history.directory, copy.directory)
        in_force = copy.at(None)
        replaced = [copy.record(name, "another", what="in use") for name in in_force]
        moment = min(change.moment for change in replaced)  # until just before, all of them were in force
        copy.forget(moment + timedelta(days=KEPT_DAYS) - timedelta(milliseconds=1))
        kept = {change.at for change in copy.changes()}
        return float(KEPT_DAYS) if all(change.at in kept for change in in_force.values()) else 0.0


DRILLS = (
    Drill(
        name="secrets-rotated",
        summary="A database login, the webhooks' secret and the keys of access tokens are replaced under load.",
        proves=("pod-loss",),
        play=under_load(
            workload=together(reading("auth-service", "payment-service"), accounts()),
            fault=secrets.rotated("database-auth", "stripe-webhook-secret", "access-token-keys"),
            hold_s=AFTER_S,
            measures={"pod-loss": Judged.failed},
        ),
        sabotage=Sabotage(removes="the old login is refused before anybody has the new one"),
    ),
    Drill(
        name="redis-password-rotated",
        summary="The password of the Redis Cluster and a database login are replaced while all services are used.",
        proves=("pod-loss",),
        play=under_load(
            workload=together(reading(), accounts()),
            fault=secrets.rotated("database-coin", "redis-cluster-password"),
            hold_s=AFTER_S,
            measures={"pod-loss": Judged.failed},
        ),
        sabotage=Sabotage(removes="a login is refused before anybody has the new one"),
    ),
    Drill(
        name="secrets-restored",
        summary="Every secret's file is lost and brought back from the encrypted history; a pod starts with them.",
        proves=("backup-secrets-rto", "backup-secrets-change", "backup-secrets-kept"),
        play=restored,
        sabotage=Sabotage(removes="the identity that opens the history is another one"),
        is_quick=True,
    ),
)
