"""Decide what a master may be called, who sees it, and what may be done with it in which state.

Between: routes.masters, routes.uploads, routes.internal_masters and store.masters.

    DRAFT ⇄ IN_VSTUDIO ──► LOCKED ──► MINTED ⇄ LISTED ──► SOLD
      └──────────────────►   ▲
    DRAFT, LOCKED ──► ARCHIVED

Units: basis points (1/10 000).
Invariant: content and splits do not change from LOCKED on; collaborators leave at least the least holders' part.
Errors: Invalid, with a reason per field.
Source: domain.md 2.2 (lifecycle, fields), 8 (genres, moods).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audifi.services.nft.errors import Invalid

GENRES: Final = (
    "Electronic", "Hip Hop", "R&B", "Pop", "Rock", "Jazz", "Classical", "Deep House", "Techno", "Ambient", "Synthwave",
    "Experimental", "Lo-Fi Hip Hop", "Drum & Bass", "Trap", "Progressive House", "Downtempo",
)  # fmt: skip
HIDDEN: Final = ("DRAFT", "ARCHIVED")  # from everybody but the artist
EDITABLE: Final = ("DRAFT", "IN_VSTUDIO")
ARCHIVABLE: Final = ("DRAFT", "LOCKED")
WHOLE_BPS: Final = 10_000
HOLDERS_BPS_MIN: Final = 1_000
COLLABORATORS_MAX: Final = 20


@dataclass(frozen=True, kw_only=True)
class Collaborator:
    """Somebody who takes a part of the revenue."""

    name: str
    role: str
    split_bps: int
    wallet: str | None = None


def require_title(title: str) -> None:
    """Refuse angle brackets: a title is shown in many places, and one of them will forget to escape it."""
    if "<" in title or ">" in title:
        raise Invalid(details={"title": "must not contain < or >"})
    if not title.strip():
        raise Invalid(details={"title": "must not be blank"})


def require_genre(genre: str) -> None:
    """Refuse a genre that no filter knows."""
    if genre not in GENRES:
        raise Invalid(details={"genre": f"must be one of {', '.join(GENRES)}"})


def require_splits(collaborators: Sequence[Collaborator]) -> None:
    """Refuse splits that leave the holders less than the least an IPO may offer them."""
    total = splits_bps(collaborators)
    if total > WHOLE_BPS - HOLDERS_BPS_MIN:
        most = WHOLE_BPS - HOLDERS_BPS_MIN
        raise Invalid(details={"collaborators": f"the splits add up to {total} of at most {most} basis points"})


def splits_bps(collaborators: Sequence[Collaborator]) -> int:
    """Return what all collaborators take together."""
    return sum(each.split_bps for each in collaborators)


def is_visible(status: str, artist_id: str, *, viewer_id: str | None) -> bool:
    """Whether somebody may know that this master exists."""
    return status not in HIDDEN or viewer_id == artist_id


def search_words(text: str) -> str:
    """Return a search as PostgreSQL's text search wants it: every word must begin a word of the title."""
    words = ["".join(letter for letter in word if letter.isalnum()) for word in text.lower().split()]
    return " & ".join(f"{word}:*" for word in words if word)
