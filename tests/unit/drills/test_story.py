"""The journey's numbers are domain.md's, and the same seed tells the same story.

Between: drills.journey.story (pure) and the vectors of domain.md.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.drills.journey.story import QUANTITIES, Story, royalty_bps, shared

STORIES = st.builds(Story.drawn, st.integers(2, 400), st.integers())


@given(STORIES)
def test_the_orders_are_the_whole_offer_and_half_of_them_pay_by_card(story: Story) -> None:
    assert sum(order.quantity for order in story.orders) == story.public_supply
    assert {order.quantity for order in story.orders} <= set(QUANTITIES)
    assert sum(order.by_card for order in story.orders) == len(story.orders) // 2


def test_the_same_seed_tells_the_same_story() -> None:
    assert Story.drawn(40, 7) == Story.drawn(40, 7)
    assert Story.drawn(40, 7) != Story.drawn(40, 8)


@pytest.mark.parametrize("fans", [0, 1, 401])
def test_a_story_nobody_can_play_is_refused(fans: int) -> None:
    with pytest.raises(ValueError, match="fans"):
        Story.drawn(fans, 1)


@pytest.mark.parametrize(
    ("pool", "count", "parts"),
    [(100, 3, [34, 33, 33]), (10, 4, [3, 3, 2, 2]), (1, 5, [1, 0, 0, 0, 0]), (4 * 10**18, 1000, [4 * 10**15] * 1000)],
)
def test_equal_shares_are_paid_as_the_domain_says(pool: int, count: int, parts: list[int]) -> None:
    weights = {f"0x{number:040x}": 1 for number in range(count)}
    assert list(shared(pool, weights).values()) == parts


def test_coins_are_shared_as_the_domain_says() -> None:
    parts = shared(200_000 * 10**18, {"0xa": 3, "0xb": 2, "0xc": 2})
    assert list(parts.values()) == [85714285714285714285714, 57142857142857142857143, 57142857142857142857143]


@given(st.integers(1, 10**30), st.dictionaries(st.text(), st.integers(1, 1000), min_size=1))
def test_nothing_is_left_and_nothing_is_made(pool: int, weights: dict[str, int]) -> None:
    assert sum(shared(pool, weights).values()) == pool


@pytest.mark.parametrize(
    ("token", "bps"), [(1, 1000), (10, 1000), (11, 500), (50, 500), (51, 300), (100, 300), (101, 100)]
)
def test_the_mover_advantage(token: int, bps: int) -> None:
    assert royalty_bps(token) == bps


@given(STORIES)
def test_the_holders_get_what_the_others_leave(story: Story) -> None:
    least = story.revenue_wei * story.holders_bps // 10_000
    assert least <= story.holders_wei <= least + 2
