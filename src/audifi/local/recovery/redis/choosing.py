"""Find the snapshot that a restore wants, and note in the catalogue that one was restored.

Between: cli.restore_redis, drills and the catalogue.
Invariant: a snapshot that the catalogue knows has the checksum that the catalogue knows, or it is not taken.
Units: moments are UTC.
Errors: LocalError when there is none of that time; Damaged when it is not the one that was catalogued.
"""

import time
from datetime import UTC, datetime

from audifi.local.errors import LocalError
from audifi.local.recovery.catalogue import Catalogue
from audifi.local.recovery.redis import snapshots
from audifi.local.recovery.redis.snapshots import LABEL, Damaged, Snapshot
from audifi.local.state import Instance


def chosen(instance: Instance, component: str, at: datetime | None = None) -> Snapshot:
    """The newest snapshot, or the newest that was taken by this moment."""
    labels = [path.name for path in snapshots.kept(instance, component)]
    if at is not None:
        labels = [label for label in labels if taken_at(label) <= at.astimezone(UTC)]
    if not labels:
        until = "" if at is None else f" taken by {at:%Y-%m-%d %H:%M:%S %Z}"
        raise LocalError(f"there is no snapshot of {component}{until}: ./audifi backup list")
    found = snapshots.read(snapshots.place(instance, component) / labels[-1])
    known = {entry.label: entry.checksum for entry in Catalogue.of(instance).entries(component)}
    if known.get(found.label, found.checksum()) != found.checksum():
        raise Damaged(f"{found.directory} is not the snapshot that was catalogued; name an older one with --at")
    return found


def taken_at(label: str) -> datetime:
    """When the snapshot of this label was begun."""
    return datetime.strptime(label, LABEL).replace(tzinfo=UTC)


def proven(instance: Instance, snapshot: Snapshot) -> None:
    """Note that it was restored and what came back was right."""
    Catalogue.of(instance).restore_proven(snapshot.component, snapshot.label, time.time())
