"""Rehearse a V Studio session end to end, as operators do before a release.

Between: a person, CI (the exit code, --json) and drills.rehearsal.
Shape: one line per step with the second it ended and how long it took; with --json one object a line and the result
last.
Invariant: every run uses names of its own; the accounts it made are deleted at the end.
Errors: a step that fails says what was expected, what was found and where to look: exit 1.
Exit: 0 rehearsed to the end · 1 a step failed · 2 wrong use, or nothing runs
Example: ./audifi rehearsal
"""

import asyncio
import json
import sys
from typing import Any

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.drills.journey.narration import LOOK, JourneyFailed, Narrator
from audifi.drills.rehearsal.play import Rehearsed, rehearsed


def rehearsal(*, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Rehearse a V Studio session end to end.

    Parameters
    ----------
    json_
        Print one JSON object a line, the result last.
    instance
        Directory of the running platform.
    """
    found, _ = running(instance)
    try:
        result = asyncio.run(rehearsed(found, Narrator(_as_json if json_ else _as_text)))
    except JourneyFailed as failure:
        _failed(failure, as_json=json_)
        return 1
    _ended(result, as_json=json_)
    return 0


def _as_json(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event, default=str) + "\n")
    sys.stdout.flush()


def _as_text(event: dict[str, Any]) -> None:
    match event["event"]:
        case "ended":
            line = f"{event['at_s']:7.1f} s  {event['step']} ({event['took_s']:.1f} s)"
        case "note":
            line = f"           · {event['text']}"
        case _:
            return
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _failed(failure: JourneyFailed, *, as_json: bool) -> None:
    if as_json:
        _as_json({"event": "failed", "step": failure.step, "reason": failure.reason, "look": LOOK})
        return
    sys.stdout.flush()
    sys.stderr.write(f"audifi: the rehearsal failed at: {failure.step}\n  {failure.reason}\n  look: {LOOK}\n")


def _ended(result: Rehearsed, *, as_json: bool) -> None:
    if as_json:
        _as_json({"event": "result", **result.as_json()})
        return
    sys.stdout.write(f"\nSigned off after {result.took_s:.0f} s (run {result.run}): session {result.session_id}.\n")
