"""Offer the two kinds of backup that Redis has: the cluster's and the queue's.

Between: recovery.kinds (asks for them) and snapshots.
Invariant: a snapshot that cannot be read back is named by its label, with the reason.
Errors: SnapshotFailed, NotReady from snapshots.
Source: topology.stores.backups.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from audifi.local.errors import LocalError
from audifi.local.files import remove_tree
from audifi.local.recovery.catalogue import Entry, How
from audifi.local.recovery.redis import snapshots
from audifi.local.state import Instance
from audifi.topology.model.data import Backup
from audifi.topology.model.whole import Topology


class RedisKind:
    """Snapshots of one component."""

    def __init__(self, instance: Instance, topology: Topology, backup: Backup) -> None:
        self._instance = instance
        self._topology = topology
        self.backup = backup

    @property
    def component(self) -> str:
        return self.backup.component

    async def make(self, how: How) -> Entry:
        """Take one; it is always whole."""
        began_s = time.time()
        taken = await snapshots.take(self._instance, self._topology, self.component)
        return Entry(
            kind=self.backup.name,
            label=taken.label,
            how=how,
            started_s=began_s,
            ended_s=time.time(),
            size_bytes=taken.size_bytes,
            checksum=taken.checksum(),
        )

    async def remove_old(self, entries: Sequence[Entry]) -> None:
        """Remove their directories."""
        for entry in entries:
            await asyncio.to_thread(remove_tree, self._place(entry))

    async def verify(self, entries: Sequence[Entry]) -> Mapping[str, str]:
        """Read each and compare it with its checksums."""
        wrong: dict[str, str] = {}
        for entry in entries:
            try:
                await self._verified(entry)
            except LocalError as error:
                wrong[entry.label] = str(error)
        return wrong

    def has_changed(self) -> bool:
        """It has a schedule."""
        return False

    async def _verified(self, entry: Entry) -> None:
        found = snapshots.read(self._place(entry))
        if found.checksum() != entry.checksum:
            raise snapshots.Damaged(f"{found.directory / snapshots.MANIFEST} is not the one that the catalogue knows")
        await snapshots.verify(self._instance, found)

    def _place(self, entry: Entry) -> Path:
        return snapshots.place(self._instance, self.component) / entry.label


def kinds(instance: Instance, topology: Topology) -> tuple[RedisKind, ...]:
    """Those of the cluster and of the queue."""
    ours = {topology.stores.redis_cluster.component, topology.stores.queue.component}
    return tuple(
        RedisKind(instance, topology, backup) for backup in topology.stores.backups if backup.component in ours
    )
