"""Name the forms of fields that several bodies share.

Between: routes.*. A value that passes its form can be stored: Postgres refuses NUL, we refuse all control characters.
Source: domain.md 2.1 (lengths), 4 "Input rules".
"""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from audifi.kernel.http import Body

# One line of text: no control characters (C0, DEL, C1).
_LINE = r"^[^\u0000-\u001f\u007f-\u009f]*$"
# Several lines: tabs and line breaks pass.
_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"

Email = Annotated[str, Meta(min_length=3, max_length=254, pattern=_LINE)]
Token = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]
Code = Annotated[str, Meta(min_length=6, max_length=16, pattern=r"^[0-9A-Fa-f -]+$")]
Address = Annotated[str, Meta(min_length=42, max_length=42, pattern=r"^0x[0-9a-fA-F]{40}$")]
ChainId = Annotated[int, Meta(ge=1, le=2_147_483_647)]
Signature = Annotated[str, Meta(min_length=132, max_length=132, pattern=r"^0x[0-9a-fA-F]{130}$")]
SignedText = Annotated[str, Meta(min_length=1, max_length=4096, pattern=_LINES)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=100, pattern=_LINE)]
ArtistName = Annotated[str, Meta(min_length=1, max_length=150, pattern=_LINE)]
ShortLine = Annotated[str, Meta(min_length=1, max_length=100, pattern=_LINE)]
Bio = Annotated[str, Meta(max_length=5000, pattern=_LINES)]
HttpsUrl = Annotated[str, Meta(max_length=2048, pattern=r"^https://[^\s\u0000-\u001f\u007f-\u009f]+$")]
Path = Annotated[str, Meta(min_length=1, max_length=2048, pattern=r"^/[^\u0000-\u001f\u007f-\u009f]*$")]
Slug = Annotated[str, Meta(min_length=1, max_length=150, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Version = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[0-9A-Za-z._-]+$")]
ResourceId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")]
RoleName = Literal["USER", "ARTIST", "PRODUCER", "ADMIN"]


class UserPath(Body):
    """Which account."""

    id: UUID


class AddressPath(Body):
    """Which wallet."""

    address: Address
