"""Name the streams of the queue, their consumer groups and their dead letters.

Between: kernel.outbox (adds), kernel.queue (reads), services' consumers, drills and dashboards.
Invariant: the stream of an event follows from its type: `user.created` goes to `events:user`.
Errors: never raises.
Source: domain.md 2.0 "Events"; numbers: 5 tries, 1 s × 2, at most 60 s.
"""

from typing import Final

TRIES_MAX: Final = 5
RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 60.0
LENGTH_MAX: Final = 100_000  # entries kept per stream after everyone read them; approximate trimming
IDLE_CLAIM_S: Final = 30.0  # an entry unacknowledged this long belongs to a consumer that died
PAYLOAD_FIELD: Final = "event"


def of_event(event_type: str) -> str:
    return "events:" + event_type.partition(".")[0]


def dead_letters(stream: str, group: str) -> str:
    return f"dead:{group}:{stream}"


def group(service: str) -> str:
    """Return the consumer group of a service: its component name."""
    return service


def retry_after_s(tries: int) -> float:
    """Return how long to wait after `tries` failed tries."""
    return min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** (tries - 1))
