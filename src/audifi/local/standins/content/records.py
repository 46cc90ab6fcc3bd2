"""Remember what a provider holds and was asked to hold: entries by kind, and which blocks belong to which root.

Between: the pinning stand-ins and `<directory>/records.sqlite`; blocks themselves are in content.blocks.
Shape: an entry is (id, kind, cid, created, held, body); kinds are the provider's own words ("file", "legacy", "psa",
"job" …); body is what the provider shows of it, JSON. `held` entries keep the blocks of their tree.
Units: created in milliseconds since 1970, never twice the same: listings page by it.
Invariant: blocks are written before the entry that needs them, and forgotten after it, so a kill -9 in between
leaves blocks too many, never too few. A block goes when the last root that needs it goes.
Errors: sqlite3 errors pass through: a stand-in without its file is of no use.
"""

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audifi.local.standins.content.blocks import Blocks
from audifi.local.standins.content.cids import Cid, parse

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, cid TEXT NOT NULL, key TEXT NOT NULL, root TEXT NOT NULL,
    created INTEGER NOT NULL, held INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entries_of_cid ON entries (key, kind);
CREATE INDEX IF NOT EXISTS entries_of_root ON entries (root);
CREATE INDEX IF NOT EXISTS entries_in_order ON entries (kind, created);
CREATE TABLE IF NOT EXISTS trees (root TEXT NOT NULL, block TEXT NOT NULL, PRIMARY KEY (root, block)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS trees_by_block ON trees (block);
"""

PRIVATE = "private:"


@dataclass
class Entry:
    """Something a provider remembers."""

    id: str
    kind: str
    cid: str
    created: int = 0
    held: bool = False
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    private: bool = False  # never served to others

    @property
    def root(self) -> str:
        """What its tree is remembered under."""
        return f"{PRIVATE if self.private else ''}{parse(self.cid).key}"


class Records:
    """The memory of one provider."""

    def __init__(self, file: Path, blocks: Blocks) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._blocks = blocks
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing; a lost machine may
        self._database.executescript(SCHEMA)
        newest = self._database.execute("SELECT max(created) FROM entries").fetchone()[0]
        self._last_created = int(newest or 0)

    def close(self) -> None:
        self._database.close()

    def keep(self, entry: Entry, tree: Iterable[str] = ()) -> Entry:
        """Remember an entry, with the keys of its blocks if it holds them; made now if it has no time yet."""
        if not entry.created:
            entry.created = self._last_created = max(time.time_ns() // 1_000_000, self._last_created + 1)
        key = parse(entry.cid).key
        with self._transaction():
            self._database.executemany(
                "INSERT OR IGNORE INTO trees VALUES (?, ?)", ((entry.root, block) for block in tree)
            )
            self._database.execute(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (entry.id, entry.kind, entry.cid, key, entry.root, entry.created, entry.held, json.dumps(entry.body)),
            )
        return entry

    def entry(self, identifier: str, *kinds: str) -> Entry | None:
        """The entry of this id, if it is of one of these kinds."""
        rows = self._read("WHERE id = ?", (identifier,))
        return next((row for row in rows if row.kind in kinds), None)

    def entries(self, *kinds: str, cid: Cid | None = None) -> list[Entry]:
        """Entries of these kinds, newest first; of one content if a CID is given."""
        places = ", ".join("?" * len(kinds))
        where = f"WHERE kind IN ({places})"
        parameters: tuple[Any, ...] = kinds
        if cid is not None:
            where, parameters = f"{where} AND key = ?", (*kinds, cid.key)
        return self._read(f"{where} ORDER BY created DESC", parameters)

    def forget(self, *entries: Entry) -> None:
        """Forget entries, and the blocks that nothing else holds."""
        for entry in entries:
            self._database.execute("DELETE FROM entries WHERE id = ?", (entry.id,))
            if entry.held:
                self._release(entry.root)

    def holds(self, cid: Cid) -> bool:
        """Whether this block belongs to something public that is held."""
        found = self._database.execute(
            "SELECT 1 FROM trees WHERE block = ? AND root NOT LIKE 'private:%' LIMIT 1", (cid.key,)
        ).fetchone()
        return found is not None

    def holds_root(self, cid: Cid) -> bool:
        """Whether this is the root of something public that is held."""
        found = self._database.execute("SELECT 1 FROM entries WHERE root = ? AND held LIMIT 1", (cid.key,)).fetchone()
        return found is not None

    def is_below(self, cid: Cid, roots: Iterable[str]) -> bool:
        """Whether this block belongs to one of these roots (keys)."""
        found = self._database.execute("SELECT root FROM trees WHERE block = ?", (cid.key,)).fetchall()
        return not {row[0] for row in found}.isdisjoint(roots)

    def tree(self, cid: Cid) -> list[str]:
        """The keys of the blocks of a root that is held."""
        rows = self._database.execute("SELECT block FROM trees WHERE root = ?", (cid.key,)).fetchall()
        return [row[0] for row in rows]

    def lose_tree(self, cid: Cid) -> bool:
        """Lose the blocks of a root whose entries stay."""
        return bool(self._drop_tree(cid.key) + self._drop_tree(PRIVATE + cid.key))

    def held_cids(self) -> list[str]:
        rows = self._database.execute("SELECT DISTINCT cid FROM entries WHERE held ORDER BY cid").fetchall()
        return [row[0] for row in rows]

    def _release(self, root: str) -> None:
        if self._database.execute("SELECT 1 FROM entries WHERE root = ? AND held LIMIT 1", (root,)).fetchone():
            return
        self._drop_tree(root)

    def _drop_tree(self, root: str) -> list[str]:
        with self._transaction():
            mine = [row[0] for row in self._database.execute("SELECT block FROM trees WHERE root = ?", (root,))]
            self._database.execute("DELETE FROM trees WHERE root = ?", (root,))
            shared = "SELECT 1 FROM trees WHERE block = ? LIMIT 1"
            unneeded = [key for key in mine if self._database.execute(shared, (key,)).fetchone() is None]
        for key in unneeded:
            self._blocks.delete(key)
        return mine

    def _read(self, where: str, parameters: tuple[Any, ...]) -> list[Entry]:
        columns = "SELECT id, kind, cid, created, held, body, root FROM entries "
        rows = self._database.execute(columns + where, parameters)
        return [
            Entry(*row[:4], held=bool(row[4]), body=json.loads(row[5]), private=row[6].startswith(PRIVATE))
            for row in rows
        ]

    def _transaction(self) -> sqlite3.Connection:
        self._database.execute("BEGIN IMMEDIATE")
        return self._database  # as a context manager it commits, or rolls back
