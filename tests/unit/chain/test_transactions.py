"""The pure parts of writing to chains: fees, depths, pauses, and a key that is never seen."""

import copy
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from audifi.clients.chain.writing import fees, settling
from audifi.clients.chain.writing.fees import GWEI, FeePolicy, Offer, TooExpensive
from audifi.clients.chain.writing.ledger import SETTLED, State, Transaction, Version
from audifi.clients.chain.writing.settling import Receipt
from audifi.clients.chain.writing.signer import Signer, SignerError, Unsigned
from audifi.kernel.settings import Secret
from audifi.wire.chains import CHAINS

KEY = "0x" + "4c" * 32
NOW = datetime(2026, 11, 23, tzinfo=UTC)
ETHEREUM = CHAINS[1]
ROW = Transaction(
    id=UUID(int=1),
    chain_id=1,
    signer="0x" + "11" * 20,
    key="sale",
    to="0x" + "22" * 20,
    data=b"",
    value_wei=1,
    gas=None,
    state=State.SENT,
    nonce=7,
    hash="0x" + "aa" * 32,
    next_at=NOW,
    created_at=NOW,
)
VERSION = Version(
    transaction_id=ROW.id,
    number=1,
    hash="0x" + "aa" * 32,
    raw=b"",
    is_filler=False,
    gas=21_000,
    fee_max_wei=GWEI,
    tip_max_wei=GWEI,
    signed_at=NOW,
)
wei = st.integers(0, 10**14)


def history(base_fee: int, *tips: int) -> dict[str, object]:
    return {"baseFeePerGas": [hex(base_fee)] * (len(tips) + 1), "reward": [[hex(tip)] for tip in tips]}


def seen(block: int, *, succeeded: bool = True) -> Receipt:
    return Receipt(VERSION.hash, block, "0x" + "bb" * 32, succeeded)


@given(wei, st.lists(wei, max_size=10), st.sampled_from(list(fees.POLICIES.values())))
def test_an_offer_keeps_to_its_bounds(base_fee: int, tips: list[int], policy: FeePolicy) -> None:
    try:
        offer = fees.market(history(base_fee, *tips), policy)
    except TooExpensive:
        assert base_fee + policy.tip_most_wei > policy.fee_cap_wei
        return
    assert policy.tip_least_wei <= offer.tip_max_wei <= policy.tip_most_wei
    assert base_fee + offer.tip_max_wei <= offer.fee_max_wei <= policy.fee_cap_wei


@given(wei, wei, wei, wei)
def test_a_replacement_is_an_eighth_over_what_it_replaces(fee: int, tip: int, fee_now: int, tip_now: int) -> None:
    old, now = Offer(max(fee, tip), tip), Offer(max(fee_now, tip_now), tip_now)
    new = fees.replacement(old, now, replace(fees.OTHERWISE, fee_cap_wei=10**15))
    assert new.fee_max_wei * 8 >= old.fee_max_wei * 9
    assert new.tip_max_wei * 8 >= old.tip_max_wei * 9
    assert new.fee_max_wei >= max(now.fee_max_wei, new.tip_max_wei)


def test_an_offer_survives_six_full_blocks() -> None:
    offer = fees.market(history(30 * GWEI, GWEI, 2 * GWEI, 3 * GWEI), fees.policy(1))
    assert offer == Offer(62 * GWEI, 2 * GWEI)
    assert offer.fee_max_wei >= 30 * GWEI * 1.125**6


def test_no_replacement_goes_over_the_cap() -> None:
    with pytest.raises(TooExpensive, match="over the cap"):
        fees.replacement(Offer(490 * GWEI, GWEI), Offer(GWEI, GWEI), fees.policy(1))


@pytest.mark.parametrize("answer", [{}, {"baseFeePerGas": []}, {"baseFeePerGas": ["no"]}, {"baseFeePerGas": None}])
def test_what_is_no_fee_history_is_said_so(answer: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no fee history"):
        fees.market(answer, fees.policy(1))


@pytest.mark.parametrize(
    ("confirmations", "succeeded", "is_filler", "state"),
    [
        (1, True, False, State.MINED),
        (11, True, False, State.MINED),
        (12, True, False, State.CONFIRMED),
        (63, True, False, State.CONFIRMED),
        (64, True, False, State.FINAL),
        (63, False, False, State.CONFIRMED),
        (64, False, False, State.FAILED),
        (63, True, True, State.CONFIRMED),
        (64, True, True, State.REFUSED),
    ],
)
def test_depth_decides(confirmations: int, succeeded: bool, is_filler: bool, state: State) -> None:
    version = replace(VERSION, is_filler=is_filler)
    row = settling.mined(ROW, version, seen(100, succeeded=succeeded), 99 + confirmations, ETHEREUM)
    assert (row.state, row.reverted, row.nonce) == (state, not succeeded, 7)


def test_a_block_that_went_leaves_nothing_behind_but_the_bytes() -> None:
    row = settling.unmined(settling.mined(ROW, VERSION, seen(100), 120, ETHEREUM))
    assert (row.state, row.block_number, row.block_hash, row.hash) == (State.SENT, None, None, ROW.hash)


def test_a_used_nonce_is_believed_when_it_is_final() -> None:
    row = settling.nonce_used(ROW, 100, ETHEREUM)
    assert (row.state, row.nonce_used_block) == (State.SENT, 100)
    assert settling.nonce_used(row, 163, ETHEREUM).state is State.SENT
    assert settling.nonce_used(row, 164, ETHEREUM).state is State.REFUSED


@given(st.integers(0, 10_000), st.floats(0.5, 1000))
def test_pauses_grow_to_their_cap(tries: int, most_s: float) -> None:
    pause_s = settling.pause_s(tries, most_s)
    assert min(settling.FIRST_PAUSE_S, most_s) <= pause_s <= most_s
    assert pause_s <= settling.pause_s(tries + 1, most_s)


def test_each_version_gets_twice_the_time_of_the_one_before() -> None:
    assert not settling.is_stuck([VERSION], ETHEREUM, NOW + timedelta(seconds=59))
    assert settling.is_stuck([VERSION], ETHEREUM, NOW + timedelta(seconds=60))
    assert not settling.is_stuck([VERSION, VERSION], ETHEREUM, NOW + timedelta(seconds=119))
    assert settling.is_stuck([VERSION, VERSION], ETHEREUM, NOW + timedelta(seconds=120))


def test_bytes_are_sent_again_less_and_less_often_but_for_ever() -> None:
    assert [tries for tries in range(1, 50) if settling.is_resend_due(tries)] == [1, 2, 4, 8, 16, 32, 48]


def test_only_three_states_are_the_last() -> None:
    assert set(SETTLED) == {State.FINAL, State.FAILED, State.REFUSED}


UNSIGNED = Unsigned(
    chain_id=137,
    nonce=3,
    to="0x" + "22" * 20,
    data=b"\x01\x02",
    value_wei=5,
    gas=50_000,
    fee_max_wei=60 * GWEI,
    tip_max_wei=30 * GWEI,
)


@pytest.mark.parametrize("unsigned", [UNSIGNED, replace(UNSIGNED, to=None)], ids=["call", "contract"])
def test_a_signature_is_of_the_signer_and_always_the_same(unsigned: Unsigned) -> None:
    signer = Signer.of(Secret(KEY))
    signed = signer.sign(unsigned)
    assert Account.recover_transaction(signed.raw).lower() == signer.address
    assert signer.sign(unsigned) == signed


@pytest.mark.parametrize("key", ["", "0x12", "0x" + "zz" * 32, "0x" + "00" * 32, "0x" + "ff" * 32, "0x" + "4c" * 33])
def test_a_bad_key_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(SignerError) as caught:
        Signer.of(Secret(key))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "zz" not in str(caught.value)


def test_the_key_is_in_nothing_that_is_printed_or_copied() -> None:
    signer = Signer.of(Secret(KEY))
    assert KEY[2:] not in repr(signer) + str(signer)
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(SignerError):
            take(signer)
    with pytest.raises(SignerError) as caught:
        signer.sign(replace(UNSIGNED, value_wei=-1))
    assert KEY[2:] not in str(caught.value)
