"""Who is paid when a share is sold: the vectors of the product's rules, and what holds for every number."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.nft.rules import money

ETHER = 10**18
PRICES = st.integers(0, 2**128 - 1)
TOKENS = st.integers(1, 1_000_000)


@dataclass(frozen=True)
class Share:
    royalty_bps: int
    owner_wallet: str = "0xseller"


@dataclass(frozen=True)
class Ipo:
    artist_wallet: str = "0xartist"
    platform_wallet: str = "0xplatform"
    secondary_fee_bps: int = 0


def test_the_fee_of_a_first_sale() -> None:
    assert money.primary_fee(7 * 5 * 10**16) == 8_750_000_000_000_000
    assert 7 * 5 * 10**16 - money.primary_fee(7 * 5 * 10**16) == 341_250_000_000_000_000


@given(PRICES)
def test_a_fee_is_rounded_in_favour_of_the_artist(total: int) -> None:
    fee = money.primary_fee(total)
    assert fee * 10_000 <= total * 250 < (fee + 1) * 10_000


@pytest.mark.parametrize(
    ("token_id", "tier", "bps"),
    [(1, 1, 1000), (10, 1, 1000), (11, 2, 500), (50, 2, 500), (51, 3, 300), (100, 3, 300), (101, 4, 100),
     (1_000_000, 4, 100)],
)  # fmt: skip
def test_tiers_by_the_position_of_the_mint(token_id: int, tier: int, bps: int) -> None:
    assert money.tier(token_id) == tier
    assert money.royalty_bps(tier) == bps


@pytest.mark.parametrize(
    ("price", "tier", "royalty", "seller"),
    [
        (ETHER // 2, 1, ETHER // 20, ETHER * 45 // 100),
        (ETHER, 1, ETHER // 10, ETHER * 9 // 10),
        (ETHER, 2, ETHER // 20, ETHER * 95 // 100),
        (ETHER, 3, ETHER * 3 // 100, ETHER * 97 // 100),
        (ETHER, 4, ETHER // 100, ETHER * 99 // 100),
        (99, 1, 9, 90),
        (99, 4, 0, 99),
        (333, 3, 9, 324),
    ],
)
def test_royalties_of_a_resale(price: int, tier: int, royalty: int, seller: int) -> None:
    assert money.resale_split(price, money.royalty_bps(tier)) == [
        (money.ROYALTY, royalty), (money.FEE, 0), (money.SELLER, seller),
    ]  # fmt: skip


@given(PRICES, TOKENS, st.integers(0, 9000))
def test_the_parts_of_a_resale_are_the_price(price: int, token_id: int, fee_bps: int) -> None:
    parts = money.resale_split(price, money.royalty_bps(money.tier(token_id)), fee_bps)
    assert sum(amount for _, amount in parts) == price
    assert min(amount for _, amount in parts) >= 0


@given(PRICES, TOKENS)
def test_payments_name_wallets_and_leave_out_nothing_but_nothing(price: int, token_id: int) -> None:
    share = Share(money.royalty_bps(money.tier(token_id)))
    payments = money.resale_payments(price, share, Ipo(secondary_fee_bps=50))
    assert sum(amount for _, amount in payments) == price
    assert all(amount > 0 for _, amount in payments)
    assert {wallet for wallet, _ in payments} <= {"0xartist", "0xplatform", "0xseller"}


def test_what_is_no_share_no_tier_and_no_amount() -> None:
    for refused in (lambda: money.tier(0), lambda: money.royalty_bps(5), lambda: money.primary_fee(-1)):
        with pytest.raises(ValueError, match=r"is no "):
            refused()
    with pytest.raises(ValueError, match="exceed the price"):
        money.resale_split(100, 1000, 9500)
