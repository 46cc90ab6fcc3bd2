"""React to what other services say through the queue.

Between: kernel.queue (delivers, each effect exactly once) and store.

Invariant: a late or repeated event changes nothing.
Source: domain.md 2.3 "Consumes".
"""

from audifi.kernel.queue import Handler
from audifi.services.vstudio.parts import Parts


def handlers(_parts: Parts) -> dict[str, Handler]:
    """Return the handlers of the group `vstudio-service` by event type."""
    return {}
