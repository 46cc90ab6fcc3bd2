"""Play the whole story of AudiFi through its public API, and say whether all books agree.

Between: a person, CI (the exit code, --json) and drills.journey.
Shape: one line per step with the second it ended and how long it took; with --json one object a line and the result
last.
Invariant: every run uses names of its own, so it works again and again on one platform; nothing is cleaned up: it is
what users would leave.
Errors: a step that fails says what was expected, what was found and where to look: exit 1.
Exit: 0 played to the end, all books agree · 1 a step failed · 2 wrong use, or nothing runs
Example: ./audifi journey --fans 40 --kill postgres
"""

import asyncio
import json
import sys
from typing import Any

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.drills.journey.losses import Loss
from audifi.drills.journey.narration import LOOK, JourneyFailed, Narrator
from audifi.drills.journey.play import Played, played
from audifi.drills.journey.story import Story
from audifi.local.errors import LocalError


def journey(
    *,
    fans: int = 40,
    kill: Loss | None = None,
    seed: int = 1,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Play the whole story through the public API.

    Parameters
    ----------
    fans
        How many people buy.
    kill
        Kill this in the middle of the buying: a random pod of a service, the PostgreSQL primary, or a Redis primary.
    seed
        Who buys how much, and how: the same number tells the same story.
    json_
        Print one JSON object a line, the result last.
    instance
        Directory of the running platform.
    """
    found, _ = running(instance)
    try:
        story = Story.drawn(fans, seed)
    except ValueError as error:
        raise LocalError(str(error)) from error
    narrator = Narrator(_as_json if json_ else _as_text)
    try:
        result = asyncio.run(played(found, story, narrator, loss=kill))
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
            return  # a step is told when it ends; a failure says which one it was
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _failed(failure: JourneyFailed, *, as_json: bool) -> None:
    if as_json:
        _as_json({"event": "failed", "step": failure.step, "reason": failure.reason, "look": LOOK})
        return
    sys.stdout.flush()
    sys.stderr.write(f"audifi: the journey failed at: {failure.step}\n  {failure.reason}\n  look: {LOOK}\n")


def _ended(result: Played, *, as_json: bool) -> None:
    if as_json:
        _as_json({"event": "result", **result.as_json()})
        return
    totals = result.totals
    lines = (
        "",
        f"All books agree after {result.took_s:.0f} s (run {result.run}):",
        f"  {totals.sold} of {totals.shares} shares sold to {totals.buyers} fans for {totals.gross_wei} wei,",
        f"  {totals.fees_wei} wei of it the platform's; {totals.royalty_wei} wei of royalty;",
        f"  {totals.dividends_wei} wei of dividends to {totals.holders} holders.",
    )
    sys.stdout.write("\n".join(lines) + "\n")
