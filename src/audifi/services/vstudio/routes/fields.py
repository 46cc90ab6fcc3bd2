"""Name the forms of fields that several bodies share, and read gates by both their names.

Between: routes.*. A value that passes its form can be stored.
Source: domain.md 2.3 (lengths; "PUBLIC/NFT_GATED/COIN_GATED/SUBSCRIPTION map one-to-one").
"""

from typing import Annotated, Final, Literal, cast
from uuid import UUID

from msgspec import Meta, field

from audifi.kernel.http import Body
from audifi.services.vstudio.rules.deciding import LINE
from audifi.services.vstudio.rules.gating import Gate, GateType, Requirements

_LINES: Final = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"  # tabs and line breaks pass

Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
QuestionText = Annotated[str, Meta(min_length=1, max_length=500, pattern=LINE)]
Description = Annotated[str, Meta(max_length=2000, pattern=_LINES)]
Platform = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,30}\Z")]
OptionId = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,40}\Z")]

_ALIASES: Final[dict[str, GateType]] = {"PUBLIC": "OPEN", "NFT_GATED": "NFT", "COIN_GATED": "ARTIST_COIN"}


class GateBody(Body, kw_only=True):
    """Who comes in; what a requirement leaves out means this artist's, one share, one coin, PRO."""

    type: Literal["OPEN", "NFT", "ARTIST_COIN", "SUBSCRIPTION", "COMBINED", "PUBLIC", "NFT_GATED", "COIN_GATED"] = (
        "OPEN"
    )
    requirements: Requirements = field(default_factory=Requirements)

    def gate(self) -> Gate:
        return Gate(type=_ALIASES.get(self.type, cast("GateType", self.type)), requirements=self.requirements)


class SessionPath(Body):
    """Which session."""

    id: UUID


class DecisionPath(SessionPath):
    """Which decision of which session."""

    did: UUID


class AliasPath(Body):
    """Which decision."""

    did: UUID
