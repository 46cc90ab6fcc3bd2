"""Speak to our six contracts in their own words: encode what they are asked, decode what they answer.

Between: services and the worker (typed calls), clients.chain.writing.transactions (sends the data that `deploy` and the
imperatives return), clients.chain.pool.chains (reads), contracts/compiled (the ABI).
Shape: a method that changes the chain returns the data of its transaction and sends nothing; one that reads is
asynchronous and takes the chain to read from, at a block (`latest`, a number or a hash).
Units: *_wei wei or the coin's base units; *_bps basis points; *_s epoch seconds.
Invariant: what must be sent with the data says so: `mint` and `mint_batch` exactly price × count, `deposit_revenue` the
amount, `swap_native_for_coin` and `add_liquidity` the native part, `buy` the price; everything else nothing.
Errors: those of the chain (a revert is CallerError: `reason` names it); Undecodable when another contract answers.
Source: contracts/src; domain.md 2.8 "Contract surface" (names).
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, ClassVar, Final, Protocol
from uuid import UUID

from audifi.clients.chain.contracts import abi
from audifi.clients.chain.contracts.events import Logged, read_all

NAMES: Final = ("Master", "Dividend", "Market", "Coin", "Staking", "Pool")


class Reader(Protocol):
    """What reads need of a chain (clients.chain.pool.chains.Chain)."""

    async def call(self, method: str, params: Sequence[Any] = (), *, deadline_s: float = 5.0) -> Any:
        """Make one JSON-RPC call."""
        ...


@dataclass(frozen=True)
class Contract:
    """One deployed contract."""

    address: str
    name: ClassVar[str]

    def events(self, logs: Sequence[Mapping[str, Any]]) -> list[Logged]:
        """Decode this contract's events among logs."""
        return read_all(self.name, self.address, logs)

    async def is_ours(self, chain: Reader) -> bool:
        """Whether the code at this address is what contracts/src compiles to."""
        return abi.interface(self.name).is_runtime(await chain.call("eth_getCode", [self.address, "latest"]))

    @classmethod
    def reason(cls, revert_data: str) -> str | None:
        """Say why this contract refused, from the data of the error."""
        return abi.interface(cls.name).error(revert_data)

    @classmethod
    def topic(cls, event: str) -> str:
        """Return the topic by which a node finds this event (its name in the ABI)."""
        return abi.interface(cls.name).topic(event)

    @classmethod
    def _encode(cls, function: str, *arguments: object) -> bytes:
        return abi.interface(cls.name).call(function, *arguments)

    async def _read(self, chain: Reader, function: str, *arguments: object, at: str = "latest") -> Any:
        request = {"to": self.address, "data": "0x" + self._encode(function, *arguments).hex()}
        return abi.interface(self.name).result(function, await chain.call("eth_call", [request, at]))


@dataclass(frozen=True, kw_only=True)
class MasterTerms:
    """What an IPO promises; the fields of MasterTerms in Master.sol, in its order."""

    master_id: UUID
    name: str
    symbol: str
    artist: str
    platform: str
    admin: str
    operator: str
    max_supply: int
    artist_reserve: int
    mint_price_wei: int
    base_uri: str


class MasterContract(Contract):
    """The shares of one master."""

    name = "Master"

    @classmethod
    def deploy(cls, terms: MasterTerms) -> bytes:
        return abi.interface(cls.name).deploy((_id(terms.master_id), *astuple(terms)[1:]))

    def mint(self, to: str) -> bytes:
        return self._encode("mint", to)

    def mint_batch(self, to: str, count: int) -> bytes:
        return self._encode("mintBatch", to, count)

    def mint_purchased(self, purchase_id: UUID, to: str, count: int) -> bytes:
        """Mint what was paid by card; a second one with the same id is refused by the contract."""
        return self._encode("mintPurchased", _id(purchase_id), to, count)

    def mint_reserve(self, to: str, first_id: int, last_id: int) -> bytes:
        return self._encode("mintReserve", to, first_id, last_id)

    def withdraw(self, receiver: str) -> bytes:
        return self._encode("withdraw", receiver)

    def set_dividend_contract(self, dividend: str) -> bytes:
        return self._encode("setDividendContract", dividend)

    def set_base_uri(self, uri: str) -> bytes:
        return self._encode("setBaseURI", uri)

    def pause(self) -> bytes:
        return self._encode("pause")

    def unpause(self) -> bytes:
        return self._encode("unpause")

    def close_sale(self) -> bytes:
        return self._encode("closeSale")

    def transfer(self, holder: str, to: str, token_id: int) -> bytes:
        return self._encode("transferFrom", holder, to, token_id)

    def approve(self, spender: str, token_id: int) -> bytes:
        """Let a contract move one share, until it moves."""
        return self._encode("approve", spender, token_id)

    async def owner_of(self, chain: Reader, token_id: int, *, at: str = "latest") -> str:
        return await self._read(chain, "ownerOf", token_id, at=at)

    async def balance_of(self, chain: Reader, wallet: str, *, at: str = "latest") -> int:
        return await self._read(chain, "balanceOf", wallet, at=at)

    async def token_uri(self, chain: Reader, token_id: int, *, at: str = "latest") -> str:
        return await self._read(chain, "tokenURI", token_id, at=at)

    async def royalty_info(
        self, chain: Reader, token_id: int, price_wei: int, *, at: str = "latest"
    ) -> tuple[str, int]:
        """Return (receiver, royalty in wei) of a resale."""
        return await self._read(chain, "royaltyInfo", token_id, price_wei, at=at)

    async def royalty_bps(self, chain: Reader, token_id: int, *, at: str = "latest") -> int:
        return await self._read(chain, "royaltyBps", token_id, at=at)

    async def total_supply(self, chain: Reader, *, at: str = "latest") -> int:
        return await self._read(chain, "totalSupply", at=at)

    async def public_minted(self, chain: Reader, *, at: str = "latest") -> int:
        return await self._read(chain, "publicMinted", at=at)

    async def reserve_minted(self, chain: Reader, *, at: str = "latest") -> int:
        return await self._read(chain, "reserveMinted", at=at)

    async def max_supply(self, chain: Reader) -> int:
        return await self._read(chain, "maxSupply")

    async def public_supply(self, chain: Reader) -> int:
        return await self._read(chain, "publicSupply")

    async def mint_price_wei(self, chain: Reader) -> int:
        return await self._read(chain, "mintPrice")

    async def owed_wei(self, chain: Reader, receiver: str, *, at: str = "latest") -> int:
        return await self._read(chain, "owed", receiver, at=at)

    async def dividend_contract(self, chain: Reader, *, at: str = "latest") -> str:
        return await self._read(chain, "dividendContract", at=at)

    async def is_purchase_minted(self, chain: Reader, purchase_id: UUID, *, at: str = "latest") -> bool:
        return await self._read(chain, "purchaseMinted", _id(purchase_id), at=at)

    async def is_paused(self, chain: Reader, *, at: str = "latest") -> bool:
        return await self._read(chain, "paused", at=at)

    async def is_closed(self, chain: Reader, *, at: str = "latest") -> bool:
        return await self._read(chain, "closed", at=at)


@dataclass(frozen=True)
class Epoch:
    """What an epoch set aside, and what of it was claimed."""

    root: str
    total_wei: int
    paid_wei: int


class DividendContract(Contract):
    """What the holders of one master are paid."""

    name = "Dividend"

    @classmethod
    def deploy(cls, *, master: str, admin: str, allocator: str) -> bytes:
        return abi.interface(cls.name).deploy(master, admin, allocator)

    def deposit_revenue(self, payout_id: UUID, source: str = "") -> bytes:
        """Pay in what is sent along; a second deposit of this sender with the same id is refused by the contract."""
        if source:
            return self._encode("depositRevenueWithSource", _id(payout_id), source)
        return self._encode("depositRevenue", _id(payout_id))

    def set_root(self, epoch: int, root: str, total_wei: int) -> bytes:
        return self._encode("setRoot", epoch, _bytes32(root), total_wei)

    def withdraw_root(self, epoch: int) -> bytes:
        return self._encode("withdrawRoot", epoch)

    def claim(self, epoch: int, amount_wei: int, proof: Sequence[str]) -> bytes:
        return self._encode("claim", epoch, amount_wei, [_bytes32(node) for node in proof])

    def claim_for(self, wallet: str, epoch: int, amount_wei: int, proof: Sequence[str]) -> bytes:
        """Pay a wallet its part at our gas."""
        return self._encode("claimFor", wallet, epoch, amount_wei, [_bytes32(node) for node in proof])

    async def has_claimed(self, chain: Reader, epoch: int, wallet: str, *, at: str = "latest") -> bool:
        return await self._read(chain, "hasClaimed", epoch, wallet, at=at)

    async def epoch(self, chain: Reader, epoch: int, *, at: str = "latest") -> Epoch:
        return Epoch(*await self._read(chain, "epochs", epoch, at=at))

    async def deposited_wei(self, chain: Reader, depositor: str, payout_id: UUID, *, at: str = "latest") -> int:
        return await self._read(chain, "deposited", depositor, _id(payout_id), at=at)

    async def total_revenue_received_wei(self, chain: Reader, *, at: str = "latest") -> int:
        return await self._read(chain, "totalRevenueReceived", at=at)

    async def total_allocated_wei(self, chain: Reader, *, at: str = "latest") -> int:
        return await self._read(chain, "totalAllocated", at=at)

    async def total_dividends_paid_wei(self, chain: Reader, *, at: str = "latest") -> int:
        return await self._read(chain, "totalDividendsPaid", at=at)

    async def leaf(self, chain: Reader, epoch: int, wallet: str, amount_wei: int) -> str:
        """Return the contract's own idea of a leaf (merkle computes it without a chain)."""
        return await self._read(chain, "leaf", epoch, wallet, amount_wei)


@dataclass(frozen=True)
class Listing:
    """What a share is offered for; `seller` is the zero address when it is not."""

    seller: str
    price_wei: int


class MarketContract(Contract):
    """Where shares are resold at a fixed price: one per chain."""

    name = "Market"

    @classmethod
    def deploy(cls, *, fee_receiver: str, fee_bps: int = 0) -> bytes:
        return abi.interface(cls.name).deploy(fee_receiver, fee_bps)

    def list(self, master: str, token_id: int, price_wei: int) -> bytes:
        """Offer a share that MasterContract.approve let this contract move."""
        return self._encode("list", master, token_id, price_wei)

    def cancel(self, master: str, token_id: int) -> bytes:
        return self._encode("cancel", master, token_id)

    def buy(self, master: str, token_id: int, price_wei: int) -> bytes:
        return self._encode("buy", master, token_id, price_wei)

    def withdraw(self, receiver: str) -> bytes:
        return self._encode("withdraw", receiver)

    async def listing(self, chain: Reader, master: str, token_id: int, *, at: str = "latest") -> Listing:
        return Listing(*await self._read(chain, "listings", master, token_id, at=at))

    async def owed_wei(self, chain: Reader, receiver: str, *, at: str = "latest") -> int:
        return await self._read(chain, "owed", receiver, at=at)

    async def fee_bps(self, chain: Reader) -> int:
        return await self._read(chain, "feeBps")


@dataclass(frozen=True, kw_only=True)
class CoinHolders:
    """Who receives the four parts of a coin's supply, in Coin.sol's order."""

    treasury: str
    participants: str
    liquidity: str
    community: str


class CoinContract(Contract):
    """One artist's coin."""

    name = "Coin"

    @classmethod
    def deploy(cls, name: str, symbol: str, holders: CoinHolders, *, admin: str, pauser: str) -> bytes:
        return abi.interface(cls.name).deploy(name, symbol, astuple(holders), admin, pauser)

    def transfer(self, to: str, amount_wei: int) -> bytes:
        return self._encode("transfer", to, amount_wei)

    def approve(self, spender: str, amount_wei: int) -> bytes:
        return self._encode("approve", spender, amount_wei)

    def set_liquidity_pool(self, pool: str) -> bytes:
        return self._encode("setLiquidityPool", pool)

    def pause(self) -> bytes:
        return self._encode("pause")

    def unpause(self) -> bytes:
        return self._encode("unpause")

    async def balance_of(self, chain: Reader, wallet: str, *, at: str = "latest") -> int:
        return await self._read(chain, "balanceOf", wallet, at=at)

    async def total_supply(self, chain: Reader, *, at: str = "latest") -> int:
        return await self._read(chain, "totalSupply", at=at)

    async def liquidity_pool(self, chain: Reader, *, at: str = "latest") -> str:
        return await self._read(chain, "liquidityPool", at=at)


@dataclass(frozen=True)
class Stake:
    """One stake; `amount_wei` is 0 once it was taken back."""

    staker: str
    started_at_s: int
    unlocks_at_s: int
    apy_bps: int
    amount_wei: int
    reward_paid_wei: int


class StakingContract(Contract):
    """Coins put away, and what they earn."""

    name = "Staking"

    @classmethod
    def deploy(cls, *, coin: str, pool: str, base_bps: int) -> bytes:
        return abi.interface(cls.name).deploy(coin, pool, base_bps)

    def fund(self, amount_wei: int) -> bytes:
        return self._encode("fund", amount_wei)

    def stake(self, amount_wei: int, lock_days: int) -> bytes:
        return self._encode("stake", amount_wei, lock_days)

    def unstake(self, stake_id: int) -> bytes:
        return self._encode("unstake", stake_id)

    def claim_rewards(self, stake_id: int) -> bytes:
        return self._encode("claimRewards", stake_id)

    async def rewards_wei(self, chain: Reader, stake_id: int, *, at: str = "latest") -> int:
        """Return what the stake would be paid now (getRewards)."""
        return await self._read(chain, "getRewards", stake_id, at=at)

    async def apy_bps(self, chain: Reader, wallet: str, lock_days: int, *, at: str = "latest") -> int:
        return await self._read(chain, "apyOf", wallet, lock_days, at=at)

    async def stake_of(self, chain: Reader, stake_id: int, *, at: str = "latest") -> Stake:
        return Stake(*await self._read(chain, "stakes", stake_id, at=at))

    async def total_staked_wei(self, chain: Reader, *, at: str = "latest") -> int:
        return await self._read(chain, "totalStaked", at=at)

    async def rewards_left_wei(self, chain: Reader, *, at: str = "latest") -> int:
        return await self._read(chain, "rewardsLeft", at=at)

    async def rewards_funded_wei(self, chain: Reader, *, at: str = "latest") -> int:
        return await self._read(chain, "rewardsFunded", at=at)


class PoolContract(Contract):
    """One artist's coin against the native currency. Its shares are an ERC-20 of their own."""

    name = "Pool"

    @classmethod
    def deploy(cls, *, coin: str, fee_bps: int) -> bytes:
        return abi.interface(cls.name).deploy(coin, fee_bps)

    def add_liquidity(self, coin_max_wei: int, shares_min: int, deadline_s: int) -> bytes:
        return self._encode("addLiquidity", coin_max_wei, shares_min, deadline_s)

    def remove_liquidity(
        self, shares: int, *, coin_min_wei: int, native_min_wei: int, to: str, deadline_s: int
    ) -> bytes:
        return self._encode("removeLiquidity", shares, coin_min_wei, native_min_wei, to, deadline_s)

    def swap_coin_for_native(self, coin_wei: int, native_min_wei: int, to: str, deadline_s: int) -> bytes:
        return self._encode("swapCoinForNative", coin_wei, native_min_wei, to, deadline_s)

    def swap_native_for_coin(self, coin_min_wei: int, to: str, deadline_s: int) -> bytes:
        return self._encode("swapNativeForCoin", coin_min_wei, to, deadline_s)

    async def reserves(self, chain: Reader, *, at: str = "latest") -> tuple[int, int]:
        """Return (coins, native currency)."""
        return await self._read(chain, "getReserves", at=at)

    async def amount_out_wei(self, chain: Reader, amount_in_wei: int, *, coin_in: bool, at: str = "latest") -> int:
        return await self._read(chain, "getAmountOut", amount_in_wei, coin_in, at=at)

    async def shares_of(self, chain: Reader, wallet: str, *, at: str = "latest") -> int:
        return await self._read(chain, "balanceOf", wallet, at=at)

    async def total_shares(self, chain: Reader, *, at: str = "latest") -> int:
        return await self._read(chain, "totalSupply", at=at)


def _id(identifier: UUID) -> bytes:
    """Return a UUID as the contracts keep it: a number of 256 bits."""
    return identifier.int.to_bytes(32, "big")


def _bytes32(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
