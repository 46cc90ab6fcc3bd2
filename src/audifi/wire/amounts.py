"""Type what money and chains look like in JSON: decimal strings, lower-case hexadecimal.

Between: wire.events, services' bodies and replies, sdk.
Why strings: an amount in wei passes what a JSON number holds exactly (2^53); a string cannot be rounded by anybody.
Units: wei (10^-18 of the chain's currency), base units (10^-18 coin), basis points (1/10 000).
Invariant: inside Python money is int; `wei` and `parsed` are the only two ways across.
Errors: ValueError for text that is no amount (a bug: the types were checked before).
Source: domain.md 2.0 "Money".
"""

from typing import Annotated, Final

from msgspec import Meta

WEI_MAX: Final = 2**256 - 1
PRICE_WEI_MAX: Final = 2**128 - 1  # domain.md 9.53

Wei = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,77})\Z", description="wei, as a decimal string")]
Address = Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{40}\Z", description="an account or contract of a chain")]
Hash = Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{64}\Z", description="a transaction or block of a chain")]


def wei(amount: int) -> str:
    """Write an amount."""
    return str(int(amount))


def parsed(text: str) -> int:
    """Read an amount that a type above has checked."""
    return int(text)
