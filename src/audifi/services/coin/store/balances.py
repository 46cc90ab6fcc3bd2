"""Keep who holds how many coins, by the transfers the chain logged.

Between: facts (moves), routes and the internal routes (read).
Invariant: a transfer is a row and two changed balances, in one transaction; taken back, it leaves no trace.
Errors: AssertionError for a sender who has nothing: logs are missing, the batch is refused and delivered again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from audifi.kernel.connection import Connection, changed

NOBODY = "0x" + "00" * 20
# How to take, and how to give.
_COINS = (
    "UPDATE coin.coin_balances SET balance = balance - $3 WHERE coin_id = $1 AND wallet = $2",
    """INSERT INTO coin.coin_balances AS old (coin_id, wallet, balance) VALUES ($1, $2, $3)
       ON CONFLICT (coin_id, wallet) DO UPDATE SET balance = old.balance + excluded.balance""",
)
_POOL_SHARES = (
    "UPDATE coin.pool_shares SET balance = balance - $3 WHERE coin_id = $1 AND wallet = $2",
    """INSERT INTO coin.pool_shares AS old (coin_id, wallet, balance) VALUES ($1, $2, $3)
       ON CONFLICT (coin_id, wallet) DO UPDATE SET balance = old.balance + excluded.balance""",
)


@dataclass(frozen=True, kw_only=True)
class Movement:
    """A transfer, and where it stands in the chain."""

    chain_id: int
    tx_hash: str
    log_index: int
    block_number: int
    from_wallet: str
    to_wallet: str
    amount: int

    @property
    def reversed(self) -> "Movement":
        """Return the same transfer, taken back."""
        return Movement(
            chain_id=self.chain_id,
            tx_hash=self.tx_hash,
            log_index=self.log_index,
            block_number=self.block_number,
            from_wallet=self.to_wallet,
            to_wallet=self.from_wallet,
            amount=self.amount,
        )


@dataclass(frozen=True)
class Holding:
    """What some wallets have of one coin."""

    artist_id: str
    name: str
    symbol: str
    chain_id: int
    address: str
    balance: int
    staked: int


async def record(tx: Connection, coin_id: str, movement: Movement) -> None:
    """Note a transfer that is in the chain."""
    await tx.execute(
        """INSERT INTO coin.coin_transfers
                  (chain_id, tx_hash, log_index, coin_id, block_number, from_wallet, to_wallet, amount)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        movement.chain_id,
        movement.tx_hash,
        movement.log_index,
        coin_id,
        movement.block_number,
        movement.from_wallet,
        movement.to_wallet,
        Decimal(movement.amount),
    )


async def forget(tx: Connection, movement: Movement) -> None:
    """Forget a transfer that left the chain."""
    await tx.execute(
        "DELETE FROM coin.coin_transfers WHERE chain_id = $1 AND tx_hash = $2 AND log_index = $3",
        movement.chain_id,
        movement.tx_hash,
        movement.log_index,
    )


async def move(tx: Connection, coin_id: str, movement: Movement, *, of_pool: bool = False) -> None:
    """Change both balances: of the coin, or of its pool's shares. To and from nobody, coins come and go."""
    if movement.amount == 0 or movement.from_wallet == movement.to_wallet:
        return
    take, give = _POOL_SHARES if of_pool else _COINS
    value = Decimal(movement.amount)
    if movement.from_wallet != NOBODY:
        done = changed(await tx.execute(take, coin_id, movement.from_wallet, value))
        assert done == 1, f"{movement.from_wallet} sends from nothing in {movement.tx_hash}: logs are missing"
    if movement.to_wallet != NOBODY:
        await tx.execute(give, coin_id, movement.to_wallet, value)


async def of_wallets(connection: Connection, coin_id: str, wallets: Sequence[str]) -> int:
    """Return what these wallets hold together."""
    return int(
        await connection.fetchval(
            """SELECT coalesce(sum(balance), 0) FROM coin.coin_balances
                WHERE coin_id = $1 AND wallet = ANY($2::text[])""",
            coin_id,
            list(wallets),
        )
    )


async def is_provider(connection: Connection, coin_id: str, wallet: str) -> bool:
    """Whether the wallet has a share of the coin's pool."""
    return bool(
        await connection.fetchval(
            "SELECT true FROM coin.pool_shares WHERE coin_id = $1 AND wallet = $2 AND balance > 0", coin_id, wallet
        )
    )


async def holdings(connection: Connection, wallets: Sequence[str]) -> list[Holding]:
    """Return every coin that these wallets hold or have staked."""
    rows = await connection.fetch(
        """WITH held AS (
               SELECT coin_id, balance, 0::numeric AS staked FROM coin.coin_balances
                WHERE wallet = ANY($1::text[]) AND balance > 0
               UNION ALL
               SELECT coin_id, 0, amount FROM coin.stakes
                WHERE wallet = ANY($1::text[]) AND status IN ('ACTIVE', 'UNSTAKING'))
           SELECT c.artist_id, c.name, c.symbol, c.chain_id, c.address, sum(h.balance) AS balance,
                  sum(h.staked) AS staked
             FROM held h JOIN coin.coins c ON c.id = h.coin_id
            GROUP BY c.id ORDER BY c.symbol, c.id""",
        list(wallets),
    )
    return [
        Holding(
            str(row["artist_id"]),
            row["name"],
            row["symbol"],
            row["chain_id"],
            row["address"],
            int(row["balance"]),
            int(row["staked"]),
        )
        for row in rows
    ]


async def holder_count(connection: Connection, coin_id: str) -> int:
    """Return how many wallets hold the coin, its own contracts and the platform left out."""
    return int(
        await connection.fetchval(
            """SELECT count(*) FROM coin.coin_balances b JOIN coin.coins c ON c.id = b.coin_id
                 LEFT JOIN coin.pools p ON p.coin_id = c.id
                WHERE b.coin_id = $1 AND b.balance > 0
                  AND b.wallet NOT IN (coalesce(c.custodian, ''), coalesce(c.staking_address, ''),
                                       coalesce(p.address, ''))""",
            coin_id,
        )
    )
