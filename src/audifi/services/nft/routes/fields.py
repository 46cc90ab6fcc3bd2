"""Name the forms of fields that several bodies share.

Between: routes.*. A value that passes its form can be stored: Postgres refuses NUL, we refuse all control characters.
Source: domain.md 2.2 (lengths), 4 "Input rules"; ISO 3901 (ISRC).
"""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from audifi.kernel.http import Body
from audifi.wire import amounts

# One line of text: no control characters (C0, DEL, C1).
_LINE = r"^[^\u0000-\u001f\u007f-\u009f]*$"
# Several lines: tabs and line breaks pass.
_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"

Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=_LINE)]
Description = Annotated[str, Meta(max_length=5000, pattern=_LINES)]
Note = Annotated[str, Meta(max_length=2000, pattern=_LINES)]
ShortLine = Annotated[str, Meta(min_length=1, max_length=100, pattern=_LINE)]
Mood = Annotated[str, Meta(min_length=1, max_length=30, pattern=_LINE)]
Isrc = Annotated[str, Meta(pattern=r"^[A-Za-z]{2}[A-Za-z0-9]{3}[0-9]{7}\Z")]
Bpm = Annotated[int, Meta(ge=1, le=999)]
DurationSeconds = Annotated[int, Meta(ge=1, le=86_400)]
Bps = Annotated[int, Meta(ge=0, le=10_000)]
Version = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[0-9A-Za-z._-]+$")]
PolicyName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Z_]+$")]
Words = Annotated[str, Meta(min_length=1, max_length=100, pattern=_LINE)]
ChainId = Annotated[int, Meta(ge=1, le=2_147_483_647)]
Wei = amounts.Wei
Address = amounts.Address
Hash = amounts.Hash


class MasterPath(Body):
    """Which master."""

    id: UUID
