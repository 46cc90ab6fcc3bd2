"""Remember every backup: what it is, how large, whether it was verified, and when a restore of it was last proven.

Between: recovery.keeping and restores (write), cli.backup, drills and the ledger (read).
Shape: `<instance>/backups/catalogue.sqlite`, one row per backup; ≤ 1,000 rows (30 days of hours, 90 days of changes).
Units: *_s seconds since the epoch; sizes in bytes.
Invariant: `scheduled_s` is the moment of the schedule's clock, which tests may move; `started_s` and `ended_s` are the
machine's own: a restore to a second compares with them. A backup that was not made completely has no row.
Errors: LocalError when the file is damaged; a catalogue that is not there is empty.
Source: domain.md 7 (encrypted, checksummed, catalogued; a backup counts only after a verified restore).
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from audifi.local.errors import LocalError
from audifi.local.files import make_directory
from audifi.local.state import Instance

BUSY_S: Final = 10.0  # two processes write: the schedule's and a person's


class How(StrEnum):
    """How much a backup holds."""

    FULL = "full"
    INCREMENTAL = "incremental"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One backup."""

    kind: str  # as topology.stores.backups names it: postgres | redis-cluster | redis-queue | secrets | …
    label: str  # unique within its kind, and sorts by time
    how: How
    started_s: float
    ended_s: float
    size_bytes: int
    checksum: str  # sha256:… of what is kept, or what the program that made it states
    scheduled_s: float = 0.0  # set by whoever keeps the schedule
    verified_at_s: float | None = None
    restore_proven_at_s: float | None = None


_COLUMNS: Final = tuple(field.name for field in fields(Entry))
_TABLE: Final = f"CREATE TABLE IF NOT EXISTS backup ({', '.join(_COLUMNS)}, PRIMARY KEY (kind, label))"


def backups(instance: Instance) -> Path:
    """Where backups live: never below data/, which may be lost whole; others may pass through to what is theirs."""
    return make_directory(instance.path / "backups")


class Catalogue:
    """The list of all backups of one instance."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, instance: Instance) -> "Catalogue":
        return cls(instance.path / "backups" / "catalogue.sqlite")

    def add(self, entry: Entry) -> None:
        """Write it down; the same label again replaces it."""
        marks = ", ".join(f":{name}" for name in _COLUMNS)
        self._change(f"INSERT OR REPLACE INTO backup VALUES ({marks})", asdict(entry))  # noqa: S608  # ours

    def remove(self, kind: str, label: str) -> None:
        self._change("DELETE FROM backup WHERE kind = :kind AND label = :label", {"kind": kind, "label": label})

    def verified(self, kind: str, label: str, at_s: float | None) -> None:
        """Its bytes were read and are what was written; None: they are not."""
        self._mark("verified_at_s", kind, label, at_s)

    def restore_proven(self, kind: str, label: str, at_s: float) -> None:
        """It was restored, and what came back was right."""
        self._mark("restore_proven_at_s", kind, label, at_s)

    def entries(self, kind: str = "") -> list[Entry]:
        """Oldest first: all, or of one kind."""
        if not self._path.exists():
            return []
        with self._open() as database:
            rows = database.execute("SELECT * FROM backup WHERE ? IN ('', kind) ORDER BY started_s, label", (kind,))
            found: list[dict[str, Any]] = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
        return [replace(Entry(**row), how=How(row["how"])) for row in found]

    def _mark(self, column: str, kind: str, label: str, at_s: float | None) -> None:
        statement = f"UPDATE backup SET {column} = :at_s WHERE kind = :kind AND label = :label"  # noqa: S608  # ours
        self._change(statement, {"at_s": at_s, "kind": kind, "label": label})

    def _change(self, statement: str, values: dict[str, object]) -> None:
        with self._open() as database:
            database.execute(statement, values)

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        make_directory(self._path.parent)
        database = sqlite3.connect(self._path, timeout=BUSY_S)
        try:
            with database:  # commits, or rolls back
                database.execute(_TABLE)
                yield database
        except sqlite3.DatabaseError as error:
            raise LocalError(
                f"the catalogue of backups {self._path} cannot be read or written: {error}. The backups themselves are "
                f"beside it; move the file away, and the next backups start a new one"
            ) from error
        finally:
            database.close()
