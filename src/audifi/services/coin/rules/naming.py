"""Name a coin after its artist.

Between: sagas.deploying.
Invariant: whatever an artist is called, the name has 1 to 100 characters and the symbol 2 to 10 of A-Z and 0-9.
Source: domain.md 2.5 "Symbol default: first 5 letters of the artist name, upper-case".
"""

import unicodedata
from typing import Final

NAME_CHARS_MAX: Final = 100
SYMBOL_LETTERS: Final = 5
SYMBOL_PATTERN: Final = r"^[A-Z0-9]{2,10}\Z"
FALLBACK: Final = "COIN"  # for a name without two Latin letters


def name_of(artist_name: str) -> str:
    """Return the coin's name."""
    return artist_name.strip()[:NAME_CHARS_MAX] or FALLBACK


def symbol_of(artist_name: str) -> str:
    """Return the coin's symbol: letters lose their accents, everything else is left out."""
    plain = unicodedata.normalize("NFKD", artist_name).upper()
    letters = "".join(each for each in plain if "A" <= each <= "Z")[:SYMBOL_LETTERS]
    return letters if len(letters) >= 2 else letters + FALLBACK
