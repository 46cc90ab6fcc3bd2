"""Prove every promise of the design on the running platform and on others beside it, and write the ledger.

Between: a person or CI, and drills.proving (measures, judges).
Shape: a line per item with what is left; at the end what is not green, and why. Evidence: results/probes/*.json and
results/drills/*.json; the ledger: results/ledger.json, docs/results.md and results/ledger.html.
Invariant: probes are taken on the running platform. Drills mostly wait, so --platforms share them: the others are
started for this run, below `.audifi/`, and go with it, however it ends. Ctrl-C undoes what is broken, and what was
measured until then stays.
Units: *_s seconds.
Errors: NotRunning says how to start one; a pattern that fits nothing, a drill that runs already: exit 2.
Exit: 0 every promise holds (with --quick or --only: of those measured) · 1 one is broken or unproven · 2 wrong use
Example: ./audifi prove --only 'header-*'
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Annotated, Any, Final

from cyclopts import Parameter

from audifi.cli import telling
from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.drills import page, proving
from audifi.drills.engine import engine
from audifi.drills.ledger import Outcome, Row, green
from audifi.drills.proving import Item, Plan
from audifi.local.errors import LocalError
from audifi.local.held import held
from audifi.local.state import Instance
from audifi.topology.declaration import platform

# A platform and its drills take two cores: more platforms than that make each other late, and alerts come of it.
PLATFORMS: Final = max(1, (os.cpu_count() or 1) // 2)


def prove(
    *,
    quick: Annotated[bool, Parameter(negative=())] = False,
    only: str = "",
    runs: int = 1,
    platforms: int = PLATFORMS,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Measure every promise, with control and sabotage runs, and write the ledger.

    Parameters
    ----------
    quick
        Only what is marked as quick: a smoke test of some minutes.
    only
        Only what fits this pattern: names of promises or drills, with * and ?.
    runs
        How often each drill runs with its fault.
    platforms
        How many platforms share the drills: one for every two cores; each takes 2 GiB.
    json_
        Print one JSON object a line, the ledger last.
    instance
        Directory of the running platform.
    """
    found, _ = running(instance)
    asked = proving.plan(is_quick=quick, only=only, fault_runs=runs)
    if not asked.items:
        raise LocalError(f"nothing fits {only!r}: ./audifi drill list shows drills, docs/topology.md promises")
    if runs < 1:
        raise LocalError("--runs is at least 1: without its fault a drill proves nothing")
    if platforms < 1:
        raise LocalError("--platforms is at least 1: the one that runs")
    drills = sum(item.drill is not None for item in asked.items)
    with ExitStack() as beside:
        others = [beside.enter_context(_beside(found, number)) for number in range(2, min(platforms, drills) + 1)]
        asyncio.run(_measured([found, *others], asked, is_json=json_))
    rows = proving.judged(platform("local"), asked.made)
    facts = proving.write(rows)
    counted = [row for row in rows if row.promise.name in asked.promises] if quick or only else rows
    _told(counted, rows, facts, is_json=json_)
    return 0 if green(counted) else 1


@contextmanager
def _beside(first: Instance, number: int) -> Generator[Instance]:
    sys.stderr.write(f"starting platform {number}, for this run\n")
    with held(first.path.parent / f"prove-{number}") as other:
        yield other.instance


async def _measured(instances: Sequence[Instance], asked: Plan, *, is_json: bool) -> None:
    began_s = time.monotonic()

    def tell(event: dict[str, Any]) -> None:
        if is_json:
            telling.as_json(event)

    def begins(item: Item) -> None:
        if not is_json:
            gone, left = _minutes(time.monotonic() - began_s), _minutes(asked.left_s / len(instances))
            telling.line(f"[{len(asked.begun)}/{len(asked.items)}, {gone} gone, about {left} left] {item.name}")

    def ends(item: Item) -> None:
        rows = proving.judged(topology, asked.made)
        _item(item.name, [row for row in rows if row.promise.name in item.promises], is_json=is_json)

    async with AsyncExitStack() as held_engines:
        engines = [await held_engines.enter_async_context(engine(each, tell)) for each in instances]
        topology = engines[0].stage.topology
        await proving.measure(engines, asked, begins, ends)


def _item(name: str, rows: Sequence[Row], *, is_json: bool) -> None:
    if is_json:
        outcomes = {row.promise.name: row.outcome.value for row in rows}
        telling.as_json({"event": "measured", "item": name, "outcomes": outcomes})
        return
    for row in rows:
        telling.line(f"    {name}: {_line(row)}")


def _line(row: Row) -> str:
    found = page.measured(row)
    measured = f", measured {found}" if found else ""
    why = f": {row.reason}" if row.outcome is not Outcome.HOLDS else ""
    return f"{row.promise.name} {row.outcome}: promised {page.promised(row)}{measured}{why}"


def _told(counted: Sequence[Row], rows: Sequence[Row], facts: dict[str, Any], *, is_json: bool) -> None:
    if is_json:
        sys.stdout.write(json.dumps({"event": "ledger", **facts}, sort_keys=True) + "\n")
        return
    telling.line("")
    for outcome in (Outcome.BROKEN, Outcome.UNPROVEN):
        for row in counted:
            if row.outcome is outcome:
                telling.line(_line(row))
    telling.line(f"\n{page.summary(rows)} See docs/results.md, results/ledger.html, results/ledger.json.")


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
