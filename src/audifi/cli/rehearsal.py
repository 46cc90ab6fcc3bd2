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
import sys

from audifi.cli import telling
from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.drills.journey.narration import JourneyFailed, Narrator
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
        result = asyncio.run(rehearsed(found, Narrator(telling.as_json if json_ else telling.as_text)))
    except JourneyFailed as failure:
        telling.failed("rehearsal", failure, is_json=json_)
        return 1
    _ended(result, as_json=json_)
    return 0


def _ended(result: Rehearsed, *, as_json: bool) -> None:
    if as_json:
        telling.as_json({"event": "result", **result.as_json()})
        return
    sys.stdout.write(f"\nSigned off after {result.took_s:.0f} s (run {result.run}): session {result.session_id}.\n")
