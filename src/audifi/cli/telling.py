"""Print what a story tells while it happens, and where it failed: lines for people, or one JSON object a line.

Between: drills' narrator (journey, rehearsal, swarm) and the verbs that play them.
Invariant: every event is out before the next one is made; a failure goes to stderr, below what was told.
Errors: none.
"""

import json
import sys
from typing import Any

from audifi.drills.journey.narration import LOOK, JourneyFailed


def as_json(event: dict[str, Any]) -> None:
    """Print any event as it is."""
    sys.stdout.write(json.dumps(event, default=str) + "\n")
    sys.stdout.flush()


def as_text(event: dict[str, Any]) -> None:
    """Print a step when it ends, and notes."""
    match event["event"]:
        case "ended":
            line(f"{event['at_s']:7.1f} s  {event['step']} ({event['took_s']:.1f} s)")
        case "note":
            line(f"           · {event['text']}")
        case _:
            return  # a step is told when it ends; a failure says which one it was


def line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def failed(story: str, failure: JourneyFailed, *, is_json: bool) -> None:
    """Say where a story failed, and where to look."""
    if is_json:
        as_json({"event": "failed", "step": failure.step, "reason": failure.reason, "look": LOOK})
        return
    sys.stdout.flush()
    sys.stderr.write(f"audifi: the {story} failed at: {failure.step}\n  {failure.reason}\n  look: {LOOK}\n")
