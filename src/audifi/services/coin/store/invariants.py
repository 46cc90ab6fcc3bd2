"""Say what does not add up: each query returns what it must never find.

Between: reconciling (runs it now and then), tests (after every module).
Invariant: domain.md 2.5: balances, the pool's included, and what was not given away sum up to the supply; nothing is
below 0; one coin per artist (a constraint); rewards within what the community's part funded.
"""

from collections.abc import Mapping
from typing import Final

from audifi.kernel.connection import Connection

# Sentence → query of (coin, detail). Before the first log of a coin arrives nobody holds anything.
_QUERIES: Final[Mapping[str, str]] = {
    "balances sum up to the supply": """
        SELECT c.id, sum(b.balance) FROM coin.coins c JOIN coin.coin_balances b ON b.coin_id = c.id
         GROUP BY c.id HAVING sum(b.balance) <> c.total_supply""",
    "what was not given away is in the platform's hands": """
        SELECT c.id, b.balance - a.unreleased FROM coin.coins c
          JOIN coin.coin_balances b ON b.coin_id = c.id AND b.wallet = c.custodian
          JOIN (SELECT coin_id, sum(amount - released) AS unreleased FROM coin.allocations GROUP BY coin_id) a
            ON a.coin_id = c.id
         WHERE b.balance < a.unreleased""",
    "no part gives away more than it has": """
        SELECT coin_id, bucket || ' ' || released FROM coin.allocations WHERE released < 0 OR released > amount""",
    "the parts are the supply": """
        SELECT c.id, sum(a.amount) FROM coin.coins c LEFT JOIN coin.allocations a ON a.coin_id = c.id
         GROUP BY c.id HAVING sum(a.amount) IS DISTINCT FROM c.total_supply""",
    "buyers are given their part, to the last unit": """
        SELECT c.id, sum(g.amount) FROM coin.coins c JOIN coin.grants g ON g.coin_id = c.id
         GROUP BY c.id HAVING sum(g.amount) <> 200000000000000000000000""",
    "rewards stay within what was funded": """
        SELECT id, rewards_paid FROM coin.coins WHERE rewards_paid > rewards_funded OR rewards_paid < 0""",
    "rewards paid are the stakes' rewards": """
        SELECT c.id, c.rewards_paid FROM coin.coins c
          LEFT JOIN (SELECT coin_id, sum(reward_paid) AS paid FROM coin.stakes GROUP BY coin_id) s ON s.coin_id = c.id
         WHERE c.rewards_paid <> coalesce(s.paid, 0)""",
    "the staking contract holds the stakes and the rewards left": """
        SELECT c.id, b.balance FROM coin.coins c
          JOIN coin.coin_balances b ON b.coin_id = c.id AND b.wallet = c.staking_address
          LEFT JOIN (SELECT coin_id, sum(amount) AS staked FROM coin.stakes
                      WHERE status IN ('ACTIVE', 'UNSTAKING') GROUP BY coin_id) s ON s.coin_id = c.id
         WHERE b.balance < coalesce(s.staked, 0) + c.rewards_funded - c.rewards_paid""",
    "the pool's reserves are its events, and there": """
        SELECT p.coin_id, p.coin_reserve FROM coin.pools p
          LEFT JOIN (SELECT coin_id, sum(coin_change) AS coins, sum(native_change) AS native
                       FROM coin.pool_events GROUP BY coin_id) e ON e.coin_id = p.coin_id
          LEFT JOIN coin.coin_balances b ON b.coin_id = p.coin_id AND b.wallet = p.address
         WHERE p.coin_reserve <> coalesce(e.coins, 0) OR p.native_reserve <> coalesce(e.native, 0)
            OR p.coin_reserve > coalesce(b.balance, 0)""",
}


async def violations(connection: Connection) -> list[str]:
    """Return a sentence per coin and broken invariant."""
    found: list[str] = []
    for sentence, query in _QUERIES.items():
        for row in await connection.fetch(query):
            coin, detail = row.values()
            found.append(f"not so: {sentence}: coin {coin}, {detail}")
    return found
