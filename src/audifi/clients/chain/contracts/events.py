"""Name what our contracts tell the world, and read it from a node's logs.

Between: indexers (nft-service, coin-service, through the worker) and eth_getLogs or a receipt's logs.
Shape: one dataclass per event, its fields the ABI's parameters in snake case; `Logged` says where it stood.
Units: *_wei wei or the coin's base units; addresses and hashes 0x-hex lower case.
Invariant: (tx_hash, log_index) identifies a log: rows made from it are unique by that pair. A log's order is
(block, log index).
Errors: Undecodable when a log of ours does not fit our ABI. Logs of events we do not read are None.
Source: contracts/src (the events), domain.md 2.2 (which are indexed, and by what they are idempotent).
"""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from audifi.clients.chain.contracts import abi


@dataclass(frozen=True)
class MasterRegistered:
    """A master's contract is on chain."""

    master_id: str
    artist: str
    max_supply: int
    public_supply: int
    mint_price: int


@dataclass(frozen=True)
class Minted:
    """A share exists; `minter` is its first owner, `price` 0 for the reserve."""

    minter: str
    token_id: int
    price: int


@dataclass(frozen=True)
class PurchaseMinted:
    """What was paid by card has been minted."""

    purchase_id: str
    minter: str
    first_id: int
    count: int


@dataclass(frozen=True)
class ProceedsSplit:
    """A sale's money was divided."""

    fee: int
    artist_part: int


@dataclass(frozen=True)
class Withdrawn:
    """A receiver of sales or resales took what it was owed."""

    receiver: str
    amount: int


@dataclass(frozen=True)
class SaleClosed:
    """No public share is minted any more."""

    public_minted: int


@dataclass(frozen=True)
class ShareTransfer:
    """A share changed hands (from the zero address: it was minted)."""

    from_: str
    to: str
    token_id: int


@dataclass(frozen=True)
class CoinTransfer:
    """Coins, or shares of a pool, changed hands."""

    from_: str
    to: str
    value: int


@dataclass(frozen=True)
class RevenueDeposited:
    """Revenue came in."""

    depositor: str
    payout_id: str
    amount: int
    source: str


@dataclass(frozen=True)
class RootSet:
    """An epoch is open for claims."""

    epoch: int
    root: str
    total: int


@dataclass(frozen=True)
class RootWithdrawn:
    """A wrong root was taken back before anybody claimed."""

    epoch: int
    root: str
    total: int


@dataclass(frozen=True)
class DividendClaimed:
    """A wallet took its part of an epoch."""

    epoch: int
    wallet: str
    amount: int


@dataclass(frozen=True)
class Listed:
    """A share is offered; a second one for the same share replaces the first."""

    master: str
    token_id: int
    seller: str
    price: int


@dataclass(frozen=True)
class Delisted:
    """An offer was taken back."""

    master: str
    token_id: int
    seller: str


@dataclass(frozen=True)
class Sold:
    """A share was resold: royalty + fee + the seller's part = price."""

    master: str
    token_id: int
    seller: str
    buyer: str
    price: int
    royalty: int
    fee: int


@dataclass(frozen=True)
class LiquidityPoolSet:
    """A coin's pool is known."""

    pool: str


@dataclass(frozen=True)
class Staked:
    """Coins were put away."""

    stake_id: int
    staker: str
    amount: int
    apy_bps: int
    unlocks_at: int


@dataclass(frozen=True)
class RewardPaid:
    """A stake was paid what it earned."""

    stake_id: int
    staker: str
    amount: int


@dataclass(frozen=True)
class Unstaked:
    """A stake was taken back."""

    stake_id: int
    staker: str
    amount: int


@dataclass(frozen=True)
class Funded:
    """Rewards were funded."""

    from_: str
    amount: int


@dataclass(frozen=True)
class LiquidityAdded:
    """The pool's Mint: reserves came in."""

    provider: str
    coin_amount: int
    native_amount: int
    shares: int


@dataclass(frozen=True)
class LiquidityRemoved:
    """The pool's Burn: reserves went out."""

    provider: str
    to: str
    coin_amount: int
    native_amount: int
    shares: int


@dataclass(frozen=True)
class Swap:
    """Coins were traded for the native currency, or the other way round."""

    sender: str
    to: str
    coin_in: int
    native_in: int
    coin_out: int
    native_out: int


Event = (
    MasterRegistered
    | Minted
    | PurchaseMinted
    | ProceedsSplit
    | Withdrawn
    | SaleClosed
    | ShareTransfer
    | CoinTransfer
    | RevenueDeposited
    | RootSet
    | RootWithdrawn
    | DividendClaimed
    | Listed
    | Delisted
    | Sold
    | LiquidityPoolSet
    | Staked
    | RewardPaid
    | Unstaked
    | Funded
    | LiquidityAdded
    | LiquidityRemoved
    | Swap
)

TYPES: Final[Mapping[str, Mapping[str, type[Event]]]] = {
    "Master": {
        "MasterRegistered": MasterRegistered,
        "Minted": Minted,
        "PurchaseMinted": PurchaseMinted,
        "ProceedsSplit": ProceedsSplit,
        "Withdrawn": Withdrawn,
        "SaleClosed": SaleClosed,
        "Transfer": ShareTransfer,
    },
    "Dividend": {
        "RevenueDeposited": RevenueDeposited,
        "RootSet": RootSet,
        "RootWithdrawn": RootWithdrawn,
        "DividendClaimed": DividendClaimed,
    },
    "Market": {"Listed": Listed, "Delisted": Delisted, "Sold": Sold, "Withdrawn": Withdrawn},
    "Coin": {"Transfer": CoinTransfer, "LiquidityPoolSet": LiquidityPoolSet},
    "Staking": {"Staked": Staked, "RewardPaid": RewardPaid, "Unstaked": Unstaked, "Funded": Funded},
    "Pool": {"Mint": LiquidityAdded, "Burn": LiquidityRemoved, "Swap": Swap, "Transfer": CoinTransfer},
}


@dataclass(frozen=True)
class Logged:
    """An event and its place on the chain."""

    event: Event
    address: str
    block_number: int
    block_hash: str
    tx_hash: str
    log_index: int


def read(contract: str, log: Mapping[str, Any]) -> Logged | None:
    """Decode one log of a contract of this kind; the caller knows whose address it is."""
    # {"address": "0x…", "topics": ["0xddf2…"], "data": "0x", "blockNumber": "0x1b4", "logIndex": "0x0", …}
    found = abi.interface(contract).event(log["topics"], log["data"])
    kind = TYPES[contract].get(found[0]) if found else None
    if found is None or kind is None:
        return None
    return Logged(
        event=kind(**{_snake(name): value for name, value in found[1].items()}),
        address=str(log["address"]).lower(),
        block_number=int(log["blockNumber"], 16),
        block_hash=log["blockHash"],
        tx_hash=log["transactionHash"],
        log_index=int(log["logIndex"], 16),
    )


def read_all(contract: str, address: str, logs: Iterable[Mapping[str, Any]]) -> list[Logged]:
    """Decode the logs of one address, in the chain's order; those of others and unread events are left out."""
    own = (log for log in logs if str(log["address"]).lower() == address.lower())
    found = [logged for log in own if (logged := read(contract, log)) is not None]
    return sorted(found, key=lambda logged: (logged.block_number, logged.log_index))


@functools.cache  # as many names as our contracts have
def _snake(name: str) -> str:
    """Return `tokenId` as token_id, and the word `from`, which Python keeps for itself, as from_."""
    spelled = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    return "from_" if spelled == "from" else spelled
