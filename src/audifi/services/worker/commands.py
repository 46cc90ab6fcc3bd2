"""Turn what a service wants of a chain into the one transaction that does it. Pure: nothing is asked, nothing is sent.

Between: consumers (a typed command of wire.events.chain) and clients.chain.contracts.surface (calldata).
Roles. The signer operates: it mints, opens and closes sales, publishes roots, holds coins until they are given away.
The admin (an offline key in production) grants roles and takes roots back; the treasury receives the platform's fees.
Without addresses of their own both are the signer. A coin's admin is the signer in any case: it names the pool, once.
Policy: these calls of our contracts and no others, each for the service whose business it is; a key begins with the
short name of the service that asks.
Already done: a few refusals of our contracts say that what was wanted is so. They are a success, told without a hash.
Units: wei and base units, int.
Errors: Invalid for a foreign key; ValueError for values no contract takes (a bug of the producer: a dead letter).
Source: wire/events/chain.py; contracts/src; domain.md 2.8 "Contract surface".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from audifi.clients.chain.contracts import abi
from audifi.clients.chain.contracts.surface import (
    NAMES,
    CoinContract,
    CoinHolders,
    DividendContract,
    MarketContract,
    MasterContract,
    MasterTerms,
    PoolContract,
    StakingContract,
)
from audifi.clients.chain.errors import CallerError
from audifi.wire.amounts import parsed
from audifi.wire.events import chain as wanted
from audifi.wire.events.chain import AnyCommand
from audifi.wire.problems import Invalid

NO_DEADLINE: Final = 2**256 - 1  # a row may wait for funds: what it wants does not grow old


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Who is who in the contracts we make."""

    signer: str
    admin: str
    treasury: str


@dataclass(frozen=True, kw_only=True)
class Sending:
    """What a transaction says; `to` None makes a contract."""

    to: str | None
    data: bytes
    value_wei: int = 0


def sending(command: AnyCommand, roles: Roles) -> Sending:
    """Return the transaction that does this."""
    return _SENDINGS[type(command)](command, roles)


def check_key(producer: str, key: str) -> None:
    """Refuse a key that does not belong to whoever asks: `nft-service` asks as `nft:…`."""
    prefix = producer.removesuffix("-service") + ":"
    if not producer.endswith("-service") or not key.startswith(prefix):
        raise Invalid(f"{producer} asks for {key!r}: its keys begin with {prefix!r}")


def check_policy(producer: str, command: AnyCommand) -> None:
    """Refuse a command that is not the producer's business: what a service that was taken over could ask for."""
    if not isinstance(command, _ALLOWED.get(producer, ())):
        raise Invalid(f"{producer} may not ask for {type(command).__name__}")


def reason(error: CallerError) -> str:
    """Say why a chain refused, in our contracts' words where it is one of them: `SoldOut(wanted=3, left=2)`."""
    data = error.data if isinstance(error.data, str) else ""
    told = (abi.interface(name).error(data) for name in NAMES) if data.startswith("0x") else ()
    return next((text for text in told if text is not None), str(error))


def is_done_already(command: AnyCommand, error: str) -> bool:
    """Whether the contract refused because what was wanted is so already."""
    return error.startswith(_DONE.get(type(command), "\0"))


def _master(command: wanted.DeployMaster, roles: Roles) -> Sending:
    terms = MasterTerms(
        master_id=UUID(command.master_id),
        name=command.name,
        symbol=command.symbol,
        artist=command.artist,
        platform=roles.treasury,
        admin=roles.admin,
        operator=roles.signer,
        max_supply=command.max_supply,
        artist_reserve=command.artist_reserve,
        mint_price_wei=parsed(command.mint_price_wei),
        base_uri=command.base_uri,
    )
    return Sending(to=None, data=MasterContract.deploy(terms))


def _dividend(command: wanted.DeployDividend, roles: Roles) -> Sending:
    return Sending(
        to=None, data=DividendContract.deploy(master=command.master, admin=roles.admin, allocator=roles.signer)
    )


def _coin(command: wanted.DeployCoin, roles: Roles) -> Sending:
    holders = CoinHolders(
        treasury=command.treasury, participants=roles.signer, liquidity=roles.signer, community=roles.signer
    )
    data = CoinContract.deploy(command.name, command.symbol, holders, admin=roles.signer, pauser=roles.admin)
    return Sending(to=None, data=data)


def _staking(command: wanted.DeployStaking) -> Sending:
    return Sending(
        to=None, data=StakingContract.deploy(coin=command.coin, pool=command.pool, base_bps=command.base_bps)
    )


def _mint_reserve(command: wanted.MintReserve) -> Sending:
    data = MasterContract(command.master).mint_reserve(command.to, command.first_id, command.last_id)
    return Sending(to=command.master, data=data)


def _mint_purchased(command: wanted.MintPurchased) -> Sending:
    data = MasterContract(command.master).mint_purchased(UUID(command.purchase_id), command.to, command.count)
    return Sending(to=command.master, data=data)


def _deposit(command: wanted.DepositRevenue) -> Sending:
    data = DividendContract(command.dividend).deposit_revenue(UUID(command.payout_id), command.source)
    return Sending(to=command.dividend, data=data, value_wei=parsed(command.value_wei))


def _root(command: wanted.PublishRoot) -> Sending:
    data = DividendContract(command.dividend).set_root(command.epoch, command.root, parsed(command.total_wei))
    return Sending(to=command.dividend, data=data)


def _claim(command: wanted.ClaimFor) -> Sending:
    data = DividendContract(command.dividend).claim_for(
        command.wallet, command.epoch, parsed(command.amount_wei), command.proof
    )
    return Sending(to=command.dividend, data=data)


def _liquidity(command: wanted.AddLiquidity) -> Sending:
    data = PoolContract(command.pool).add_liquidity(parsed(command.coin_amount), 0, NO_DEADLINE)
    return Sending(to=command.pool, data=data, value_wei=parsed(command.value_wei))


def _link(command: wanted.LinkDividend) -> Sending:
    return Sending(to=command.master, data=MasterContract(command.master).set_dividend_contract(command.dividend))


def _transfer(command: wanted.TransferCoin) -> Sending:
    return Sending(to=command.coin, data=CoinContract(command.coin).transfer(command.to, parsed(command.amount)))


def _approve(command: wanted.ApproveCoin) -> Sending:
    return Sending(to=command.coin, data=CoinContract(command.coin).approve(command.spender, parsed(command.amount)))


# Every command there is, and nothing else can be signed.
_SENDINGS: Final[Mapping[type[Any], Callable[[Any, Roles], Sending]]] = {
    wanted.DeployMarket: lambda _, roles: Sending(to=None, data=MarketContract.deploy(fee_receiver=roles.treasury)),
    wanted.DeployMaster: _master,
    wanted.DeployDividend: _dividend,
    wanted.LinkDividend: lambda it, _: _link(it),
    wanted.MintReserve: lambda it, _: _mint_reserve(it),
    wanted.OpenSale: lambda it, _: Sending(to=it.master, data=MasterContract(it.master).unpause()),
    wanted.HaltSale: lambda it, _: Sending(to=it.master, data=MasterContract(it.master).pause()),
    wanted.CloseSale: lambda it, _: Sending(to=it.master, data=MasterContract(it.master).close_sale()),
    wanted.MintPurchased: lambda it, _: _mint_purchased(it),
    wanted.WithdrawProceeds: lambda it, _: Sending(to=it.master, data=MasterContract(it.master).withdraw(it.receiver)),
    wanted.DepositRevenue: lambda it, _: _deposit(it),
    wanted.PublishRoot: lambda it, _: _root(it),
    wanted.ClaimFor: lambda it, _: _claim(it),
    wanted.DeployCoin: _coin,
    wanted.DeployPool: lambda it, _: Sending(to=None, data=PoolContract.deploy(coin=it.coin, fee_bps=it.fee_bps)),
    wanted.NamePool: lambda it, _: Sending(to=it.coin, data=CoinContract(it.coin).set_liquidity_pool(it.pool)),
    wanted.DeployStaking: lambda it, _: _staking(it),
    wanted.TransferCoin: lambda it, _: _transfer(it),
    wanted.ApproveCoin: lambda it, _: _approve(it),
    wanted.FundStaking: lambda it, _: Sending(to=it.staking, data=StakingContract(it.staking).fund(parsed(it.amount))),
    wanted.AddLiquidity: lambda it, _: _liquidity(it),
}

_COINS: Final = (
    wanted.DeployCoin,
    wanted.DeployPool,
    wanted.NamePool,
    wanted.DeployStaking,
    wanted.TransferCoin,
    wanted.ApproveCoin,
    wanted.FundStaking,
    wanted.AddLiquidity,
)
_ALLOWED: Final[Mapping[str, tuple[type[Any], ...]]] = {
    "coin-service": _COINS,
    "nft-service": tuple(kind for kind in _SENDINGS if kind not in _COINS),
}

# Of the contracts' refusals those that mean "so it is": asked under another key, or done by somebody else.
_DONE: Final[Mapping[type[Any], str]] = {
    wanted.MintPurchased: "PurchaseAlreadyMinted(",
    wanted.DepositRevenue: "AlreadyDeposited(",
    wanted.ClaimFor: "AlreadyClaimed(",
    wanted.WithdrawProceeds: "NothingOwed(",
    wanted.OpenSale: "ExpectedPause(",
    wanted.HaltSale: "EnforcedPause(",
    wanted.CloseSale: "SaleIsClosed(",
}
