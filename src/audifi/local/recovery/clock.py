"""Tell the schedule what time it is; tests and drills move it ahead, so that a day passes in a moment.

Between: recovery.keeping (asks) and its control port (`PUT /clock`).
Units: seconds since the epoch.
Invariant: only the schedule, retention and ages follow it: what a backup says of its own start and end is the
machine's time. It is ahead until it is set back or the process ends.
Errors: none.
"""

import time
from dataclasses import dataclass


@dataclass
class Clock:
    """The machine's clock, moved."""

    ahead_s: float = 0.0

    def now_s(self) -> float:
        return time.time() + self.ahead_s
