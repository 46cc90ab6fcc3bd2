"""Look at the queue: who is behind, and what was given up; send that again, or drop it.

Between: a person and the worker's console, which reads the streams all services use.
Shape: tables for people, one JSON document with --json. A dead letter is GROUP:STREAM:ID, as `show` prints it.
Invariant: a letter is moved back once, whoever else tries; what is discarded is in the audit log.
Errors: a name nobody has, a letter that must not be sent again: said in one line with what to do, exit 2.
Exit: 0 done · 1 `retry --all` left some where they were · 2 wrong use, or nothing runs
Example: ./audifi queue list && ./audifi queue show worker:events:chain && ./audifi queue retry --all
"""

import json
import sys
from typing import Annotated, Any

from cyclopts import App, Parameter

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption
from audifi.cli.outbound import WORKER_CONSOLE, as_worker, asked, rows, shown
from audifi.local.errors import LocalError

queue = App(name="queue")


@queue.command(name="list")
def list_(*, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Show every stream and group: what waits, how old the oldest is, what was given up."""
    found = asked(WORKER_CONSOLE, ["queue-list"], as_worker(instance))
    shown(found, as_json=json_, text=_standings)
    return 0


@queue.command
def show(reference: str, /, *, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Show dead letters: those of GROUP:STREAM, or one by its name."""
    found = asked(WORKER_CONSOLE, ["queue-show", reference], as_worker(instance))
    shown(found, as_json=json_, text=_letters)
    return 0


@queue.command
def retry(
    reference: str | None = None,
    /,
    *,
    all_: Annotated[bool, Parameter(name="--all", negative=(), help="Everything that was given up.")] = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Send a dead letter's event again, once.

    Parameters
    ----------
    reference
        The letter's name.
    all_
        Everything that was given up.
    json_
        Print JSON.
    instance
        Directory of the running platform.
    """
    if (reference is None) is not all_:
        raise LocalError("name one dead letter, or say --all: audifi queue retry GROUP:STREAM:ID")
    found = asked(WORKER_CONSOLE, ["queue-retry", reference or "all"], as_worker(instance))
    shown(found, as_json=json_, text=_moved)
    return 1 if found["kept"] else 0


@queue.command
def discard(
    reference: str,
    /,
    *,
    yes: Annotated[bool, Parameter(negative=(), help="Do not ask.")] = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Drop a dead letter for good.

    Parameters
    ----------
    reference
        The letter's name.
    yes
        Do not ask.
    json_
        Print JSON.
    instance
        Directory of the running platform.
    """
    told = as_worker(instance)
    letters = asked(WORKER_CONSOLE, ["queue-show", reference], told)
    if len(letters) != 1:
        raise LocalError(f"{reference} are {len(letters)} letters: name one of audifi queue show {reference}")
    name = letters[0]["name"]
    if not yes and not _is_confirmed(letters):
        raise LocalError(f"{name} stays where it is; to drop it: audifi queue discard {name} --yes")
    found = asked(WORKER_CONSOLE, ["queue-discard", name], told)
    shown(found, as_json=json_, text=lambda each: _line(f"{len(each['discarded'])} discarded"))
    return 0


def _is_confirmed(letters: list[dict[str, Any]]) -> bool:
    if not sys.stdin.isatty():
        return False
    _letters(letters)
    sys.stdout.write("Its effect will never happen. Drop it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _standings(found: list[dict[str, Any]]) -> None:
    if not found:
        _line("nothing has been said yet: no stream exists")
        return
    names = ("stream", "group", "waiting", "pending", "oldestAgeS", "dead")
    titles = ("stream", "group", "waiting", "pending", "oldest, s", "dead")
    rows(titles, [tuple(each[name] for name in names) for each in found])
    if any(each["dead"] for each in found):
        _line("\nwhat was given up: audifi queue show GROUP:STREAM")


def _letters(found: list[dict[str, Any]]) -> None:
    for each in found:
        event = each["event"]
        what = f"{event['type']} of {event['producer']}, {event['occurredAt']}" if event else "cannot be read"
        _line(f"{each['name']}\n  given up {each['givenUpAt']}: {each['reason']}\n  {what}")
        if len(found) == 1:
            _line(json.dumps(event, indent=1, ensure_ascii=False) if event else each["payload"])


def _moved(found: dict[str, Any]) -> None:
    for each in found["moved"]:
        _line(f"sent again: {each}")
    for each in found["kept"]:
        _line(f"kept: {each['why']}")
    if not found["moved"] and not found["kept"]:
        _line("nothing was given up")


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
