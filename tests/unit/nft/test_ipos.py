"""Offers: what they may say, and which reserve ids are minted in which call."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.nft.errors import Invalid
from audifi.services.nft.rules import ipos
from audifi.services.nft.rules.ipos import CURRENCIES, Terms
from audifi.services.nft.sagas.steps import AGAIN_FIRST_S, AGAIN_MAX_S, again_s
from audifi.wire.amounts import PRICE_WEI_MAX
from audifi.wire.chains import CHAINS

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TERMS = Terms(total_shares=1000, artist_reserve=100, price_wei=1, currency="ETH", chain_id=1, holders_bps=4000)
SUPPLY = st.integers(1, 1_000_000).flatmap(lambda total: st.tuples(st.just(total), st.integers(0, total - 1)))


@given(SUPPLY)
def test_the_reserve_is_the_last_ids_each_once(supply: tuple[int, int]) -> None:
    total, reserve = supply
    chunks = ipos.reserve_chunks(total - reserve, total)
    assert sum(last - first + 1 for first, last in chunks) == reserve
    assert all(1 <= last - first + 1 <= ipos.RESERVE_CHUNK for first, last in chunks)
    ends = [total - reserve, *(last for _, last in chunks)]
    assert [first for first, _ in chunks] == [end + 1 for end in ends[: len(chunks)]]
    assert ends[-1] == total


@given(st.integers(1000, 8000), st.integers(0, 10_000))
def test_the_splits_are_the_whole(holders_bps: int, collaborators_bps: int) -> None:
    if holders_bps + collaborators_bps > 10_000:
        with pytest.raises(Invalid):
            ipos.artist_bps(holders_bps, collaborators_bps)
    else:
        left = ipos.artist_bps(holders_bps, collaborators_bps)
        assert left + holders_bps + collaborators_bps + ipos.PLATFORM_BPS == 10_000


def test_every_chain_has_its_money() -> None:
    assert set(CURRENCIES) == set(CHAINS)


@pytest.mark.parametrize("price_wei", [1, 10**18, PRICE_WEI_MAX])
def test_good_terms_pass(price_wei: int) -> None:
    ipos.require_terms(replace(TERMS, price_wei=price_wei), NOW, (1, 137))


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        (replace(TERMS, artist_reserve=1000), {"artistReserve"}),
        (replace(TERMS, artist_reserve=-1), {"artistReserve"}),
        (replace(TERMS, price_wei=0), {"priceWei"}),
        (replace(TERMS, price_wei=PRICE_WEI_MAX + 1), {"priceWei"}),
        (replace(TERMS, currency="MATIC"), {"currency"}),
        (replace(TERMS, chain_id=8453), {"chainId"}),  # no provider
        (replace(TERMS, chain_id=5), {"chainId"}),
        (replace(TERMS, ends_at=NOW), {"endsAt"}),
        (replace(TERMS, starts_at=NOW + timedelta(2), ends_at=NOW + timedelta(1)), {"endsAt"}),
        (replace(TERMS, price_wei=0, artist_reserve=1000), {"priceWei", "artistReserve"}),
    ],
)
def test_every_reason_is_named(wrong: Terms, fields: set[str]) -> None:
    with pytest.raises(Invalid) as refused:
        ipos.require_terms(wrong, NOW, (1, 137))
    assert set(refused.value.details or {}) == fields


@given(st.text(max_size=50))
def test_a_symbol_is_short_and_plain(title: str) -> None:
    symbol = ipos.symbol(title)
    assert 1 <= len(symbol) <= 8
    assert symbol.isascii()
    assert symbol.isalnum()
    assert symbol == symbol.upper()


@pytest.mark.parametrize(("quantity", "measured"), [(1, 93_099), (10, 317_647)])
def test_the_gas_estimate_is_near_what_was_measured(quantity: int, measured: int) -> None:
    assert abs(ipos.estimated_gas(quantity) - measured) < measured * 0.01


@given(st.integers(1, 1000))
def test_what_fails_waits_longer_up_to_a_limit(tries: int) -> None:
    assert AGAIN_FIRST_S <= again_s(tries) <= again_s(tries + 1) <= AGAIN_MAX_S
