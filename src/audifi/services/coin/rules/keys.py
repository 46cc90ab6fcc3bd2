"""Name what we want of a chain, and recognise it when it is settled.

Between: sagas (ask, and are told).
Shape: `coin:<artist>:<what>`, for a wallet `coin:<artist>:give:<wallet>`; then `:<attempt>`, from the second.
Why attempts: a key stands for one command for ever, so what failed for good is wanted again under another name.
Invariant: text and parse are each other's inverse.
Errors: none; what is not ours is None.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

_FORM: Final = re.compile(
    r"coin:(?P<artist>[0-9a-f-]{36}):(?P<what>[a-z-]+)(?::(?P<wallet>0x[0-9a-f]{40}))?(?::(?P<attempt>[1-9][0-9]*))?"
)


@dataclass(frozen=True)
class Key:
    """What is wanted, for whose coin."""

    artist_id: str
    what: str
    wallet: str | None = None
    attempt: int = 1

    @property
    def text(self) -> str:
        wallet = f":{self.wallet}" if self.wallet else ""
        return f"coin:{self.artist_id}:{self.what}{wallet}" + (f":{self.attempt}" if self.attempt > 1 else "")

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the key, or None when another service asked."""
        found = _FORM.fullmatch(text)
        return found and cls(found["artist"], found["what"], found["wallet"], int(found["attempt"] or 1))
