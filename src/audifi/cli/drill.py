"""Break the running platform on purpose and measure what its users notice, against what was promised.

Between: a person, CI (the exit code, --json) and drills.engine.
Shape: `list` shows what can be broken, `run` breaks it, `heal` mends what a killed drill has left.
Invariant: what a drill changes it changes back, also on Ctrl-C; --control breaks nothing and must hold, --sabotage
removes the protection first and must not.
Errors: nothing runs, an unknown drill, another drill running: said in one line, exit 2.
Exit: 0 every run is as it must be · 1 a promise broke, a sabotage was not seen, or a run did not end · 2 wrong use
Example: ./audifi drill run auth-pods-killed --runs 5 --control --sabotage --record
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from audifi.cli import telling
from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.drills import catalogue, report, scars
from audifi.drills.drill import Drill, Way
from audifi.drills.engine import Engine, engine
from audifi.drills.journey.stage import stage
from audifi.drills.report import Run
from audifi.drills.timeline import in_words
from audifi.local.errors import LocalError

drill = App(name="drill")
Flag = Parameter(negative=())


@drill.command(name="list")
def list_(*, json_: JsonOption = False) -> int:
    """Show every drill and what it proves."""
    for each in catalogue.drills().values():
        if json_:
            telling.as_json(_declared(each))
        else:
            telling.line(f"{each.name}\n  {each.summary}\n  proves {', '.join(each.proves)}")
    return 0


@drill.command
def run(
    *names: str,
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    runs: int | None = None,
    control: Annotated[bool, Flag] = False,
    sabotage: Annotated[bool, Flag] = False,
    seed: int = 1,
    record: Annotated[bool, Flag] = False,
    break_production: Annotated[bool, Flag] = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Run drills on the running platform.

    Parameters
    ----------
    names
        Which drills, in this order.
    all_
        Every drill.
    runs
        How often with the fault; 1, or 0 when only --control or --sabotage is asked for.
    control
        A run in which nothing is broken: every promise must hold.
    sabotage
        A run in which the protection is removed first: a promise must break.
    seed
        Of the first run; each further one takes the next number.
    record
        Write results/drills/<name>.json.
    break_production
        Run even though the platform is production.
    json_
        Print one JSON object a line, the result of each drill last.
    instance
        Directory of the running platform.
    """
    if bool(names) is all_:
        raise LocalError("name the drills, or say --all: ./audifi drill list shows them")
    found, _ = running(instance)
    wanted = list(catalogue.drills().values()) if all_ else catalogue.named(names)
    often = runs if runs is not None else int(not (control or sabotage))
    ways = [Way.FAULT] * often + [Way.CONTROL] * control + [Way.SABOTAGE] * sabotage

    async def play() -> bool:
        tell = telling.as_json if json_ else telling.as_text
        async with engine(found, tell, may_break_production=break_production) as held:
            are_right = [await _drilled(held, each, ways, seed, is_json=json_, record=record) for each in wanted]
        return all(are_right)

    return 0 if asyncio.run(play()) else 1


@drill.command
def heal(*, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Mend what a drill that was killed has left broken."""
    done = asyncio.run(_healed(instance))
    if json_:
        telling.as_json({"healed": done})
    else:
        telling.line("\n".join(f"healed: {what}" for what in done) or "nothing is broken by a drill")
    return 0


async def _healed(path: Path) -> list[str]:
    found, _ = running(path)
    with scars.alone(found):
        async with stage(found) as opened:
            return await scars.heal(opened)


async def _drilled(held: Engine, wanted: Drill, ways: list[Way], seed: int, *, is_json: bool, record: bool) -> bool:
    """Run one drill all ways and tell of each; true when every run is as it must be."""
    known = report.budgets(held.stage.topology)
    done: list[Run] = []
    for number, way in enumerate(ways):
        if not is_json:
            telling.line(f"{wanted.name}, {way}, seed {seed + number}")
        found = await held.run(wanted, way, seed=seed + number)
        done.append(found)
        if not is_json:
            _told(found, found.faults(known))
    if record:
        report.write(wanted, done, known)
    is_right = not any(each.faults(known) for each in done)
    if is_json:
        telling.as_json({"event": "result", "isRight": is_right, **report.as_json(wanted, done, known)})
    elif len(done) > 1:
        _summed_up(wanted, done, held)
    return is_right


def _told(found: Run, faults: list[str]) -> None:
    if found.findings is not None:
        telling.line(f"  {in_words(found.findings.timeline)}")
        for name, amount in found.findings.measured.items():
            telling.line(f"  {name}: {amount:g}")
    verdict = "as it must be" if not faults else "\n  ".join(["not as it must be:", *faults])
    telling.line(f"  {verdict} ({found.took_s:.0f} s)\n")


def _summed_up(wanted: Drill, done: list[Run], held: Engine) -> None:
    known = report.budgets(held.stage.topology)
    for name in wanted.proves:
        if found := report.spread(done, name):
            least, middle, most = found
            telling.line(f"{name}: min {least:g}, median {middle:g}, max {most:g} {known[name].unit} ({known[name]})")


def _declared(each: Drill) -> dict[str, Any]:
    return {
        "name": each.name,
        "summary": each.summary,
        "proves": each.proves,
        "sabotage": each.sabotage.removes,
        "alerts": each.alerts,
        "isQuick": each.is_quick,
        "needsRoot": each.needs_root,
    }
