"""Choose what a transaction offers to pay, and what its replacement must offer.

Between: transactions (asks eth_feeHistory, then this) and the chain's fee market. Pure.

Offer. The tip is the median of what the last HISTORY_BLOCKS blocks paid, within the chain's bounds. The ceiling is
twice the next base fee plus the tip: the base fee grows by at most 1/8 per block, so the offer stays good for six full
blocks (1.125⁶ = 2.03). Unused ceiling is not paid.
Replacement. Nodes take a second transaction with the same nonce only when *both* fees are higher: 10 % at geth, 12.5 %
at others. We add 12.5 %, rounded up, or take the market's offer when that is more.
Cap. Nothing is signed above the chain's cap. An offer above it waits; a replacement above it is not made, and the
alert says so. The cap bounds what a price spike, or a provider that lies about prices, can make us pay.

Units: wei per gas.
Invariant: tip ≤ ceiling ≤ cap; a replacement's fees are both at least 12.5 % over those it replaces.
Errors: TooExpensive, with the numbers; ValueError for an answer that is no fee history.
Source: EIP-1559 (1/8 per block); go-ethereum core/txpool/legacypool (PriceBump 10); Nethermind and others 12.5 %
(outbound.md 3); Polygon PIP-35 (25 gwei, as tip) and PIP-59 (as base fee). Decided here and not measured against
live chains: the caps and the gas margin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

GWEI: Final = 10**9
HISTORY_BLOCKS: Final = 10
HISTORY_PERCENTILES: Final = (50,)
GAS_MARGIN_PERCENT: Final = 20  # the state may change between the estimate and the block
GAS_MAX: Final = 16_777_216  # EIP-7825: no block takes a transaction above 2^24 gas
TRANSFER_GAS: Final = 21_000  # yellow paper, appendix G: G_transaction


class TooExpensive(Exception):
    """The market asks more than we pay."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The two numbers of an EIP-1559 transaction."""

    fee_max_wei: int
    tip_max_wei: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FeePolicy:
    """What we pay on one chain."""

    tip_least_wei: int
    tip_most_wei: int
    fee_cap_wei: int


_ETHEREUM: Final = FeePolicy(tip_least_wei=GWEI // 100, tip_most_wei=10 * GWEI, fee_cap_wei=500 * GWEI)
_POLYGON: Final = FeePolicy(tip_least_wei=25 * GWEI, tip_most_wei=500 * GWEI, fee_cap_wei=5_000 * GWEI)
_BASE: Final = FeePolicy(tip_least_wei=GWEI // 1000, tip_most_wei=5 * GWEI, fee_cap_wei=50 * GWEI)
POLICIES: Final[Mapping[int, FeePolicy]] = {
    1: _ETHEREUM,
    11_155_111: _ETHEREUM,
    137: _POLYGON,
    80_002: _POLYGON,
    8453: _BASE,
    84_532: _BASE,
}
OTHERWISE: Final = _ETHEREUM


def policy(chain_id: int) -> FeePolicy:
    return POLICIES.get(chain_id, OTHERWISE)


def market(history: Mapping[str, Any], chosen: FeePolicy) -> Offer:
    """Return what to offer now, from eth_feeHistory(HISTORY_BLOCKS, "latest", HISTORY_PERCENTILES).

    {"baseFeePerGas": ["0x3b9aca00", … one more than blocks: the next one], "reward": [["0x5f5e100"], …], …}
    """
    try:
        base_fee = int(history["baseFeePerGas"][-1], 16)
        tips = sorted(tip for row in history.get("reward") or () if (tip := int(row[0], 16)))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"no fee history: {type(error).__name__}") from error
    median = tips[len(tips) // 2] if tips else 0
    tip = min(max(median, chosen.tip_least_wei), chosen.tip_most_wei)
    if base_fee + tip > chosen.fee_cap_wei:
        raise TooExpensive(f"base fee {base_fee} + tip {tip} wei is over the cap of {chosen.fee_cap_wei} wei")
    return Offer(min(2 * base_fee + tip, chosen.fee_cap_wei), tip)


def replacement(old: Offer, now: Offer, chosen: FeePolicy) -> Offer:
    """Return the least that replaces `old` and is worth mining `now`."""
    offer = Offer(max(raised(old.fee_max_wei), now.fee_max_wei), max(raised(old.tip_max_wei), now.tip_max_wei))
    if offer.fee_max_wei > chosen.fee_cap_wei:
        raise TooExpensive(f"{offer.fee_max_wei} wei would replace it, over the cap of {chosen.fee_cap_wei} wei")
    return offer


def raised(fee_wei: int) -> int:
    """Return the fee and an eighth, rounded up."""
    return fee_wei + -(-fee_wei // 8)


def with_margin(gas: int) -> int:
    return gas + -(-gas * GAS_MARGIN_PERCENT // 100)
