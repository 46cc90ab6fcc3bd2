"""Hold names, parts, rates, quotes and keys to domain.md 2.5, whose vectors stand here as they stand there."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.coin.errors import Invalid, PoolNotFound
from audifi.services.coin.rules import naming, staking, steps, supply, trading
from audifi.services.coin.rules.keys import Key
from audifi.services.coin.rules.steps import Place
from audifi.services.coin.rules.supply import BUCKETS, COIN, SUPPLY, Bucket
from audifi.services.coin.rules.trading import Reserves

WALLETS = st.integers(0, 2**160 - 1).map(lambda number: f"0x{number:040x}")
ARTIST = "01890000-0000-7000-8000-0000000000a1"


@pytest.mark.parametrize(
    ("artist", "symbol"),
    [
        ("Alex Rivera", "ALEXR"),
        ("Zoë", "ZOE"),
        ("2Pac", "PAC"),
        ("X", "XCOIN"),
        ("宇多田", "COIN"),
        ("", "COIN"),
        ("Sam", "SAM"),
    ],
)
def test_a_symbol_is_the_first_five_letters(artist: str, symbol: str) -> None:
    assert naming.symbol_of(artist) == symbol


@given(st.text(max_size=200))
def test_every_artist_gets_a_name_and_a_symbol_the_tables_take(artist: str) -> None:
    assert 1 <= len(naming.name_of(artist)) <= 100
    symbol = naming.symbol_of(artist)
    assert 2 <= len(symbol) <= 10
    assert symbol.isascii()
    assert symbol.isalnum()
    assert symbol == symbol.upper()


def test_the_parts_are_the_supply() -> None:
    assert [BUCKETS[each] // COIN for each in Bucket] == [300_000, 200_000, 250_000, 250_000]
    assert sum(BUCKETS.values()) == SUPPLY


def test_seven_shares_divide_the_participants_part_as_the_design_says() -> None:
    wallets = [f"0x{number:040x}" for number in (1, 2, 3)]
    assert list(supply.among_participants(dict(zip(wallets, (3, 2, 2), strict=True))).values()) == [
        85714285714285714285714,
        57142857142857142857143,
        57142857142857142857143,
    ]


@given(st.dictionaries(WALLETS, st.integers(1, 10**6), min_size=1, max_size=50))
def test_buyers_are_given_all_of_their_part_and_nothing_else(shares_of: dict[str, int]) -> None:
    parts = supply.among_participants(shares_of)
    total = sum(shares_of.values())
    assert sum(parts.values()) == BUCKETS[Bucket.PARTICIPANTS]
    for wallet, shares in shares_of.items():
        assert abs(parts[wallet] - Fraction(BUCKETS[Bucket.PARTICIPANTS] * shares, total)) < 1


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (COIN, "1"), (15 * COIN // 10, "1.5"), (1, "0.000000000000000001"), (SUPPLY, "1000000")],
)
def test_amounts_are_written_exactly(amount: int, text: str) -> None:
    assert supply.formatted(amount) == text


@pytest.mark.parametrize(
    ("lock_days", "is_provider", "bps"),
    [(0, False, 1000), (30, False, 1200), (90, False, 1600), (365, False, 2200), (365, True, 2700), (0, True, 1500)],
)
def test_a_rate_is_base_lock_and_provider(lock_days: int, is_provider: bool, bps: int) -> None:
    assert staking.apy_bps(lock_days, is_provider=is_provider) == bps


def test_a_thousand_coins_for_ninety_days_earn_160_a_year() -> None:
    """domain.md: 1000 coins, 90 d, base 10 % → 16 % → 160 a year."""
    assert staking.earned(1000 * COIN, staking.apy_bps(90, is_provider=False), staking.YEAR_S) == 160 * COIN


@pytest.mark.parametrize("lock_days", [-30, 1, 29, 60, 364, 366])
def test_other_locks_do_not_exist(lock_days: int) -> None:
    with pytest.raises(Invalid):
        staking.apy_bps(lock_days, is_provider=False)


@given(st.integers(500, 1500), st.sampled_from(staking.LOCKS_DAYS), st.booleans(), st.integers(10**9, 2**40))
def test_a_rate_tells_its_lock(base: int, days: int, is_provider: bool, began_s: int) -> None:
    rate = staking.apy_bps(days, is_provider=is_provider, base_bps=base)
    assert staking.lock_of(rate, base_bps=base) == days
    assert staking.started_at_s(began_s + days * staking.DAY_S, rate, base_bps=base) == began_s


def test_a_rate_no_stake_can_have_is_refused() -> None:
    with pytest.raises(ValueError, match="1001"):
        staking.lock_of(1001)


@given(st.integers(1, SUPPLY), st.integers(0, 2**32), st.integers(0, 2**32), st.integers(0, SUPPLY))
def test_what_is_paid_never_exceeds_what_was_earned_or_what_is_there(
    amount: int, one: int, more: int, left: int
) -> None:
    rate = staking.apy_bps(30, is_provider=False)
    paid = staking.accrued(amount, rate, one, paid=0, left=left)
    again = staking.accrued(amount, rate, one + more, paid=paid, left=left - paid)
    assert 0 <= paid + again <= min(left, staking.earned(amount, rate, one + more))


def test_a_clock_behind_the_chain_earns_nothing() -> None:
    assert staking.accrued(COIN, 1000, -5, paid=0, left=COIN) == 0


def test_a_quote_is_the_constant_product_less_the_fee() -> None:
    found = trading.quote(Reserves(10_000, 10_000, 30), 1000, is_sale=True)
    assert (found.given, found.received) == (1000, 906)
    assert found.price_impact_bps == 910  # 1000 / 11,000, rounded up
    assert found.received_min == 906 * 9950 // 10_000


@given(
    st.integers(1, 2**100),
    st.integers(1, 2**100),
    st.integers(1, 2**100),
    st.sampled_from(trading.FEES_BPS),
    st.booleans(),
)
def test_a_swap_at_its_quote_never_lowers_the_product(
    coins: int, native: int, amount: int, fee_bps: int, is_sale: bool
) -> None:
    found = trading.quote(Reserves(coins, native, fee_bps), amount, is_sale=is_sale)
    change = (amount, -found.received) if is_sale else (-found.received, amount)
    assert (coins + change[0]) * (native + change[1]) >= coins * native
    assert found.received_min <= found.received < (native if is_sale else coins)
    assert 0 < found.price_impact_bps <= 10_000


@pytest.mark.parametrize("amount", [0, 2**128])
def test_nothing_and_too_much_are_not_quoted(amount: int) -> None:
    with pytest.raises(Invalid):
        trading.quote(Reserves(1, 1, 30), amount, is_sale=True)


def test_an_empty_pool_quotes_nothing_and_has_no_price() -> None:
    with pytest.raises(PoolNotFound):
        trading.quote(Reserves(0, 0, 30), 1, is_sale=False)
    assert trading.price_wei(Reserves(0, 0, 30)) is None
    assert trading.price_wei(Reserves(250_000 * COIN, 25 * COIN, 30)) == COIN // 10_000


@given(
    st.uuids().map(str),
    st.sampled_from([*steps.ORDER, "give", "approve-pool", "add-liquidity"]),
    st.none() | WALLETS,
    st.integers(1, 99),
)
def test_a_key_is_read_as_it_was_written(artist: str, what: str, wallet: str | None, attempt: int) -> None:
    key = Key(artist, what, wallet, attempt)
    assert Key.parse(key.text) == key


@pytest.mark.parametrize("text", ["nft:master:1:deploy", "coin:", f"coin:{ARTIST}", f"xcoin:{ARTIST}:deploy"])
def test_keys_of_others_are_left_alone(text: str) -> None:
    assert Key.parse(text) is None


def test_the_first_attempt_of_a_step_is_named_without_a_number() -> None:
    assert Key(ARTIST, "deploy").text == f"coin:{ARTIST}:deploy"
    assert Key(ARTIST, "deploy", attempt=2).text == f"coin:{ARTIST}:deploy:2"


def test_steps_want_each_thing_once_and_end() -> None:
    place = Place(
        name="Alex Rivera",
        symbol="ALEXR",
        treasury="0xa",
        pool_fee_bps=30,
        base_bps=1000,
        address="0xc",
        pool="0xp",
        staking="0xs",
    )
    step, wanted = steps.DEPLOY, list[str]()
    while (command := steps.command(step, place)) is not None:
        wanted.append(type(command).__name__)
        step = steps.after(step)
    assert wanted == ["DeployCoin", "DeployPool", "NamePool", "DeployStaking", "ApproveCoin", "FundStaking"]
    assert step == steps.DONE
