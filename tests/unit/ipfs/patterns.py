"""Make the bytes that reference.mjs made, as a file that is read and never held.

Between: the tests of CIDs and vectors.json.
Shape: byte i is i mod 251, or zero.
"""

import io
from typing import Any, BinaryIO, cast


class Pattern(io.RawIOBase):
    """A file of this size."""

    def __init__(self, size: int, fill: str = "pattern") -> None:
        super().__init__()
        self._left = size
        self._at = 0
        self._cycle = (bytes(range(251)) if fill == "pattern" else bytes(251)) * 4300  # more than a MiB

    def read(self, size: int = -1, /) -> bytes:
        length = min(size, self._left)
        start = self._at % 251
        self._at += length
        self._left -= length
        return self._cycle[start : start + length]


def pattern(size: int, fill: str = "pattern") -> BinaryIO:
    return cast("BinaryIO", cast("Any", Pattern(size, fill)))
