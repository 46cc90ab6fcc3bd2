"""Say how long to wait before the next connection.

Between: sdk.live.machine; pure.
Shape: full jitter, on the first retry too: a pod's death frees thousands of clients in the same millisecond, and what
spreads them is chance alone. On top of it whatever the server demanded.
Units: milliseconds.
Invariant: the numbers are the topology's (tests/agreement/test_live_clients.py). With the 30 percent of domain.md all
would wait the same 70 percent.
Source: domain.md 3 "Recovery"; realtime.md 3 "Drain"; "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from typing import Final

FIRST_MS: Final = 1000
FACTOR: Final = 2
MAX_MS: Final = 30_000
TRIES_MAX: Final = 10  # retries without progress: then it is for a person to decide


def pause_ms(tries: int, random: float) -> int:
    """The wait before retry number `tries` (from 0), for a random number in [0, 1)."""
    return int(random * min(MAX_MS, FIRST_MS * FACTOR**tries))
