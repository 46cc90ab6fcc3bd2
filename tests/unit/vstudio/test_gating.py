"""Gates let in who holds what they name; a weight is the best of what applies. By example and by property."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.vstudio.errors import Invalid
from audifi.services.vstudio.rules import gating
from audifi.services.vstudio.rules.gating import ANY_MASTER, COIN, OPEN, Coins, Fact, Gate, Requirements, Standing

ARTIST = "01890000-0000-7000-8000-0000000000a1"
MASTER = "01890000-0000-7000-8000-0000000000b1"
OTHER = "01890000-0000-7000-8000-0000000000b2"

amounts = st.integers(0, 10**24)
coins = st.builds(
    Coins, balance=amounts, staked=amounts, multiplier_milli=st.sampled_from([1000, 1500, 2000, 3000, 5000])
)
standings = st.builds(
    Standing,
    shares=st.dictionaries(st.sampled_from([ANY_MASTER, MASTER, OTHER]), st.integers(0, 1000)),
    coins=st.dictionaries(st.just(ARTIST), coins),
    plan=st.sampled_from([None, "FREE", "PRO", "ENTERPRISE"]),
    is_producer=st.sampled_from([None, False, True]),
)
requirements = st.builds(
    Requirements,
    nft_master_id=st.sampled_from([None, UUID(MASTER)]),
    nft_min_amount=st.one_of(st.none(), st.integers(1, 1000)),
    coin_min_amount=st.one_of(st.none(), st.integers(1, 10**24).map(str)),
    subscription_tier=st.sampled_from([None, "FREE", "PRO", "ENTERPRISE"]),
)
gates = st.builds(
    Gate, type=st.sampled_from(["OPEN", "NFT", "ARTIST_COIN", "SUBSCRIPTION", "COMBINED"]), requirements=requirements
)


def judged(gate: Gate, standing: Standing) -> gating.Verdict:
    return gating.judge(gate, standing, artist_id=ARTIST)


def weight(standing: Standing, gate: Gate = OPEN) -> int:
    return gating.weight_milli(gate, standing, artist_id=ARTIST, mode="WEIGHTED")


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing(), 1000),
        (Standing(plan="PRO"), 2000),
        (Standing(plan="ENTERPRISE"), 2000),
        (Standing(plan="UNHEARD_OF"), 1000),
        (Standing(shares={ANY_MASTER: 1}), 3000),
        (Standing(is_producer=True), 5000),
        (Standing(coins={ARTIST: Coins(balance=50 * COIN)}), 1500),
        (Standing(coins={ARTIST: Coins(balance=100 * COIN)}), 2000),
        (Standing(coins={ARTIST: Coins(balance=400 * COIN)}), 5000),
        (Standing(coins={ARTIST: Coins(balance=10**6 * COIN)}), 5000),
        (Standing(coins={ARTIST: Coins(balance=1)}), 1000),
        (Standing(coins={ARTIST: Coins(staked=COIN, multiplier_milli=1500)}), 1500),
        (Standing(coins={ARTIST: Coins(staked=COIN, multiplier_milli=5000)}), 5000),
        (Standing(coins={OTHER: Coins(balance=400 * COIN)}), 1000),
        (Standing(plan="PRO", shares={ANY_MASTER: 9}, coins={ARTIST: Coins(balance=100 * COIN)}), 3000),
    ],
)
def test_a_vote_weighs_the_highest_that_applies(standing: Standing, expected: int) -> None:
    assert weight(standing) == expected
    assert gating.weight_milli(OPEN, standing, artist_id=ARTIST, mode="SIMPLE") == 1000


def test_the_gates_minimum_is_the_unit_of_a_coin_holders_weight() -> None:
    gate = Gate(type="ARTIST_COIN", requirements=Requirements(coin_min_amount=str(10 * COIN)))
    assert weight(Standing(coins={ARTIST: Coins(balance=10 * COIN)}), gate) == 2000
    assert weight(Standing(coins={ARTIST: Coins(balance=15 * COIN)}), gate) == 2500


@given(standings, gates)
def test_a_weight_stays_between_one_and_five(standing: Standing, gate: Gate) -> None:
    assert 1000 <= weight(standing, gate) <= gating.WEIGHT_MAX


@given(standings, gates, amounts)
def test_holding_more_never_weighs_less_nor_shuts_out(standing: Standing, gate: Gate, more: int) -> None:
    held = standing.coins.get(ARTIST, Coins())
    richer = Standing(
        shares={**{each: count + 1 for each, count in standing.shares.items()}},
        coins={ARTIST: Coins(balance=held.balance + more, staked=held.staked, multiplier_milli=held.multiplier_milli)},
        plan="ENTERPRISE",
        is_producer=standing.is_producer,
    )
    assert weight(richer, gate) >= weight(standing, gate)
    if judged(gate, standing).has_access:
        assert judged(gate, richer).has_access


@given(standings, gates)
def test_who_is_refused_is_told_what_is_missing(standing: Standing, gate: Gate) -> None:
    verdict = judged(gate, standing)
    assert verdict.has_access == (not verdict.missing) == (verdict.cta is None)


@given(gates, st.booleans())
def test_only_what_is_needed_is_asked(gate: Gate, is_weighted: bool) -> None:  # a property's input
    needed = gating.facts([gate], artist_id=ARTIST, is_weighted=is_weighted)
    if gate.type == "OPEN":
        assert len(needed) == (4 if is_weighted else 0)
    known = Standing(
        shares={fact.subject: 1_000_000 for fact in needed if fact.kind == "shares"},
        coins={fact.subject: Coins(balance=10**40) for fact in needed if fact.kind == "coins"},
        plan="ENTERPRISE" if Fact("plan") in needed else None,
    )
    assert judged(gate, known).has_access, "with all that was asked answered well, everybody comes in"
    for fact in needed - {Fact("producer")}:
        assert known.knows(fact)


@given(standings)
def test_combined_lets_in_whom_all_its_parts_let_in(standing: Standing) -> None:
    needs = Requirements(nft_min_amount=2, coin_min_amount=str(COIN), subscription_tier="PRO")
    parts = [Gate(type=each, requirements=needs) for each in ("NFT", "ARTIST_COIN", "SUBSCRIPTION")]
    both = judged(Gate(type="COMBINED", requirements=needs), standing)
    assert both.has_access == all(judged(each, standing).has_access for each in parts)
    assert both.missing == tuple(each.type for each in parts if not judged(each, standing).has_access)


def test_staked_coins_are_still_held() -> None:
    gate = Gate(type="ARTIST_COIN", requirements=Requirements(coin_min_amount=str(5 * COIN)))
    assert judged(gate, Standing(coins={ARTIST: Coins(balance=2 * COIN, staked=3 * COIN)})).has_access
    assert not judged(gate, Standing(coins={ARTIST: Coins(balance=2 * COIN, staked=2 * COIN)})).has_access


def test_a_gate_asks_for_something_that_exists() -> None:
    with pytest.raises(Invalid):
        gating.checked(Gate(type="COMBINED"), master_id=MASTER)
    own = Gate(type="NFT", requirements=Requirements(nft_master_id=UUID(MASTER)))
    with pytest.raises(Invalid):
        gating.checked(own, master_id=MASTER)
    assert gating.checked(own, master_id=OTHER) is own
    assert gating.checked(Gate(type="NFT"), master_id=MASTER).type == "NFT"


def test_token_holders_hold_something() -> None:
    assert not gating.holds_anything(Standing(shares={ANY_MASTER: 0}, coins={ARTIST: Coins()}))
    assert gating.holds_anything(Standing(coins={ARTIST: Coins(staked=1)}))
    assert gating.holds_anything(Standing(shares={MASTER: 1}))
