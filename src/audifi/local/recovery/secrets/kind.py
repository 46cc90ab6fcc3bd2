"""Offer the secrets' history as a kind of backup, so that the catalogue and the alerts know it.

Between: recovery.kinds (asks for it) and history, which local.secrets itself writes before any change: a change is
never later than its backup, and what is "made" here is the entry in the catalogue that says so.
Shape: an entry per look that found changes; its label is the moment of the newest.
Invariant: values are forgotten by when they were last in force, not by when they were made (History.forget).
Errors: none; what does not verify is said by its label.
Source: topology.stores.backups ("secrets": on change, 90 days).
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from audifi.local.errors import LocalError
from audifi.local.recovery.catalogue import Catalogue, Entry, How
from audifi.local.recovery.secrets.history import KEPT_DAYS, History
from audifi.local.state import Instance
from audifi.topology.model.data import Backup
from audifi.topology.model.whole import Topology

NAME = "secrets"


class SecretsKind:
    """The history of one instance's secrets."""

    component = ""  # every instance has some

    def __init__(self, instance: Instance, backup: Backup) -> None:
        self._history: History = instance.history
        self._catalogue = Catalogue.of(instance)
        self.backup = backup

    async def make(self, how: How) -> Entry:
        """Note what the history holds now."""
        changes = self._history.changes()
        files = [self._history.directory / change.file for change in changes if change.file]
        lines = "".join(f"{change.at} {change.name} {change.sha256}\n" for change in changes)
        newest = changes[-1].moment if changes else datetime.now(UTC)
        return Entry(
            kind=NAME,
            label=newest.isoformat(timespec="microseconds"),
            how=how,
            started_s=newest.timestamp(),
            ended_s=newest.timestamp(),
            size_bytes=sum(file.stat().st_size for file in files),
            checksum=f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}",
        )

    async def remove_old(self, entries: Sequence[Entry]) -> None:
        """Forget what was last in force when the newest of these was made, or before."""
        newest_s = max(entry.ended_s for entry in entries)
        self._history.forget(datetime.fromtimestamp(newest_s, UTC) + timedelta(days=KEPT_DAYS))

    async def verify(self, entries: Sequence[Entry]) -> Mapping[str, str]:
        """Compare every kept value with its checksum; the newest entry stands for all."""
        try:
            await asyncio.to_thread(self._history.verified)
        except (LocalError, FileNotFoundError) as error:
            return {entry.label: str(error) for entry in entries[-1:]}
        return {}

    def has_changed(self) -> bool:
        """Whether there is a change that the catalogue does not know."""
        changes = self._history.changes()
        known = {entry.label for entry in self._catalogue.entries(NAME)}
        return bool(changes) and changes[-1].at not in known


def kinds(instance: Instance, topology: Topology) -> tuple[SecretsKind, ...]:
    """The one there is."""
    return tuple(SecretsKind(instance, backup) for backup in topology.stores.backups if backup.name == NAME)
