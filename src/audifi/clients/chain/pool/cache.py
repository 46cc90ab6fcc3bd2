"""Keep answers for as long as they stay true: for ever below the final height, one block time above it.

Between: chain (looks before it asks) and the answers that came.
Shape: least recently used out; at most ENTRIES_MAX answers and BYTES_MAX bytes. Answers are kept as the bytes that
came: every reader decodes its own copy, so no caller can change another's.
Invariant: an error and a null are never kept; an answer about `latest` is kept under the number it was pinned to.
Units: seconds, bytes.
Errors: never raises.
Source: outbound.md 1 ("cache by finality": eRPC's buckets), 3 step 2.
"""

from collections import OrderedDict
from typing import Final

from audifi.clients.chain.pool.methods import Keep

ENTRIES_MAX: Final = 4096
BYTES_MAX: Final = 32 * 1024 * 1024
ANSWER_BYTES_MAX: Final = 1024 * 1024
YOUNG_S_MAX: Final = 2.0

Key = tuple[str, bytes]


class Cache:
    """Answers of one chain."""

    def __init__(self, block_time_s: float) -> None:
        self._young_s = min(block_time_s, YOUNG_S_MAX)
        self._kept: OrderedDict[Key, tuple[float | None, bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key, now_s: float) -> bytes | None:
        found = self._kept.get(key)
        if found is None:
            return None
        until_s, answer = found
        if until_s is not None and now_s >= until_s:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return answer

    def put(self, key: Key, answer: bytes, *, keep: Keep, height: int | None, final: int, now_s: float) -> None:
        """Keep an answer that holds at `height` (None: at no particular one), when `final` cannot be undone."""
        if answer == b"null" or len(answer) > ANSWER_BYTES_MAX:
            return
        if keep is Keep.ALWAYS or (height is not None and height <= final):
            until_s = None
        elif height is None or keep is Keep.NEVER:
            return
        else:
            until_s = now_s + self._young_s
        self._drop(key)
        self._kept[key] = (until_s, answer)
        self._bytes += len(answer)
        while len(self._kept) > ENTRIES_MAX or self._bytes > BYTES_MAX:
            self._drop(next(iter(self._kept)))

    def __len__(self) -> int:
        return len(self._kept)

    def _drop(self, key: Key) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._bytes -= len(found[1])
