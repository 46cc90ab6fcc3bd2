"""Make the readable part of a session's address.

Between: sagas.planning.
Invariant: two sessions never share one: it ends with the random end of the session's id.
"""

import re
import unicodedata
from typing import Final

CHARS_MAX: Final = 60
_RANDOM_CHARS: Final = 10  # of the id's random end


def slug(title: str, session_id: str) -> str:
    """Return e.g. electric-dreams-5b4a693f2e for "Electric Dreams"."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:CHARS_MAX].rstrip("-")
    return f"{words or 'session'}-{session_id.replace('-', '')[-_RANDOM_CHARS:]}"
