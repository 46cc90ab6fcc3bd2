"""Name the events that are counted, and say which are kept for ever.

Between: consumers (one handler for each), routes.events (what clients may say), recording, store.rollups.
Shape: a type is `stream.what`.
What is left out: `audit.recorded` and `security.event` (auth-service keeps the one record of those, with addresses that
must not be here), `chain.*` and `content.*` (errands of the worker, not things that happened to anybody).
Lasting: what money, shares and accounts are counted from. The rest is engagement: what people looked at and did.
Source: domain.md 2.6 (client types; "consumes every domain event"), 2.2-2.5 "Publishes".
"""

from typing import Final, Literal

from audifi.wire.events import REGISTRY, auth, coin, nft, payment, vstudio

_SOURCES: Final = frozenset(module.__name__ for module in (auth, coin, nft, payment, vstudio))
_LEFT_OUT: Final = frozenset({"audit.recorded", "security.event"})

ClientType = Literal["view", "play", "search", "share", "bookmark", "reaction", "session_view", "session_join"]

_LASTING_STREAMS: Final = frozenset(
    {"master", "ipo", "share", "purchase", "revenue", "dividend", "payment", "subscription", "invoice", "coin", "user"}
)
# What anybody may see happen; the index analytics_events_public holds exactly these.
PUBLIC: Final = (
    "ipo.launched",
    "ipo.sold_out",
    "ipo.closed",
    "purchase.completed",
    "share.sold",
    "dividend.distributed",
    "session.started",
    "session.ended",
)


def stream(kind: str) -> str:
    return kind.partition(".")[0]


def domain_types() -> tuple[str, ...]:
    """Return every type the queue is asked for."""
    known = {name for (name, _), cls in REGISTRY.items() if cls.__module__ in _SOURCES}
    return tuple(sorted(known - _LEFT_OUT))


def is_lasting(kind: str) -> bool:
    """Whether an event of this type is kept for ever."""
    return "." in kind and stream(kind) in _LASTING_STREAMS
