"""Make a backup now, list what there is, read it all back.

Between: a person and the process backups-1, which keeps the schedule; the list needs nobody.
Shape: tables for people, one JSON document with --json.
Invariant: backups are made in one process only, so one made by hand never competes with the schedule's.
Errors: nothing runs, or a backup failed: said in one line, exit 2.
Exit: 0 all is well · 1 verify found damage · 2 wrong use, nothing runs, or no backup could be made
Example: ./audifi backup now postgres && ./audifi backup list
"""

import asyncio
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import App, Parameter

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.cli.outbound import rows, shown
from audifi.cli.progress import in_mib
from audifi.local.recovery import asking
from audifi.local.recovery.catalogue import Catalogue, How
from audifi.local.state import Instance

backup = App(name="backup")


@backup.command
def now(
    kind: str,
    /,
    *,
    incremental: Annotated[bool, Parameter(negative=(), help="Only what changed since the last.")] = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Make one now: postgres, redis-cluster, redis-queue, secrets."""
    found, _ = running(instance)
    sys.stderr.write(f"{kind}: making a backup\n")
    made = asyncio.run(asking.make(found, kind, How.INCREMENTAL if incremental else How.FULL))
    shown(made, as_json=json_, text=lambda each: _table([each]))
    return 0


@backup.command(name="list")
def list_(*, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """List every backup: age, size, verified, restore proven."""
    found = [asdict(entry) for entry in Catalogue.of(Instance.at(instance)).entries()]
    shown(found, as_json=json_, text=_table)
    return 0


@backup.command
def verify(kind: str = "", /, *, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Read everything that is kept and compare it with its checksums; one kind, or all."""
    found, _ = running(instance)
    kinds = [kind] if kind else [fact["kind"] for fact in asyncio.run(asking.facts(found))]
    damage = {each: asyncio.run(asking.verify(found, each)) for each in kinds}
    shown(damage, as_json=json_, text=_damage)
    return 1 if any(damage.values()) else 0


def _table(found: list[dict[str, Any]]) -> None:
    if not found:
        sys.stdout.write("there is no backup yet: ./audifi backup now postgres\n")
        return
    titles = ("kind", "how", "label", "ended", "age", "size", "verified", "restore proven")
    rows(titles, [_row(each) for each in found])


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    return (
        each["kind"],
        each["how"],
        each["label"],
        _moment(each["ended_s"]),
        f"{max(time.time() - each['ended_s'], 0) / 3600:.1f} h",
        in_mib(each["size_bytes"]),
        _moment(each["verified_at_s"]),
        _moment(each["restore_proven_at_s"]),
    )


def _moment(at_s: float | None) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at_s else "never"


def _damage(found: dict[str, dict[str, str]]) -> None:
    for kind, damaged in found.items():
        for label, what in damaged.items():
            sys.stdout.write(f"{kind} {label}: {what}\n")
        if not damaged:
            sys.stdout.write(f"{kind}: everything can be read back\n")
