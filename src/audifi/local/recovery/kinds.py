"""Say what a kind of backup must offer, and list the kinds there are.

Between: recovery.postgres, recovery.redis, recovery.secrets (each is one or more kinds) and recovery.keeping, which
calls them when the schedule wants it.
Invariant: a kind keeps its files below `backups(instance)/<its own directory>` and nothing else; it does not know the
schedule, nor the catalogue.
Errors: a kind raises LocalError (the machine, the operator), NotReady (what it copies does not answer now: tried
again), or BackupFailed with what its program said.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final, Protocol

from audifi.local.errors import LocalError
from audifi.local.recovery.catalogue import Entry, How
from audifi.local.state import Instance
from audifi.topology.model.data import Backup
from audifi.topology.model.whole import Topology

# Modules with `kinds(instance, topology) -> tuple[Kind, ...]`.
MODULES: Final = (
    "audifi.local.recovery.postgres.kind",
    "audifi.local.recovery.redis.kind",
    "audifi.local.recovery.secrets.kind",
)


class BackupFailed(LocalError):
    """A backup could not be made."""


class Kind(Protocol):
    """One of topology.stores.backups that is kept here."""

    @property
    def backup(self) -> Backup: ...

    @property
    def component(self) -> str:
        """What must be part of the instance for it to make sense; "" for nothing."""
        ...

    async def make(self, how: How) -> Entry:
        """Make one now; return when it is on disk."""
        ...

    async def remove_old(self, entries: Sequence[Entry]) -> None:
        """Remove these: they are past their retention."""
        ...

    async def verify(self, entries: Sequence[Entry]) -> Mapping[str, str]:
        """Read what is kept and compare it with its checksums: label → what is wrong with it."""
        ...

    def has_changed(self) -> bool:
        """Whether what is kept on change has changed since the last one; False for what has a schedule."""
        ...


def kinds(instance: Instance, topology: Topology, components: Sequence[str]) -> tuple[Kind, ...]:
    """Every kind that makes sense where these components run."""
    found: list[Kind] = []
    for module in MODULES:
        offered: Callable[[Instance, Topology], tuple[Kind, ...]] = import_module(module).kinds
        found += offered(instance, topology)
    return tuple(kind for kind in found if not kind.component or kind.component in components)
