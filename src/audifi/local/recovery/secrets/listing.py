"""Say of every secret how old it is and whether it should be replaced; never what it holds.

Between: cli.secrets (prints it), recovery.secrets.rotation (`--all-due`) and the `backups` process (its metrics).
Shape: ≤ 60 rows. A secret that no component here asked for yet does not exist and has no row.
Units: *_days days.
Errors: UnknownName for a secret that nobody declared; it lists what there is.
Source: topology.secrets (rotation_days).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from audifi.local.errors import UnknownName
from audifi.local.recovery.secrets.history import Change, History
from audifi.local.state import Instance
from audifi.topology.model.data import SecretDeclaration
from audifi.topology.model.whole import Topology

# What begins the life of the value in use. The rest is about a second value beside it, or brings an old one back.
BEGINS = frozenset({"made", "in use", "rotated"})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One secret."""

    name: str
    kind: str
    since: str  # the value in use, ISO 8601
    who: str
    age_days: float
    rotation_days: int
    is_due: bool
    is_rotating: bool  # two values are accepted: `audifi secrets rotate NAME` goes on


def rows(instance: Instance, topology: Topology, now: datetime) -> list[Row]:
    """Every secret that exists, in the order of the declaration."""
    begun = _begun(instance.history)
    there = {*instance.secrets.names(), *(change.name for change in begun.values() if not change.file)}
    found: list[Row] = []
    for secret in topology.secrets:
        if secret.name not in there:
            continue
        change = begun.get(secret.name)
        age = now - change.moment if change else timedelta(0)
        found.append(
            Row(
                name=secret.name,
                kind=secret.form,
                since=change.at if change else "",
                who=change.who if change else "",
                age_days=round(age / timedelta(days=1), 2),
                rotation_days=secret.rotation_days,
                # Made before there was a history: older than anybody knows.
                is_due=change is None or age >= timedelta(days=secret.rotation_days),
                is_rotating=under_way(instance, secret.name).exists(),
            )
        )
    return found


def _begun(history: History) -> dict[str, Change]:
    return {change.name: change for change in history.changes() if change.what in BEGINS}


def declared(topology: Topology, name: str) -> SecretDeclaration:
    """The secret of that name."""
    try:
        return topology.secret(name)
    except KeyError as error:
        raise UnknownName(str(error.args[0])) from error


def under_way(instance: Instance, name: str) -> Path:
    """Where the rotation of this secret remembers how far it is; there only until it is done."""
    return instance.path / "secrets" / f".rotating-{name}.json"
