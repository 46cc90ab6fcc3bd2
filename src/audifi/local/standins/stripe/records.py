"""Keep every object of the account, and write it down before it is acknowledged.

Between: world (puts and finds) and one file of JSON lines in the stand-in's directory.
Shape: an object is what the API shows of it; its `object` says the kind; ids are unique over all kinds.
Invariant: the last line of an id is the object; a line cut short by a crash was never acknowledged.
Errors: OSError when the directory cannot be written.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Records:
    """All objects by id, in the order they were made."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "objects.jsonl"
        self._objects: dict[str, Json] = {}
        self._kinds: dict[str, dict[str, Json]] = {}
        self._load()
        self._file = self._path.open("a", buffering=1)  # a line leaves the process before its answer does

    def _load(self) -> None:
        if not self._path.exists():
            return
        for line in self._path.read_text().splitlines():
            try:
                found: Json = json.loads(line)
            except json.JSONDecodeError:
                continue
            self._remember(found)

    def _remember(self, found: Json) -> None:
        self._objects[found["id"]] = found
        self._kinds.setdefault(found["object"], {})[found["id"]] = found

    def put(self, found: Json) -> Json:
        """Keep an object as it is now."""
        self._file.write(json.dumps(found) + "\n")
        self._remember(found)
        return found

    def get(self, identity: str) -> Json | None:
        return self._objects.get(identity)

    def of_kind(self, kind: str) -> Iterator[Json]:
        """Newest first, as Stripe lists."""
        return reversed(list(self._kinds.get(kind, {}).values()))

    def where(self, kind: str, matches: Callable[[Json], bool]) -> list[Json]:
        return [found for found in self.of_kind(kind) if matches(found)]

    def counts(self) -> dict[str, int]:
        return {kind: len(found) for kind, found in sorted(self._kinds.items())}

    def close(self) -> None:
        self._file.close()
