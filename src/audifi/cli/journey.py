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
import sys

from audifi.cli import telling
from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.drills.journey.losses import Loss
from audifi.drills.journey.narration import JourneyFailed, Narrator
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
    narrator = Narrator(telling.as_json if json_ else telling.as_text)
    try:
        result = asyncio.run(played(found, story, narrator, loss=kill))
    except JourneyFailed as failure:
        telling.failed("journey", failure, is_json=json_)
        return 1
    _ended(result, as_json=json_)
    return 0


def _ended(result: Played, *, as_json: bool) -> None:
    if as_json:
        telling.as_json({"event": "result", **result.as_json()})
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
