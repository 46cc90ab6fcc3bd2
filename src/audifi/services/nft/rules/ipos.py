"""Decide what an offer of shares may say, and which reserve ids are minted in which call.

Between: routes.ipos, sagas.launch and store.ipos.

    DRAFT ──► LAUNCHING ──► SCHEDULED ──► LIVE ──► SOLD_OUT | CLOSED
      ▲___________┘ nothing deployed        CANCELLED from DRAFT, SCHEDULED, LIVE with nothing sold or reserved

Units: wei; basis points; a chain is named by its number (EIP-155).
Invariant: holders + artist + platform + collaborators = 10 000 basis points; reserve ids are the last ones, each once.
Errors: Invalid, with a reason per field.
Source: domain.md 2.2; 9.16 (supply), 9.18 (platform 0), 9.20 (reserve), 9.53 (price); docs/contracts.md (400 a call).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audifi.services.nft.errors import Invalid
from audifi.wire.amounts import PRICE_WEI_MAX

WHOLE_BPS: Final = 10_000
PLATFORM_BPS: Final = 0  # domain.md 9.18
RESERVE_CHUNK: Final = 400
# What a chain's money is called.
CURRENCIES: Final = {1: "ETH", 137: "MATIC", 8453: "ETH", 11_155_111: "ETH", 80_002: "MATIC", 84_532: "ETH"}
CANCELLABLE: Final = ("DRAFT", "SCHEDULED", "LIVE")
# A purchase by wallet, measured (contracts/README.md): 93,099 for one share, 317,647 for ten.
_GAS_BASE: Final = 68_200
_GAS_SHARE: Final = 25_000


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What an artist offers."""

    total_shares: int
    artist_reserve: int
    price_wei: int
    currency: str
    chain_id: int
    holders_bps: int
    early_access_hours: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def artist_bps(holders_bps: int, collaborators_bps: int) -> int:
    """Return what is left to the artist, or refuse splits that exceed the whole."""
    left = WHOLE_BPS - PLATFORM_BPS - holders_bps - collaborators_bps
    if left < 0:
        raise Invalid(details={"holdersBps": f"with the collaborators' {collaborators_bps} more than {WHOLE_BPS}"})
    return left


def require_terms(terms: Terms, now: datetime, chains: Collection[int]) -> None:
    """Refuse what an offer cannot be, or a chain we have no provider for; every reason at once."""
    reasons: dict[str, str] = {}
    if not 0 <= terms.artist_reserve < terms.total_shares:
        reasons["artistReserve"] = "must be less than totalShares"
    if not 0 < terms.price_wei <= PRICE_WEI_MAX:
        reasons["priceWei"] = "must be more than 0 and less than 2^128"
    currency = CURRENCIES.get(terms.chain_id)
    if currency is None or terms.chain_id not in chains:
        reasons["chainId"] = f"must be one of {', '.join(map(str, chains))}"
    elif terms.currency != currency:
        reasons["currency"] = f"chain {terms.chain_id} is paid in {currency}"
    if terms.ends_at is not None and terms.ends_at <= max(now, terms.starts_at or now):
        reasons["endsAt"] = "must be in the future and after startsAt"
    if reasons:
        raise Invalid(details=reasons)


def reserve_chunks(public_supply: int, total_shares: int) -> list[tuple[int, int]]:
    """Return (first, last) id of each call that mints the artist's reserve."""
    firsts = range(public_supply + 1, total_shares + 1, RESERVE_CHUNK)
    return [(first, min(first + RESERVE_CHUNK - 1, total_shares)) for first in firsts]


def estimated_gas(quantity: int) -> int:
    """Return about what a purchase by wallet costs, in gas."""
    return _GAS_BASE + _GAS_SHARE * quantity


def symbol(title: str) -> str:
    """Return what the shares are called in wallets: up to eight letters and digits of the title."""
    letters = "".join(letter for letter in title.upper() if letter.isascii() and letter.isalnum())
    return letters[:8] or "MASTER"
