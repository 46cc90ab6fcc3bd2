"""Say what a swap gives, exactly as contracts/src/Pool.sol does: the product of the reserves is kept, less a fee.

Between: routes.pools (quotes), routes.coins (price).
Units: base units of the coin, wei; basis points.
Invariant: a swap at its quote never lowers the product of the reserves; every division rounds for the pool.
Errors: PoolNotFound when there is nothing to trade against; Invalid for an amount of nothing.
Source: domain.md 2.5 "Pool"; the Uniswap v2 white paper, 3.2.1.
"""

from dataclasses import dataclass
from typing import Final

from audifi.services.coin.errors import Invalid, PoolNotFound
from audifi.services.coin.rules.supply import COIN

BPS: Final = 10_000
FEES_BPS: Final = (30, 100)
SLIPPAGE_BPS: Final = 50  # what `minReceived` tolerates; half a percent is what wallets propose
AMOUNT_MAX: Final = 2**128 - 1  # the contract's


@dataclass(frozen=True)
class Reserves:
    """What a pool holds."""

    coins: int
    native: int
    fee_bps: int


@dataclass(frozen=True)
class Quote:
    """What a swap would give now."""

    given: int
    received: int
    price_impact_bps: int
    received_min: int


def received(amount: int, reserve_in: int, reserve_out: int, fee_bps: int) -> int:
    """Return what comes out."""
    counted = amount * (BPS - fee_bps)
    return counted * reserve_out // (reserve_in * BPS + counted)


def quote(reserves: Reserves, amount: int, *, is_sale: bool) -> Quote:
    """Quote a sale of coins, or a purchase with native currency.

    The impact is how much worse than the price before it the swap trades, its fee left out, rounded up.
    """
    if not 0 < amount <= AMOUNT_MAX:
        raise Invalid(details={"amount": "must be above 0 and below 2^128"})
    into, out_of = (reserves.coins, reserves.native) if is_sale else (reserves.native, reserves.coins)
    if into == 0 or out_of == 0:
        raise PoolNotFound
    given = received(amount, into, out_of, reserves.fee_bps)
    # Without a fee, amount / (reserve + amount) of the price is lost.
    impact = -(-amount * BPS // (into + amount))
    return Quote(amount, given, impact, given * (BPS - SLIPPAGE_BPS) // BPS)


def price_wei(reserves: Reserves) -> int | None:
    """Return what one whole coin costs now; None while nothing is provided."""
    return reserves.native * COIN // reserves.coins if reserves.coins else None
