"""Tell the time of a drill: one clock, in the unit of its history.

Between: everything that writes into a history or a timeline.
Units: microseconds since the epoch.
Invariant: never goes back: the wall clock is asked once, and counted on from there.
Errors: none.
"""

import time
from typing import Final

US: Final = 1_000_000
_AHEAD_US: Final = time.time_ns() // 1000 - time.monotonic_ns() // 1000


def now_us() -> int:
    """This moment."""
    return time.monotonic_ns() // 1000 + _AHEAD_US
