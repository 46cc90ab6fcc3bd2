"""Say what coin-service returns: coins, balances, stakes, pools, quotes.

Between: sdk.coins (decodes into them) and callers.
Units: amounts of a coin in base units (10^-18); `*_wei` 10^-18 of the chain's currency; `*_bps` 1/10 000.
Errors: as records.
Source: domain.md 2.5.
"""

from datetime import datetime

import msgspec

from audifi.sdk.records.envelopes import Amount
from audifi.sdk.records.sales import Transaction


class Coin(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """An artist's coin."""

    artist_id: str
    status: str  # PENDING | DEPLOYING | DEPLOYED | TRADABLE | FAILED
    name: str
    symbol: str
    total_supply: Amount
    id: str | None = None
    chain_id: int | None = None
    address: str | None = None
    staking_address: str | None = None
    price_wei: Amount | None = None


class CoinDetail(Coin, rename="camel", frozen=True, kw_only=True):
    """An artist's coin, with everything that hangs on it."""

    allocations: tuple["CoinAllocation", ...]
    metrics: "CoinMetrics"
    pool: "Pool | None" = None
    error: str | None = None


class CoinAllocation(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A part of the supply, and how much of it was given away."""

    bucket: str
    amount: Amount
    released: Amount


class CoinMetrics(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a coin does now."""

    holders: int
    circulating: Amount
    staked: Amount
    rewards_left: Amount
    base_apy_bps: int
    price_wei: Amount | None = None


class CoinBalance(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """How many coins a wallet holds."""

    wallet: str
    balance: Amount
    formatted: str
    staked: Amount


class Stake(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Coins put away for a time."""

    id: str
    amount: Amount
    lock_days: int
    status: str  # PENDING | ACTIVE | UNSTAKING | CLOSED
    wallet: str
    apy_bps: int
    accrued: Amount
    reward_paid: Amount
    started_at: datetime | None = None
    unlocks_at: datetime | None = None
    transactions: tuple[Transaction, ...] = ()  # what the wallet has to send, in this order


class Pool(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Where a coin trades."""

    address: str
    type: str
    status: str
    fee_bps: int
    coin_reserve: Amount
    native_reserve_wei: Amount
    price_wei: Amount | None = None


class SwapQuote(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a swap would give now."""

    in_: Amount = msgspec.field(name="in")
    out: Amount
    price_impact_bps: int
    min_received: Amount
