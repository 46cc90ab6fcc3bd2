"""Decide who may reserve shares, what they cost, and which reservation gives way when the chain sold more.

Between: routes.purchases and sagas.reserving, .minting, .cards (ask before they change anything); pure.

    RESERVED (30 min) ──► [PAID ──►] PENDING_CHAIN ──► COMPLETED
        └─► EXPIRED, FAILED        └─► FAILED, REFUND_DUE ──► REFUNDED

PAID is a card's purchase for which nothing is under way on the chain: it was refused there and will be asked again.
The chain decides what is sold. A mint that nobody reserved, or whose reservation had expired, takes a place that may be
somebody's reservation: `giving_way` says whose, those who have paid last.
Units: wei; seconds.
Invariant: what is held (HELD) counts as reserved; fee + royalty + seller's part = total.
Errors: SoldOut, InsufficientSupply, InvalidState, NotEligible.
Source: domain.md 2.2 "Purchase lifecycle", "Primary money rule", 2.8 (sales), 9.46 and 9.55.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from audifi.services.nft.errors import InsufficientSupply, InvalidState, NotEligible, SoldOut
from audifi.services.nft.rules import money

RESERVED_S: Final = 30 * 60
QUANTITY_MAX: Final = 10
HELD: Final = ("RESERVED", "PAID", "PENDING_CHAIN")
ALERT_S: Final = 15 * 60  # a paid purchase that is not minted: somebody looks
REFUND_S: Final = 24 * 3600  # then the buyer gets the money back
AGAIN_FIRST_S: Final = 5.0
AGAIN_MAX_S: Final = 600.0


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What of an IPO decides whether shares can be reserved."""

    status: str
    is_ending: bool  # it was asked to close or to be cancelled
    public_supply: int
    sold: int
    reserved: int
    started_at: datetime | None = None
    ends_at: datetime | None = None
    early_access_hours: int = 0
    session_id: str | None = None

    @property
    def left(self) -> int:
        return self.public_supply - self.sold - self.reserved


def require_on_sale(offer: Offer, quantity: int, now: datetime) -> None:
    """Refuse what cannot be reserved now; the one statement that reserves decides again."""
    if offer.status == "SOLD_OUT" or (offer.status == "LIVE" and offer.left <= 0):
        raise SoldOut
    is_over = offer.ends_at is not None and offer.ends_at <= now
    if offer.status != "LIVE" or offer.is_ending or is_over:
        raise InvalidState("This IPO is not open for sale.", details={"status": offer.status})
    if quantity > offer.left:
        raise InsufficientSupply(details={"left": offer.left})


def is_early(offer: Offer, now: datetime) -> bool:
    """Whether only participants of the linked session may reserve; without a session there is nobody to prefer."""
    if offer.started_at is None or offer.session_id is None:
        return False
    return now < offer.started_at + timedelta(hours=offer.early_access_hours)


def not_eligible(cta: str, *missing: str) -> NotEligible:
    """Return the refusal of somebody who could become eligible, and by what."""
    return NotEligible(details={"missingRequirements": list(missing), "ctaType": cta})


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A price, and who gets what of it; of a first sale `seller_wei` is the artist's."""

    unit_wei: int
    quantity: int
    fee_wei: int
    royalty_wei: int
    seller_wei: int

    @property
    def total_wei(self) -> int:
        return self.unit_wei * self.quantity


def primary_parts(unit_wei: int, quantity: int) -> Parts:
    """Divide the price of new shares."""
    total = unit_wei * quantity
    fee = money.primary_fee(total)
    return Parts(unit_wei=unit_wei, quantity=quantity, fee_wei=fee, royalty_wei=0, seller_wei=total - fee)


def resale_parts(price_wei: int, royalty_bps: int, fee_bps: int = money.SECONDARY_FEE_BPS) -> Parts:
    """Divide the price of a share that had an owner."""
    split = dict(money.resale_split(price_wei, royalty_bps, fee_bps))
    return Parts(
        unit_wei=price_wei,
        quantity=1,
        fee_wei=split[money.FEE],
        royalty_wei=split[money.ROYALTY],
        seller_wei=split[money.SELLER],
    )


@dataclass(frozen=True, kw_only=True)
class Held:
    """A purchase that holds shares."""

    id: str
    status: str
    payment_method: str
    quantity: int
    created_at: datetime


def giving_way(held: Iterable[Held], shortfall: int) -> list[Held]:
    """Choose what is given up so that `shortfall` shares become free.

    Whoever has not paid goes first, then wallets whose transaction the contract will refuse, then cards; of each the
    newest first.
    """
    chosen: list[Held] = []
    for each in sorted(held, key=lambda each: (_claim(each), -each.created_at.timestamp(), each.id)):
        if shortfall <= 0:
            break
        chosen.append(each)
        shortfall -= each.quantity
    return chosen


def _claim(held: Held) -> int:
    if held.payment_method == "STRIPE" and held.status != "RESERVED":
        return 2
    return 0 if held.status == "RESERVED" else 1


def given_up_as(held: Held) -> str:
    """Return the state of a purchase whose shares somebody else got."""
    return ("EXPIRED", "FAILED", "REFUND_DUE")[_claim(held)]


class Payment(Enum):
    """What a card's payment means for its purchase."""

    TAKEN = "taken"  # the shares are minted now
    REPEATED = "repeated"  # we know it already
    LATE = "late"  # the reservation is gone: the purchase becomes REFUND_DUE
    REFUND = "refund"  # this payment is given back, the purchase stays as it is


def paid(status: str, payment_method: str, known_payment_id: str | None, payment_id: str) -> Payment:
    """Judge a payment: the first for a live reservation counts, all others go back."""
    if known_payment_id is not None:
        is_same = known_payment_id == payment_id
        return Payment.REPEATED if is_same and status not in ("REFUND_DUE", "REFUNDED") else Payment.REFUND
    if payment_method != "STRIPE":
        return Payment.REFUND
    return Payment.TAKEN if status == "RESERVED" else Payment.LATE


def again_s(tries: int) -> float:
    """Return how long to wait after so many refused mints."""
    return min(AGAIN_MAX_S, AGAIN_FIRST_S * 2 ** min(tries, 20))
