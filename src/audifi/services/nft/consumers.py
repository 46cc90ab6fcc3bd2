"""React to what other services say through the queue: one small table of handlers per noun, merged.

Between: kernel.queue (delivers, each effect exactly once) and sagas, store.
Shape: two nouns may listen to the same type (`chain.settled`): their handlers run one after the other, in one
transaction, and each ignores keys that are not its own.
Invariant: a late or repeated event changes nothing.
Errors: Unavailable makes the queue try again; what cannot be understood ends in the dead letters.
Source: domain.md 2.2 "Consumes".
"""

from collections.abc import Callable, Mapping
from typing import Final

from audifi.kernel.connection import Connection
from audifi.kernel.queue import Handler
from audifi.services.nft.parts import Parts
from audifi.services.nft.sagas import cards, dividend, offers, owning
from audifi.wire.events import Event

Table = Callable[[Parts], Mapping[str, Handler]]

# One line per noun; the order does not matter.
TABLES: Final[tuple[Table, ...]] = (
    offers.handlers,
    dividend.handlers,
    cards.handlers,
    owning.handlers,
)  # fmt: skip


def handlers(parts: Parts) -> dict[str, Handler]:
    """Return the handlers of the group `nft-service` by event type."""
    found: dict[str, list[Handler]] = {}
    for table in TABLES:
        for event_type, handler in table(parts).items():
            found.setdefault(event_type, []).append(handler)
    return {event_type: _one_after_the_other(listed) for event_type, listed in found.items()}


def _one_after_the_other(listed: list[Handler]) -> Handler:
    async def handle(tx: Connection, event: Event) -> None:
        for each in listed:
            await each(tx, event)

    return handle
