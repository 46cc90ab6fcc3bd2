"""Tell the journey while it happens, and say clearly where it failed.

Between: the acts (open a step, note what they found), cli.journey (prints) and tests (keep it).
Shape: `async with narrator.step("…"):` is one line with its time when it ends; `narrator.note("…")` is said below it.
Invariant: nothing is told twice; a step that fails is told with what was expected, what was found and where to look.
Units: seconds since the journey began.
Errors: JourneyFailed, from what a step was told by the SDK (Problem), by waiting (TimedOut) or by a check (Mismatch).
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from audifi.local.errors import LocalError
from audifi.local.waiting import TimedOut
from audifi.wire.problems import Problem

LOOK: Final = (
    "./audifi status, ./audifi logs worker, ./audifi queue list; one request: grep -r <requestId> .audifi/run/logs"
)


class JourneyFailed(Exception):
    """A step did not end as it should."""

    def __init__(self, step: str, reason: str) -> None:
        self.step = step
        self.reason = reason
        super().__init__(f"{step}: {reason}")


class Mismatch(Exception):
    """Something is not what it should be."""


def expect(what: str, found: object, expected: object) -> None:
    """Raise Mismatch unless both are the same."""
    if found != expected:
        raise Mismatch(f"{what}\n    expected {_shown(expected)}\n    found    {_shown(found)}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}… ({len(text)} characters)"


SHOWN_MAX: Final = 600

Tell = Callable[[dict[str, Any]], None]


@dataclass
class Narrator:
    """Gives every event to `tell`: {"event": "began" | "ended" | "note", "step", "at_s", …}."""

    tell: Tell
    began_s: float = field(default_factory=time.monotonic)
    current: str = ""

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.began_s

    def note(self, text: str, **facts: Any) -> None:
        """Say something about the step that is going on."""
        self.tell({"event": "note", "step": self.current, "at_s": self.elapsed_s, "text": text, **facts})

    @asynccontextmanager
    async def step(self, title: str) -> AsyncGenerator[None]:
        """One step of the story."""
        self.current = title
        started_s = self.elapsed_s
        self.tell({"event": "began", "step": title, "at_s": started_s})
        try:
            yield
        except (Problem, TimedOut, Mismatch, LocalError) as error:
            raise JourneyFailed(title, _reason(error)) from error
        took_s = self.elapsed_s - started_s
        self.tell({"event": "ended", "step": title, "at_s": self.elapsed_s, "took_s": took_s})


def _reason(error: Exception) -> str:
    notes = "".join(f"\n    {note}" for note in getattr(error, "__notes__", ()))
    if isinstance(error, Problem):
        details = f"\n    details {dict(error.details)}" if error.details else ""
        return f"the API answered {error.status} {error.code}: {error.message}{details}{notes}"
    return f"{error}{notes}"
