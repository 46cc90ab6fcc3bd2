"""Say what services want of the chain, and what became of it: the worker holds the one key that signs.

Between: nft-service and coin-service (publish `chain.wanted` in the transaction of their change), the worker (signs,
sends, watches; publishes `chain.settled` in the transaction that settles it), and the same services again.

    nft ── chain.wanted {key, command} ──► worker ── transaction ──► chain
     ▲                                        │
     └────── chain.settled {key, state} ◄─────┘

Shape: a command is one of the calls below and nothing else: whoever takes over a service cannot make the signer sign
what it likes. `key` says what is wanted, so that asking twice is asking once: `nft:master:<id>:deploy`.
States: CONFIRMED (act on it), FINAL (cannot be undone), FAILED (mined and reverted), REFUSED (never sent: it would
revert), UNDONE (was confirmed; a reorg took it back; CONFIRMED follows again, or FAILED).
Units: wei and coin base units as decimal strings.
Invariant: a key stands for one command for ever; a second with other content is refused and dead-lettered.
Source: docs/chain-transactions.md; docs/contracts.md; domain.md 2.2, 2.5, 2.8.
"""

from typing import TypeAlias

import msgspec

from audifi.wire.amounts import Address, Wei
from audifi.wire.events import EventData, event


class Command(msgspec.Struct, rename="camel", tag_field="call", kw_only=True):
    """One call of one contract of ours."""


class DeployMarket(Command, tag="deploy_market"):
    """The marketplace of a chain: one."""


class DeployMaster(Command, tag="deploy_master"):
    """The shares of a master."""

    master_id: str
    name: str
    symbol: str
    artist: Address
    max_supply: int
    artist_reserve: int
    mint_price_wei: Wei
    base_uri: str


class DeployDividend(Command, tag="deploy_dividend"):
    """Where a master's dividends are claimed."""

    master: Address


class LinkDividend(Command, tag="link_dividend"):
    """Name the dividend contract of a master, once."""

    master: Address
    dividend: Address


class MintReserve(Command, tag="mint_reserve"):
    """Give the artist some of the reserve: at most 400 at a time (docs/contracts.md)."""

    master: Address
    to: Address
    first_id: int
    last_id: int


class OpenSale(Command, tag="open_sale"):
    """Let everybody mint."""

    master: Address


class HaltSale(Command, tag="halt_sale"):
    """Let nobody mint for now."""

    master: Address


class CloseSale(Command, tag="close_sale"):
    """Let nobody mint, for ever."""

    master: Address


class MintPurchased(Command, tag="mint_purchased"):
    """Give the buyer what was paid by card."""

    master: Address
    purchase_id: str
    to: Address
    count: int


class WithdrawProceeds(Command, tag="withdraw_proceeds"):
    """Pay a receiver what a sale owes it."""

    master: Address
    receiver: Address


class DepositRevenue(Command, tag="deposit_revenue"):
    """Bring the holders' part to the dividend contract."""

    dividend: Address
    payout_id: str
    source: str
    value_wei: Wei


class PublishRoot(Command, tag="publish_root"):
    """Open an epoch of claims."""

    dividend: Address
    epoch: int
    root: str
    total_wei: Wei


class ClaimFor(Command, tag="claim_for"):
    """Pay a holder; the platform pays the gas."""

    dividend: Address
    wallet: Address
    epoch: int
    amount_wei: Wei
    proof: tuple[str, ...]


class DeployCoin(Command, tag="deploy_coin"):
    """An artist's coin: the artist's part to its treasury, the others held by the platform."""

    name: str
    symbol: str
    treasury: Address


class DeployPool(Command, tag="deploy_pool"):
    """Where a coin trades."""

    coin: Address
    fee_bps: int


class NamePool(Command, tag="name_pool"):
    """Tell a coin its pool, once."""

    coin: Address
    pool: Address


class DeployStaking(Command, tag="deploy_staking"):
    """Where a coin is staked."""

    coin: Address
    pool: Address
    base_bps: int


class TransferCoin(Command, tag="transfer_coin"):
    """Give away coins that the platform holds."""

    coin: Address
    to: Address
    amount: Wei


class ApproveCoin(Command, tag="approve_coin"):
    """Let a contract of ours take coins that the platform holds."""

    coin: Address
    spender: Address
    amount: Wei


class FundStaking(Command, tag="fund_staking"):
    """Bring rewards."""

    staking: Address
    amount: Wei


class AddLiquidity(Command, tag="add_liquidity"):
    """Provide both sides of a pool."""

    pool: Address
    coin_amount: Wei
    value_wei: Wei


AnyCommand: TypeAlias = (
    DeployMarket
    | DeployMaster
    | DeployDividend
    | LinkDividend
    | MintReserve
    | OpenSale
    | HaltSale
    | CloseSale
    | MintPurchased
    | WithdrawProceeds
    | DepositRevenue
    | PublishRoot
    | ClaimFor
    | DeployCoin
    | DeployPool
    | NamePool
    | DeployStaking
    | TransferCoin
    | ApproveCoin
    | FundStaking
    | AddLiquidity
)


@event("chain.wanted")
class ChainWanted(EventData):
    """A service wants this done on a chain; the key begins with its short name."""

    key: str
    chain_id: int
    command: AnyCommand


@event("chain.settled")
class ChainSettled(EventData, kw_only=True):
    """What became of it."""

    key: str
    chain_id: int
    state: str  # CONFIRMED | FINAL | FAILED | REFUSED | UNDONE
    tx_hash: str | None = None
    block_number: int | None = None
    contract: str | None = None  # the new contract's address, when one was made
    error: str | None = None


# What should be kept in IPFS, and that it is.


@event("content.wanted")
class ContentWanted(EventData):
    """An archive on the shared content directory must be pinned: the fields of clients.ipfs.content.Content."""

    cid: str
    sha256: str
    size_bytes: int
    car_bytes: int
    profile: str
    name: str


@event("content.pinned")
class ContentPinned(EventData):
    """The primary provider has it: tokens may point at it."""

    cid: str
