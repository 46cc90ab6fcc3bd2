"""Say what coin-service publishes: coins, stakes, pools, transfers.

Between: coin-service and nft (portfolio), vstudio (gating), analytics, worker.
Units: base units of the coin (10^-18), as decimal strings.
Source: domain.md 2.5 "Publishes".
"""

from audifi.wire.events import EventData, event


@event("coin.deployed")
class CoinDeployed(EventData):
    """An artist has a coin."""

    coin_id: str
    artist_id: str
    chain_id: int
    address: str
    symbol: str


class _StakeData(EventData, kw_only=True):
    coin_id: str
    artist_id: str
    stake_id: str
    wallet: str
    amount: str
    lock_days: int
    tx_hash: str
    log_index: int
    user_id: str | None = None


@event("coin.staked")
class CoinStaked(_StakeData):
    """Coins are locked."""


@event("coin.unstaked")
class CoinUnstaked(_StakeData):
    """Coins came back."""


@event("coin.pool_created")
class CoinPoolCreated(EventData):
    """A coin can be traded."""

    coin_id: str
    artist_id: str
    address: str
    type: str


@event("coin.transferred")
class CoinTransferred(EventData, kw_only=True):
    """Coins moved."""

    coin_id: str
    artist_id: str
    from_wallet: str
    to_wallet: str
    amount: str
    tx_hash: str
    log_index: int
