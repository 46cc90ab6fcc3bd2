"""Make what the schedule wants, remove what is past its time, and keep the catalogue.

Between: recovery.__main__ (runs `keep`, serves what `facts` says), kinds (do the work), schedule (decides, pure).
Shape: one backup at a time, so that two never compete for one small machine's disk.
Units: *_s seconds.
Invariant: a failure is counted, logged and tried again; it never ends the loop and never leaves a row. A full backup
is verified as soon as it is made: what cannot be read back is a failure, not a backup.
Errors: `make` raises what the kind raised, after counting it.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from audifi.local.errors import LocalError
from audifi.local.recovery import schedule
from audifi.local.recovery.catalogue import Catalogue, Entry, How
from audifi.local.recovery.clock import Clock
from audifi.local.recovery.kinds import BackupFailed, Kind
from audifi.local.waiting import NotReady, TimedOut

LOOK_EVERY_S: Final = 1.0
AGAIN_AFTER_S: Final = 30.0  # after a failure
NOT_YET_S: Final = 2.0  # what is to be copied starts, or fails over: no failure; a backup that comes late pages

_log = logging.getLogger(__name__)


@dataclass
class Standing:
    """What became of one kind's backups in this process."""

    failures: int = 0
    damaged: int = 0  # of the last verification
    problem: str = ""  # "" after a success
    again_at_s: float = 0.0  # loop time
    is_busy: bool = False


@dataclass
class Keeping:
    """The backups of one instance."""

    kinds: Sequence[Kind]
    catalogue: Catalogue
    clock: Clock
    standings: dict[str, Standing] = field(default_factory=dict[str, Standing])
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.standings = {kind.backup.name: Standing() for kind in self.kinds}

    async def keep(self) -> None:
        """For ever."""
        while True:
            for kind in self.kinds:
                await self._look(kind)
            await asyncio.sleep(LOOK_EVERY_S)

    async def make(self, kind: Kind, how: How) -> Entry:
        """Make one now, verify it if it is full, write it down, remove what is past its time."""
        standing = self.standings[kind.backup.name]
        async with self._one_at_a_time:
            standing.is_busy = True
            try:
                entry = replace(await kind.make(how), scheduled_s=self.clock.now_s())
                self.catalogue.add(entry)
                if entry.how is How.FULL:
                    await self._verify(kind, [entry])
                await self._remove_old(kind)
            except NotReady as reason:
                standing.problem = str(reason)
                raise
            except (LocalError, TimedOut, OSError) as error:
                standing.failures += 1
                standing.problem = str(error)
                raise
            finally:
                standing.is_busy = False
        standing.problem = ""
        _log.info("%s: %s %s, %d bytes", entry.kind, entry.how, entry.label, entry.size_bytes)
        return entry

    async def verify(self, kind: Kind) -> dict[str, str]:
        """Read everything of this kind that is kept: label → what is wrong with it."""
        async with self._one_at_a_time:
            return await self._damage(kind, self.catalogue.entries(kind.backup.name))

    def facts(self) -> list[dict[str, Any]]:
        """What is known of each kind, for /metrics and for people."""
        entries = self.catalogue.entries()
        return [self._fact(kind, entries) for kind in self.kinds]

    def _fact(self, kind: Kind, entries: Sequence[Entry]) -> dict[str, Any]:
        name = kind.backup.name
        own = [entry for entry in entries if entry.kind == name]
        last_s = max((entry.scheduled_s for entry in own), default=None)
        standing = self.standings[name]
        return {
            "kind": name,
            "count": len(own),
            "last_success_s": last_s,
            "age_s": None if last_s is None else max(self.clock.now_s() - last_s, 0.0),
            "period_s": schedule.period_s(kind.backup),
            "restore_proven_at_s": max((entry.restore_proven_at_s or 0.0 for entry in own), default=0.0),
            "failures": standing.failures,
            "damaged": standing.damaged,
            "problem": standing.problem,
            "is_busy": standing.is_busy,
            "is_due": schedule.due(kind.backup, own, self.clock.now_s()) is not None,
        }

    async def _look(self, kind: Kind) -> None:
        standing = self.standings[kind.backup.name]
        loop = asyncio.get_running_loop()
        how = schedule.due(kind.backup, self.catalogue.entries(kind.backup.name), self.clock.now_s())
        if how is None and kind.has_changed():
            how = How.FULL
        if how is None or loop.time() < standing.again_at_s:
            return
        try:
            await self.make(kind, how)
        except NotReady:
            standing.again_at_s = loop.time() + NOT_YET_S
        except (LocalError, TimedOut, OSError) as error:
            standing.again_at_s = loop.time() + AGAIN_AFTER_S
            _log.warning("%s: no %s backup, next try in %g s: %s", kind.backup.name, how, AGAIN_AFTER_S, error)

    async def _verify(self, kind: Kind, entries: Sequence[Entry]) -> None:
        found = await self._damage(kind, entries)
        if found:
            raise BackupFailed(f"it was made but cannot be read back: {found}")

    async def _damage(self, kind: Kind, entries: Sequence[Entry]) -> dict[str, str]:
        found = dict(await kind.verify(entries))
        self.standings[kind.backup.name].damaged = len(found)
        now_s = self.clock.now_s()
        for entry in entries:
            self.catalogue.verified(entry.kind, entry.label, None if entry.label in found else now_s)
        return found

    async def _remove_old(self, kind: Kind) -> None:
        old = schedule.expired(kind.backup, self.catalogue.entries(kind.backup.name), self.clock.now_s())
        if old:
            await kind.remove_old(old)
        for entry in old:
            self.catalogue.remove(entry.kind, entry.label)
