"""Turn wei into cents by a configured quote, rounding up, once: the checkout keeps the result.

Between: settings (quotes), sagas.opening (asks).
Units: quotes are cents for a whole coin (10^18 wei).
Invariant: cents × 10^18 ≥ wei × quote > (cents − 1) × 10^18: never less than the price, never a whole cent more.
Errors: Invalid for a currency nobody quotes, and for amounts a card cannot pay; ValueError at start for a bad quote.
Source: domain.md 2.4 "Card price"; docs.stripe.com/currencies#minimum-and-maximum-charge-amounts (0.50 and
999,999.99 USD).
"""

from collections.abc import Mapping
from typing import Final

from audifi.services.payment.errors import Invalid

WEI: Final = 10**18
CENTS_MIN: Final = 50
CENTS_MAX: Final = 99_999_999
CURRENCY: Final = "usd"  # quotes, plans and card payments


def quotes(entries: tuple[str, ...]) -> dict[str, int]:
    """Read `ETH:250000` entries."""
    found: dict[str, int] = {}
    for entry in entries:
        name, _, cents = entry.partition(":")
        if not name or not cents.isdecimal() or int(cents) == 0:
            raise ValueError(f"CARD_QUOTES: {entry!r} is not COIN:CENTS")
        found[name.upper()] = int(cents)
    return found


def quote_of(quoted: Mapping[str, int], currency: str) -> int:
    """Return the cents of a whole coin."""
    quote = quoted.get(currency.upper())
    if quote is None:
        raise Invalid(details={"purchaseId": f"{currency} cannot be paid by card; pay by wallet"})
    return quote


def card_price(wei: int, quote: int) -> int:
    """Return the price in cents, rounded up."""
    cents = -(-wei * quote // WEI)
    if not CENTS_MIN <= cents <= CENTS_MAX:
        wanted = f"{CENTS_MIN} to {CENTS_MAX} cents"
        raise Invalid(details={"purchaseId": f"a card pays {wanted}, this costs {cents}; pay by wallet"})
    return cents
