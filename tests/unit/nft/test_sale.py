"""The sale's decisions as properties: what may be reserved, what things cost, who gives way, which payment counts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.nft.errors import Forbidden, InsufficientSupply, Invalid, InvalidState, SoldOut
from audifi.services.nft.rules import listings, mover, sale
from audifi.services.nft.rules.sale import Held, Offer, Payment

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ETHER = 10**18
SESSION = "0193f5c4-7b6a-7c3e-9a51-2f4d8e6b1c02"
amounts = st.integers(min_value=1, max_value=2**128 - 1)
quantities = st.integers(min_value=1, max_value=sale.QUANTITY_MAX)
held = st.builds(
    Held,
    id=st.uuids().map(str),
    status=st.sampled_from(sale.HELD),
    payment_method=st.sampled_from(("WALLET", "STRIPE")),
    quantity=quantities,
    created_at=st.integers(0, 10_000).map(lambda second: NOW - timedelta(seconds=second)),
)


def offer(**changes: object) -> Offer:
    values: dict[str, object] = {"status": "LIVE", "is_ending": False, "public_supply": 50, "sold": 10, "reserved": 5}
    return Offer(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offered", "quantity", "refusal"),
    [
        (offer(), 10, None),
        (offer(sold=45, reserved=0), 5, None),
        (offer(sold=45, reserved=0), 6, InsufficientSupply),
        (offer(sold=45, reserved=5), 1, SoldOut),
        (offer(status="SOLD_OUT", sold=50, reserved=0), 1, SoldOut),
        (offer(status="CLOSED"), 1, InvalidState),
        (offer(status="SCHEDULED"), 1, InvalidState),
        (offer(is_ending=True), 1, InvalidState),
        (offer(ends_at=NOW), 1, InvalidState),
        (offer(ends_at=NOW + timedelta(seconds=1)), 1, None),
    ],
)
def test_the_table_of_what_can_be_reserved(
    offered: Offer, quantity: int, refusal: type[Exception] | None
) -> None:  # fmt: skip
    if refusal is None:
        sale.require_on_sale(offered, quantity, NOW)
    else:
        with pytest.raises(refusal):
            sale.require_on_sale(offered, quantity, NOW)


@given(sold=st.integers(0, 60), reserved=st.integers(0, 60), quantity=quantities)
def test_nothing_is_reserved_that_is_not_there(sold: int, reserved: int, quantity: int) -> None:
    offered = offer(sold=sold, reserved=reserved)
    try:
        sale.require_on_sale(offered, quantity, NOW)
    except (SoldOut, InsufficientSupply):
        assert sold + reserved + quantity > offered.public_supply
    else:
        assert sold + reserved + quantity <= offered.public_supply


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (offer(), False),
        (offer(started_at=NOW, early_access_hours=24), False),
        (offer(started_at=NOW, early_access_hours=24, session_id=SESSION), True),
        (offer(started_at=NOW - timedelta(hours=24), early_access_hours=24, session_id=SESSION), False),
        (offer(started_at=NOW, early_access_hours=0, session_id=SESSION), False),
    ],
)
def test_early_hours_need_a_session(offered: Offer, *, expected: bool) -> None:
    assert sale.is_early(offered, NOW) is expected


def test_a_refusal_says_what_is_missing_and_what_helps() -> None:
    refusal = sale.not_eligible("JOIN_SESSION", "SESSION_PARTICIPANT")
    assert refusal.details == {"missingRequirements": ["SESSION_PARTICIPANT"], "ctaType": "JOIN_SESSION"}


def test_the_vector_of_a_first_sale() -> None:
    parts = sale.primary_parts(ETHER // 20, 7)
    assert (parts.total_wei, parts.fee_wei, parts.seller_wei) == (
        350000000000000000, 8750000000000000, 341250000000000000,
    )  # fmt: skip


@given(unit=amounts, quantity=quantities)
def test_the_parts_of_a_first_sale_are_its_price(unit: int, quantity: int) -> None:
    parts = sale.primary_parts(unit, quantity)
    assert parts.fee_wei + parts.royalty_wei + parts.seller_wei == parts.total_wei == unit * quantity
    assert parts.fee_wei == parts.total_wei * 250 // 10_000


@given(price=amounts, royalty=st.integers(0, 1000), fee=st.integers(0, 1000))
def test_the_parts_of_a_resale_are_its_price(price: int, royalty: int, fee: int) -> None:
    parts = sale.resale_parts(price, royalty, fee)
    assert parts.fee_wei + parts.royalty_wei + parts.seller_wei == parts.total_wei == price


@pytest.mark.parametrize(
    ("price", "bps", "royalty", "seller"), [(99, 1000, 9, 90), (99, 100, 0, 99), (333, 300, 9, 324)]
)
def test_the_vectors_of_a_resale(price: int, bps: int, royalty: int, seller: int) -> None:
    parts = sale.resale_parts(price, bps)
    assert (parts.royalty_wei, parts.fee_wei, parts.seller_wei) == (royalty, 0, seller)


@given(everybody=st.lists(held, max_size=12, unique_by=lambda each: each.id), shortfall=st.integers(0, 40))
def test_just_enough_gives_way_and_who_paid_comes_last(everybody: list[Held], shortfall: int) -> None:
    chosen = sale.giving_way(everybody, shortfall)
    freed = sum(each.quantity for each in chosen)
    assert freed >= min(shortfall, sum(each.quantity for each in everybody))
    assert not chosen or freed - chosen[-1].quantity < shortfall, "the last one was needed"
    kept = [each for each in everybody if each not in chosen]
    if any(each.status == "RESERVED" for each in kept):
        assert all(each.status == "RESERVED" for each in chosen), "nobody who paid goes before somebody who did not"
    paid = [each for each in chosen if sale.given_up_as(each) == "REFUND_DUE"]
    assert all(each.payment_method == "STRIPE" and each.status != "RESERVED" for each in paid)


@given(payments=st.lists(st.sampled_from(("a", "b", "c")), min_size=1, max_size=8), starts_expired=st.booleans())
def test_of_any_storm_of_payments_at_most_one_is_taken(payments: list[str], *, starts_expired: bool) -> None:
    status, known = "EXPIRED" if starts_expired else "RESERVED", None
    taken, returned = list[str](), set[str]()
    for payment in payments:
        verdict = sale.paid(status, "STRIPE", known, payment)
        if verdict is Payment.TAKEN:
            status, known = "PENDING_CHAIN", payment
            taken.append(payment)
        elif verdict is Payment.LATE:
            status, known = "REFUND_DUE", payment
            returned.add(payment)
        elif verdict is Payment.REFUND:
            returned.add(payment)
    assert len(taken) == (0 if starts_expired else 1)
    assert returned | set(taken) == set(payments), "every payment is taken or goes back"
    assert not returned & set(taken), "none is both"


def test_a_wallet_purchase_takes_no_card() -> None:
    assert sale.paid("RESERVED", "WALLET", None, "a") is Payment.REFUND


@given(tries=st.integers(0, 10_000))
def test_a_refused_mint_is_not_asked_for_in_a_hurry(tries: int) -> None:
    assert sale.AGAIN_FIRST_S <= sale.again_s(tries) <= sale.AGAIN_MAX_S


@pytest.mark.parametrize("price", [0, 2**96, 2**128])
def test_a_listing_costs_what_its_contract_can_hold(price: int) -> None:
    listings.require_price(2**96 - 1)
    with pytest.raises(Invalid):
        listings.require_price(price)


def test_a_share_is_listed_by_its_owner_and_not_while_it_is_staked() -> None:
    listings.require_listable(owner_wallet="0xa", wallets={"0xa"}, staked_until=NOW, now=NOW)
    with pytest.raises(Forbidden):
        listings.require_listable(owner_wallet="0xa", wallets={"0xb"}, staked_until=None, now=NOW)
    with pytest.raises(InvalidState):
        listings.require_listable(
            owner_wallet="0xa", wallets={"0xa"}, staked_until=NOW + timedelta(seconds=1), now=NOW
        )  # fmt: skip


@given(total=st.integers(1, 2000), sold=st.integers(0, 2000), reserve=st.integers(0, 2000))
def test_tiers_hold_every_share_once(total: int, sold: int, reserve: int) -> None:
    sold = min(sold, total)
    reserve = min(reserve, total - sold)
    ids = [*range(1, sold + 1), *range(total - reserve + 1, total + 1)]
    found = mover.occupancy(total, [each for each in ids if each <= mover.EARLY_END], len(ids))
    assert sum(each.capacity for each in found) == total
    assert sum(each.minted for each in found) == len(ids)
    assert all(0 <= each.minted <= each.capacity for each in found)
    assert [each.tier.royalty_bps for each in found] == [1000, 500, 300, 100]
