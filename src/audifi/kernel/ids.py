"""Make identifiers: time-ordered UUIDs for rows and events, short ones for requests.

Between: stores (primary keys), outbox (event ids), http (request ids).
Why time-ordered: new rows land at the right edge of a b-tree instead of dirtying a random page each.
Invariant: two ids of one process, made one after the other, sort in that order.
Errors: never raises.
Source: RFC 9562 section 5.7 (UUID version 7) and section 6.2 method 1 (counter in rand_a, seeded at random).
"""

import os
import threading
import time
from uuid import UUID

_COUNTER_BITS = 12
_lock = threading.Lock()
_last_ms = 0
_counter = 0


def new_id() -> UUID:
    """Return a version 7 UUID, greater than every one made before it in this process."""
    millisecond, counter = _tick()
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=millisecond << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | random)


def request_id() -> str:
    """Return an id for a request that came without an acceptable one (matches headers.REQUEST_ID_PATTERN)."""
    return "req_" + os.urandom(12).hex()


def _tick() -> tuple[int, int]:
    # The counter starts in the lower half each millisecond; when it would overflow, time is borrowed from the next one.
    global _last_ms, _counter  # noqa: PLW0603  # the process's only sequence, guarded by _lock
    with _lock:
        now_ms = time.time_ns() // 1_000_000
        if now_ms > _last_ms:
            _last_ms, _counter = now_ms, int.from_bytes(os.urandom(2), "big") >> 5
        else:
            _counter += 1
        if _counter >> _COUNTER_BITS:
            _last_ms, _counter = _last_ms + 1, 0
        return _last_ms, _counter
