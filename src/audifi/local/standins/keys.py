"""Know which keys a provider has issued: as with real ones, a new key may be issued before the old one is withdrawn.

Between: components (write the file, again when a key is replaced) and the stand-ins that demand a key.
Shape: one key a line; the first is what the provider itself signs with, where it signs.
Invariant: the file is read again when it was replaced, so that a stand-in need not be restarted for a new key, which
no provider is either. Keys are compared in constant time.
Errors: OSError when the file is missing.
"""

import hmac
from pathlib import Path


class Keys:
    """The keys in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[int, int] = (0, 0)
        self._keys: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        return self._now()[0]

    def accept(self, shown: str) -> bool:
        """Whether somebody who shows this may come in."""
        return any(hmac.compare_digest(shown.encode(), key.encode()) for key in self._now())

    def _now(self) -> tuple[str, ...]:
        found = self._path.stat()
        version = (found.st_ino, found.st_mtime_ns)  # a replaced file is another inode
        if version != self._read:
            self._keys = tuple(self._path.read_text().split())
            self._read = version
        return self._keys
