"""Speak to the person at the command line as lines of JSON: progress, then one result or one refusal.

Between: operators' programs of the data plane (`python -m audifi.clients.chain`) and audifi.local.console.
Shape: {"event": "progress", "text"}* then {"event": "result", "data"} or {"event": "refused", "text"}.
Invariant: standard output holds nothing else: log lines, which go there in a pod, go to standard error here.
Errors: a Problem is said as a refusal (exit 2); Ctrl-C ends with 130; anything else is a traceback on standard error.
"""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, Final

import msgspec

from audifi.kernel.settings import SettingsError
from audifi.wire.problems import Problem

STDOUT: Final = 1
STDERR: Final = 2
_said_to: list[int] = []  # the descriptor kept for us, once `answer` runs


def progress(text: str) -> None:
    _say({"event": "progress", "text": text})


def answer(work: Coroutine[Any, Any, Any]) -> None:
    """Run it, say its result, and end the process."""
    _said_to.append(os.dup(STDOUT))
    os.dup2(STDERR, STDOUT)
    try:
        _say({"event": "result", "data": asyncio.run(work)})
    except (Problem, SettingsError) as error:
        _say({"event": "refused", "text": _told(error)})
        raise SystemExit(2) from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _told(error: Problem | SettingsError) -> str:
    """The message and, where there are some, what is wrong field by field."""
    if isinstance(error, SettingsError):
        return "; ".join(error.problems)
    fields = "; ".join(f"{name}: {reason}" for name, reason in (error.details or {}).items())
    return f"{error.message} {fields}".strip()


def _say(event: dict[str, Any]) -> None:
    os.write(_said_to[0], msgspec.json.encode(event) + b"\n")
