"""Prices, life cycles and entitlement, without stores: the tables of domain.md 2.4 and what holds for every value."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.payment.errors import Invalid
from audifi.services.payment.rules import entitlement, lifecycle, pricing
from audifi.services.payment.rules.entitlement import GRACE, entitles, standing
from audifi.services.payment.rules.lifecycle import FINAL_STATES, LIVE, NEXT, UNKNOWN, may_become, status_of
from audifi.services.payment.rules.naming import named
from audifi.services.payment.sagas.applying import PAUSE_MAX_S, pause_after

NOW = datetime(2026, 11, 23, tzinfo=UTC)
STATES = sorted(NEXT)
ETHER = 10**18


def test_quotes_are_read_by_coin() -> None:
    assert pricing.quotes(("ETH:250000", "MATIC:60")) == {"ETH": 250_000, "MATIC": 60}


@pytest.mark.parametrize("entry", ["ETH", "ETH:", "ETH:0", ":5", "ETH:1.5", "ETH:-1"])
def test_a_quote_that_is_none_stops_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match="CARD_QUOTES"):
        pricing.quotes((entry,))


@pytest.mark.parametrize(
    ("wei", "quote", "cents"),
    [
        (ETHER, 250_000, 250_000),
        (35 * ETHER // 100, 250_000, 87_500),  # domain.md 2.2: 7 x 0.05 ETH
        (ETHER // 1000 + 1, 250_000, 251),  # a wei more is a cent more
        (10 * ETHER, 60, 600),
    ],
)
def test_a_card_pays_the_price_rounded_up(wei: int, quote: int, cents: int) -> None:
    assert pricing.card_price(wei, quote) == cents


@given(st.integers(1, 10**24), st.integers(1, 10**7))
def test_a_card_never_pays_less_than_the_price_nor_a_whole_cent_more(wei: int, quote: int) -> None:
    try:
        cents = pricing.card_price(wei, quote)
    except Invalid:
        exact = -(-wei * quote // ETHER)
        assert not pricing.CENTS_MIN <= exact <= pricing.CENTS_MAX
        return
    assert (cents - 1) * ETHER < wei * quote <= cents * ETHER


def test_a_currency_nobody_quotes_is_refused_with_its_name() -> None:
    with pytest.raises(Invalid) as refused:
        pricing.quote_of({"ETH": 1}, "SOL")
    assert "SOL" in str(refused.value.details)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("INCOMPLETE", "ACTIVE"),
        ("INCOMPLETE", "TRIALING"),
        ("TRIALING", "ACTIVE"),
        ("ACTIVE", "PAST_DUE"),
        ("PAST_DUE", "ACTIVE"),
        ("PAST_DUE", "UNPAID"),
        ("PAST_DUE", "CANCELLED"),
        ("INCOMPLETE", "INCOMPLETE_EXPIRED"),
        ("PAUSED", "ACTIVE"),
        ("ACTIVE", "PAUSED"),
        ("INCOMPLETE", "CANCELLED"),  # what lay between was not told
        ("TRIALING", "UNPAID"),
    ],
)
def test_what_the_lifecycle_allows_is_allowed(old: str, new: str) -> None:
    assert may_become(old, new)


@pytest.mark.parametrize("final", sorted(FINAL_STATES))
@pytest.mark.parametrize("new", [*STATES, UNKNOWN])
def test_what_is_over_stays_over(final: str, new: str) -> None:
    assert may_become(final, new) == (final == new)


@pytest.mark.parametrize("old", sorted(set(STATES) - {"INCOMPLETE"}))
def test_what_began_does_not_begin_again(old: str) -> None:
    assert not may_become(old, "INCOMPLETE")


@given(st.text())
def test_a_word_we_do_not_know_is_kept_and_never_entitles(word: str) -> None:
    status = status_of(word)
    if status == UNKNOWN:
        assert not entitles(status, NOW, NOW)
        assert status not in LIVE
    else:
        assert status in NEXT


@pytest.mark.parametrize("status", [*STATES, UNKNOWN])
def test_only_active_trialing_and_a_week_of_past_due_entitle(status: str) -> None:
    begun = NOW - timedelta(days=3)
    assert entitles(status, begun, NOW) == (status in ("ACTIVE", "TRIALING", "PAST_DUE"))
    long_ago = NOW - timedelta(days=8)
    assert entitles(status, long_ago, NOW) == (status in ("ACTIVE", "TRIALING"))


def test_the_grace_ends_to_the_second() -> None:
    assert standing("PRO", "PAST_DUE", NOW - GRACE + timedelta(seconds=1), NOW).plan == "PRO"
    assert standing("PRO", "PAST_DUE", NOW - GRACE, NOW) == entitlement.Standing("FREE", "PAST_DUE")


def test_live_states_are_the_ones_that_can_entitle() -> None:
    assert {each for each in STATES if entitles(each, NOW, NOW)} == lifecycle.LIVE


@given(st.dictionaries(st.text(), st.text()) | st.none())
def test_an_id_read_back_from_metadata_is_one_or_nothing(metadata: dict[str, str] | None) -> None:
    assert named(metadata, "userId") is None or len(str(named(metadata, "userId"))) == 36


@given(st.integers(1, 10_000))
def test_pauses_grow_and_end_somewhere(tries: int) -> None:
    assert 1 <= pause_after(tries) <= pause_after(tries + 1) <= PAUSE_MAX_S
