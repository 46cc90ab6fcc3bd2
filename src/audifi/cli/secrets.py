"""Look after secrets: how old they are, what they were, replace them, bring them back.

Between: a person and local.recovery.secrets.
Shape: tables for people, one JSON document with --json. A value is never shown.
Invariant: a rotation that was interrupted goes on where it was when the same command is given again.
Errors: a name that does not exist, an identity that does not open the history: said in one line, exit 2.
Exit: 0 done, nothing is due · 1 list: something is due · 2 wrong use
Example: ./audifi secrets list && ./audifi secrets rotate database-auth
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.cli.outbound import rows, shown
from audifi.local.errors import LocalError
from audifi.local.recovery.secrets import listing, restoring, rotation
from audifi.local.recovery.secrets.overlaps import NOT_BY_PROGRAM
from audifi.local.state import Instance
from audifi.topology.declaration import platform

secrets = App(name="secrets")

IdentityOption = Annotated[
    Path | None,
    Parameter(help="The age identity that opens the history, where an operator keeps it (default: this machine's)."),
]


@secrets.command(name="list")
def list_(*, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """List secrets with their age, and which are due for rotation."""
    found = listing.rows(Instance.at(instance), platform("local"), datetime.now(UTC))
    shown([asdict(row) for row in found], as_json=json_, text=_listed)
    return 1 if any(row.is_due for row in found) else 0


@secrets.command
def history(name: str | None = None, /, *, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Show who changed a secret, when and how; of all of them without a name."""
    found = Instance.at(instance).history.changes(name)
    if name is not None and not found:
        listing.declared(platform("local"), name)
        raise LocalError(f"{name} was never changed here: no component asked for it yet")
    shown([asdict(change) for change in found], as_json=json_, text=_told)
    return 0


@secrets.command
def rotate(
    *names: str,
    all_due: Annotated[bool, Parameter(negative=())] = False,
    value_file: Path | None = None,
    by: str = "",
    instance: InstanceOption = DEFAULT,
) -> int:
    """Replace secrets while the platform runs; goes on where an interrupted rotation was.

    Parameters
    ----------
    names
        Secrets, one after the other.
    all_due
        Every one that is older than it may be.
    value_file
        The new value, for what a provider issues; only readable by you.
    by
        Who asks for it, for the history (default: your user).
    instance
        Directory of the running platform.
    """
    found, _ = running(instance)
    topology = platform("local")
    due = [row.name for row in listing.rows(found, topology, datetime.now(UTC)) if row.is_due or row.is_rotating]
    chosen = [*names, *(name for name in due if all_due and name not in names and name not in NOT_BY_PROGRAM)]
    if not chosen or (value_file is not None and len(chosen) != 1):
        raise LocalError("name one secret, or several without --value-file, or give --all-due (and something is due)")
    fresh = value_file.read_text().strip() if value_file is not None else None
    for name in chosen:
        asyncio.run(rotation.rotate(found, topology, name, tell=_say, who=by, fresh=fresh))
    return 0


@secrets.command
def restore(
    name: str | None = None,
    /,
    *,
    at: str | None = None,
    identity: IdentityOption = None,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Bring back every secret's file as it was; with a name, put one's value of then into use again, by a rotation.

    Parameters
    ----------
    name
        One secret, of a running platform.
    at
        A moment like 2026-11-23T16:05:00Z.
    identity
        The age identity that opens the history.
    json_
        Print JSON.
    instance
        Directory of the platform.
    """
    if name is not None:
        there, _ = running(instance)
        [values] = restoring.opened(there, restoring.past(there, name, moment(at)), identity).values()
        asyncio.run(rotation.rotate(there, platform("local"), name, tell=_progress, fresh=values[0]))
        shown({"restored": [name]}, as_json=json_, text=lambda _: _say(_restored([name])))
        return 0
    found = restoring.restore(Instance.at(instance), moment=moment(at), identity=identity)
    shown({"restored": found}, as_json=json_, text=lambda _: _say(_restored(found)))
    return 0


def moment(text: str | None) -> datetime | None:
    """A moment as a person writes it; without a zone it is UTC."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise LocalError(f"{text!r} is no moment; write it like 2026-11-23T16:05:00Z") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _listed(found: Sequence[dict[str, Any]]) -> None:
    if not found:
        _say("there are no secrets yet: ./audifi up makes them")
        return
    titles = ("name", "kind", "in use since", "by", "days", "of", "")
    rows(titles, [_row(each) for each in found])


def _row(row: dict[str, Any]) -> tuple[Any, ...]:
    state = "rotating" if row["is_rotating"] else "due" if row["is_due"] else ""
    return (row["name"], row["kind"], row["since"][:19], row["who"], row["age_days"], row["rotation_days"], state)


def _told(found: Sequence[dict[str, Any]]) -> None:
    rows(("at", "name", "what", "by"), [(each["at"], each["name"], each["what"], each["who"]) for each in found])


def _restored(names: Sequence[str]) -> str:
    return f"restored: {', '.join(names)}" if names else "everything is as it was then"


def _progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
