"""Bring secrets back as they were: all of them after a loss, or one as it was at a moment.

Between: cli.secrets, drills, and recovery.secrets.history.
Invariant: everything is opened and checked before anything is written: a wrong identity or a damaged file changes
nothing. What is replaced is in the history itself, so a restore can be undone by another.
A file alone is not the world: what a store was told stays. So a value of the past is put in force for a running
platform by a rotation to that value (`rotation.rotate(…, fresh=…)`); this module only writes files.
Errors: LocalError when there is nothing to restore, or it does not open.
Source: design.md "Secrets: RTO 30 min"; domain.md 7.
"""

from datetime import datetime
from pathlib import Path

from audifi.local.errors import LocalError, UnknownName
from audifi.local.recovery.secrets.history import Change
from audifi.local.state import Instance


def past(instance: Instance, name: str | None, moment: datetime | None) -> dict[str, Change]:
    """What was in force then (now: the newest), by name."""
    found = instance.history.at(moment, name)
    if found:
        return found
    known = sorted({change.name for change in instance.history.changes()})
    if name is not None and name not in known:
        raise UnknownName(f"no secret {name!r} was ever kept in {instance.history.directory}; kept: {', '.join(known)}")
    raise LocalError(f"{instance.history.directory} keeps nothing as old as {moment}")


def opened(instance: Instance, changes: dict[str, Change], identity: Path | None) -> dict[str, tuple[str, ...]]:
    """What each held, the value in use first."""
    return {name: tuple(instance.history.opened(change, identity).splitlines()) for name, change in changes.items()}


def restore(instance: Instance, *, moment: datetime | None = None, identity: Path | None = None) -> list[str]:
    """Write every secret's file as it was then; returns the names of those that changed."""
    values = opened(instance, past(instance, None, moment), identity)
    return [name for name, accepted in values.items() if instance.secrets.put(name, accepted, what="restored")]
