"""Every command there is has its call, and nothing else can be signed."""

from typing import get_args
from uuid import uuid4

import pytest

from audifi.clients.chain.contracts.addresses import created
from audifi.clients.chain.contracts.surface import MasterContract
from audifi.clients.chain.errors import CallerError
from audifi.services.worker import commands
from audifi.services.worker.commands import Roles
from audifi.wire.events import chain as wanted
from audifi.wire.events.chain import AnyCommand
from audifi.wire.problems import Invalid

ROLES = Roles(signer="0x" + "51" * 20, admin="0x" + "ad" * 20, treasury="0x" + "77" * 20)
MASTER = "0x" + "aa" * 20


def test_every_command_has_its_call() -> None:
    assert set(commands._SENDINGS) == set(get_args(AnyCommand))  # pyright: ignore[reportPrivateUsage]


def test_only_deposits_and_liquidity_send_money() -> None:
    deposit = wanted.DepositRevenue(dividend=MASTER, payout_id=str(uuid4()), source="SYNC", value_wei="12")
    assert commands.sending(deposit, ROLES).value_wei == 12
    liquidity = wanted.AddLiquidity(pool=MASTER, coin_amount="5", value_wei="7")
    assert commands.sending(liquidity, ROLES).value_wei == 7
    mint = wanted.MintPurchased(master=MASTER, purchase_id=str(uuid4()), to=MASTER, count=1)
    assert commands.sending(mint, ROLES) == commands.Sending(to=MASTER, data=commands.sending(mint, ROLES).data)


def test_the_roles_are_the_workers_to_give() -> None:
    terms = wanted.DeployMaster(
        master_id=str(uuid4()), name="N", symbol="N", artist=MASTER, max_supply=2, artist_reserve=1,
        mint_price_wei="1", base_uri="",
    )  # fmt: skip
    sending = commands.sending(terms, ROLES)
    assert sending.to is None
    for address in (ROLES.admin, ROLES.treasury, ROLES.signer):
        assert bytes.fromhex(address[2:]) in sending.data


@pytest.mark.parametrize(
    ("producer", "key"),
    [("nft-service", "coin:1"), ("coin-service", "nft:1"), ("nft-service", "nft"), ("nft", "nft:1"), ("worker", "w:1")],
)
def test_a_key_is_the_producers_own(producer: str, key: str) -> None:
    with pytest.raises(Invalid, match="begin with"):
        commands.check_key(producer, key)


def test_a_refusal_is_told_in_the_contracts_words() -> None:
    data = "0x" + "8d53e553" + "00" * 64
    error = CallerError(3, "execution reverted", data)
    assert commands.reason(error) == (MasterContract.reason(data) or str(error))
    assert commands.reason(CallerError(-32000, "insufficient funds")) == "insufficient funds (-32000)"
    assert not commands.is_done_already(wanted.DeployMarket(), "NothingOwed(receiver=0x)")
    assert commands.is_done_already(wanted.WithdrawProceeds(master=MASTER, receiver=MASTER), "NothingOwed(receiver=0x)")


def test_the_address_of_a_new_contract_follows_from_who_makes_it() -> None:
    """Vectors of ethers' getCreateAddress documentation and of nonces around the byte's edge."""
    sender = "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"
    assert [created(sender, nonce) for nonce in range(3)] == [
        "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d",
        "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8",
        "0xf778b86fa74e846c4f0a1fbd1335fe81c00a0c91",
    ]
    assert len({created(sender, nonce) for nonce in (127, 128, 255, 256, 65_536)}) == 5


@pytest.mark.parametrize(
    ("producer", "command"),
    [
        ("coin-service", wanted.MintPurchased(master=MASTER, purchase_id=str(uuid4()), to=MASTER, count=1)),
        ("nft-service", wanted.TransferCoin(coin=MASTER, to=MASTER, amount="1")),
        ("payment-service", wanted.OpenSale(master=MASTER)),
    ],
)
def test_a_service_asks_only_for_what_is_its_business(producer: str, command: AnyCommand) -> None:
    with pytest.raises(Invalid, match="may not ask"):
        commands.check_policy(producer, command)
