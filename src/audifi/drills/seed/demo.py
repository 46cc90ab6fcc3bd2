"""Say who the demo's people are, and what they have recorded.

Between: plant (makes them) and cli.seed (names them).
Units: wei; beats per minute; seconds.
Errors: none.
Source: domain.md 2.8 "Demo seed"; where it is silent (which sale is open, reserves, the holders' part): ours.
"""

from dataclasses import dataclass
from typing import Final

ADMIN: Final = "admin@audifi.io"
ARTIST: Final = "alex@example.com"
PRODUCER: Final = "sam@example.com"

ARTIST_NAME: Final = "Alex Rivera"
PRODUCER_NAME: Final = "Sam Chen"
PLAN: Final = "PRO"
ETHER: Final = 10**18


@dataclass(frozen=True, kw_only=True)
class Offer:
    """How a recording is offered."""

    shares: int
    price_wei: int
    reserve: int = 0
    holders_bps: int = 4000
    is_live: bool = False  # or only described


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One of the artist's masters."""

    title: str
    genre: str
    bpm: int
    seconds: int | None = None
    offer: Offer | None = None  # a draft has none


RECORDINGS: Final = (
    Recording(
        title="Midnight Pulse",
        genre="Deep House",
        bpm=124,
        seconds=380,
        offer=Offer(shares=1000, price_wei=ETHER // 2),
    ),
    Recording(
        title="Neon Dreams",
        genre="Synthwave",
        bpm=110,
        seconds=295,
        offer=Offer(shares=500, price_wei=3 * ETHER // 4, is_live=True),
    ),
    Recording(title="Untitled Project", genre="Experimental", bpm=95),
)


@dataclass(frozen=True, kw_only=True)
class LiveSession:
    """One V Studio session, planned around a draft, with one poll."""

    title: str
    master: str  # its title
    question: str
    options: tuple[str, ...]


SESSION: Final = LiveSession(
    title="Finish the Untitled Project",
    master="Untitled Project",
    question="Which cover art?",
    options=("Static bloom", "Night train", "Blank tape"),
)
