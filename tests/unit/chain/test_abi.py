"""Prove that the committed ABI is read right: selectors, structs, overloads, logs, reasons.

Between: clients.chain.contracts.abi, clients.chain.contracts.events and the public facts of the standards.
Source: EIP-20, EIP-721, EIP-2981 (selectors and topics that every explorer shows).
"""

from uuid import UUID

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from audifi.clients.chain.contracts import abi, events
from audifi.clients.chain.contracts.surface import NAMES, CoinContract, DividendContract, MasterContract

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
ALICE = "0x" + "a1" * 20
BOB = "0x" + "b0" * 20
MASTER = MasterContract("0x" + "cc" * 20)


def topic(kind: str, value: object) -> str:
    return "0x" + encode([kind], [value]).hex()


def _log(topics: list[str], data: str = "0x", **changes: object) -> dict[str, object]:
    place = {"blockNumber": "0x10", "blockHash": "0x" + "22" * 32, "transactionHash": "0x" + "33" * 32}
    return {"address": MASTER.address, "topics": topics, "data": data, "logIndex": "0x2", **place, **changes}


@pytest.mark.parametrize(
    ("name", "function", "arguments", "selector"),
    [
        ("Coin", "transfer", (ALICE, 1), "a9059cbb"),
        ("Coin", "approve", (ALICE, 1), "095ea7b3"),
        ("Master", "ownerOf", (1,), "6352211e"),
        ("Master", "royaltyInfo", (1, 1), "2a55205a"),
        ("Master", "safeTransferFrom(address,address,uint256)", (ALICE, BOB, 1), "42842e0e"),
        ("Master", "safeTransferFrom(address,address,uint256,bytes)", (ALICE, BOB, 1, b""), "b88d4fde"),
    ],
)
def test_selectors_are_those_of_the_standards(
    name: str, function: str, arguments: tuple[object, ...], selector: str
) -> None:
    assert abi.interface(name).call(function, *arguments).hex().startswith(selector)


def test_a_transfer_of_a_share_is_read_in_the_chains_order() -> None:
    topics = [TRANSFER, topic("address", ALICE), topic("address", BOB), topic("uint256", 7)]
    found = MASTER.events([_log(topics, logIndex="0x9"), _log(topics), _log(topics, blockNumber="0xf")])
    assert [(logged.block_number, logged.log_index) for logged in found] == [(15, 2), (16, 2), (16, 9)]
    assert found[0].event == events.ShareTransfer(from_=ALICE, to=BOB, token_id=7)
    assert (found[0].tx_hash, found[0].address) == ("0x" + "33" * 32, MASTER.address)


def test_the_same_topic_of_another_standard_is_not_misread() -> None:
    """ERC-20's Transfer has the same first topic, with the amount in the data."""
    log = _log([TRANSFER, topic("address", ALICE), topic("address", BOB)], topic("uint256", 5))
    assert events.read("Master", log) is None
    logged = events.read("Coin", log)
    assert logged is not None
    assert logged.event == events.CoinTransfer(from_=ALICE, to=BOB, value=5)


def test_logs_of_others_and_unread_events_are_left_out() -> None:
    approval = "0x" + keccak(text="Approval(address,address,uint256)").hex()
    topics = [approval, topic("address", ALICE), topic("address", BOB), topic("uint256", 7)]
    assert MASTER.events([_log(topics), _log([TRANSFER], address=ALICE), _log(["0x" + "ff" * 32]), _log([])]) == []


def test_a_log_that_does_not_fit_is_an_error_and_not_a_guess() -> None:
    topics = [MasterContract.topic("Minted"), topic("address", ALICE), topic("uint256", 7)]
    with pytest.raises(abi.Undecodable, match="Minted"):
        MASTER.events([_log(topics, "0x00")])


def test_reasons_are_told_in_the_contracts_words() -> None:
    shape = keccak(text="SoldOut(uint256,uint256)")[:4]
    assert MasterContract.reason("0x" + (shape + encode(["uint256", "uint256"], [3, 2])).hex()) == (
        "SoldOut(wanted=3, left=2)"
    )
    assert CoinContract.reason("0x4e487b71" + f"{0x11:064x}") == "Panic(code=17)"
    assert MasterContract.reason("0x") is None
    assert MasterContract.reason("0xdeadbeef") is None


@pytest.mark.parametrize("name", NAMES)
def test_every_event_we_read_is_in_the_abi_with_these_fields(name: str) -> None:
    for event, kind in events.TYPES[name].items():
        entry = next(each for each in abi.interface(name).artifact.abi if each.get("name") == event)
        assert len(entry["inputs"]) == len(kind.__dataclass_fields__), event
        assert abi.interface(name).topic(event).startswith("0x")


def test_a_uuid_is_kept_as_a_number_and_a_source_chooses_its_function() -> None:
    payout = UUID("01890000-0000-7000-8000-0000000000aa")
    dividend = DividendContract(MASTER.address)
    assert dividend.deposit_revenue(payout).hex()[8:] == f"{payout.int:064x}"
    assert dividend.deposit_revenue(payout)[:4] != dividend.deposit_revenue(payout, "STREAMING")[:4]


@given(
    wallet=st.binary(min_size=20, max_size=20),
    amount=st.integers(0, 2**256 - 1),
    word=st.binary(min_size=32, max_size=32),
)
def test_words_are_read_as_eth_abi_reads_them(wallet: bytes, amount: int, word: bytes) -> None:
    types = ("address", "uint256", "bytes32")
    data = encode(types, ["0x" + wallet.hex(), amount, word])
    read = abi._decoded(types, data, "x")  # pyright: ignore[reportPrivateUsage]
    assert read == ("0x" + wallet.hex(), amount, "0x" + word.hex())
    with pytest.raises(abi.Undecodable):
        abi._decoded(types, b"\x01" + data[1:], "x")  # pyright: ignore[reportPrivateUsage]
