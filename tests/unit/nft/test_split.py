"""Dividing revenue, and dividing the holders' part among wallets: nothing is lost and nothing is made."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.kernel.remainder import by_largest_remainder
from audifi.services.nft.rules.allocation import allocate
from audifi.services.nft.rules.split import Cut, Terms, split

ETHER = 10**18
AMOUNTS = st.integers(0, 2**128 - 1)
WALLETS = st.integers(0, 2**160 - 1).map(lambda number: f"0x{number:040x}")
WEIGHTS = st.dictionaries(WALLETS, st.integers(0, 1_000_000), min_size=1, max_size=60).filter(
    lambda weights: any(weights.values())
)


def wallet(number: int) -> str:
    return f"0x{number:040x}"


def test_the_dust_of_a_revenue_is_the_holders() -> None:
    parts = split(1001, Terms(artist_bps=4000, platform_bps=1000))
    assert (parts.artist_wei, parts.platform_wei, parts.holders_wei) == (400, 100, 501)


@given(AMOUNTS, st.lists(st.integers(0, 10_000), min_size=2, max_size=8))
def test_the_parts_of_a_revenue_are_the_revenue(gross: int, bps: list[int]) -> None:
    scale = max(1, sum(bps))
    artist, platform, *cuts = [each * 9000 // scale for each in bps]
    parts = split(gross, Terms(artist, platform, [Cut("a", each) for each in cuts]))
    assert parts.holders_wei + parts.artist_wei + parts.platform_wei + parts.collaborators_wei == gross
    assert parts.holders_wei * 10_000 >= gross * (10_000 - artist - platform - sum(cuts))


def test_terms_that_promise_more_than_there_is() -> None:
    with pytest.raises(ValueError, match="10500 of 10000"):
        split(100, Terms(5000, 5000, [Cut("a", 500)]))


@pytest.mark.parametrize(
    ("pool", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (10, [1, 1, 1, 1], [3, 3, 2, 2]),
        (1, [1] * 5, [1, 0, 0, 0, 0]),
        (0, [1, 2], [0, 0]),
        (5, [0, 5], [0, 5]),
        (4 * ETHER, [1] * 1000, [4 * 10**15] * 1000),
        # A coin's part for the buyers of an IPO (domain.md 2.5): base units over 3, 2 and 2 shares.
        (
            200_000 * ETHER,
            [3, 2, 2],
            [85714285714285714285714, 57142857142857142857143, 57142857142857142857143],
        ),
    ],
)
def test_the_vectors_of_the_dividend_rule(pool: int, weights: list[int], parts: list[int]) -> None:
    shares = {wallet(place): weight for place, weight in enumerate(weights)}
    assert [each.amount_wei for each in allocate(pool, shares)] == parts


@given(AMOUNTS, WEIGHTS)
def test_the_parts_are_the_pool_and_nobody_is_a_wei_away(pool: int, weights: dict[str, int]) -> None:
    parts = by_largest_remainder(pool, weights)
    total = sum(weights.values())
    assert sum(parts.values()) == pool
    for name, part in parts.items():
        assert part >= 0
        assert abs(part * total - pool * weights[name]) < total


@given(AMOUNTS, WEIGHTS, st.randoms(use_true_random=False))
def test_the_order_of_the_wallets_changes_nothing(pool: int, weights: dict[str, int], random: object) -> None:
    names = list(weights)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert by_largest_remainder(pool, {name: weights[name] for name in names}) == by_largest_remainder(pool, weights)


@given(st.integers(1, 1000), st.integers(2, 40))
def test_equal_weights_leave_the_odd_wei_to_the_lowest_wallets(pool: int, wallets: int) -> None:
    parts = [each.amount_wei for each in allocate(pool, {wallet(number): 1 for number in range(wallets)})]
    assert parts == sorted(parts, reverse=True)
    assert max(parts) - min(parts) <= 1


@given(AMOUNTS, WEIGHTS)
def test_more_shares_never_pay_less(pool: int, weights: dict[str, int]) -> None:
    amounts = sorted((each.weight, each.amount_wei) for each in allocate(pool, weights))
    assert all(one[1] <= other[1] for one, other in pairwise(amounts) if one[0] < other[0])


def test_nobody_to_divide_among() -> None:
    for pool, weights in ((1, {}), (1, {wallet(1): 0})):
        with pytest.raises(ValueError, match="nobody"):
            allocate(pool, weights)
    with pytest.raises(ValueError, match="never negative"):
        by_largest_remainder(-1, {wallet(1): 1})
