"""Keep where the contracts of masters and the marketplaces of chains are.

Between: sagas.launch (writes), routes (read), facts of the chain (whose contract is it).
Shape: addresses in lower case.
"""

from dataclasses import dataclass

from audifi.kernel.connection import Connection, Row


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A contract."""

    kind: str  # MASTER | DIVIDEND
    chain_id: int
    address: str
    deploy_tx: str
    deploy_block: int


async def of_master(connection: Connection, master_id: str) -> list[Deployed]:
    """Return a master's contracts: none, MASTER, or DIVIDEND and MASTER."""
    query = """SELECT kind, chain_id, address, deploy_tx, deploy_block FROM nft.contracts
                WHERE master_id = $1 ORDER BY kind"""
    return [_deployed(row) for row in await connection.fetch(query, master_id)]


async def put(tx: Connection, master_id: str, deployed: Deployed) -> None:
    """Note a contract; the same one again (mined in another block after a reorg) moves its block."""
    await tx.execute(
        """INSERT INTO nft.contracts (master_id, kind, chain_id, address, deploy_tx, deploy_block)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (master_id, kind, chain_id) DO UPDATE
              SET address = excluded.address, deploy_tx = excluded.deploy_tx, deploy_block = excluded.deploy_block""",
        master_id,
        deployed.kind,
        deployed.chain_id,
        deployed.address,
        deployed.deploy_tx,
        deployed.deploy_block,
    )


async def ask_market(tx: Connection, chain_id: int) -> int | None:
    """Note that a marketplace is asked for; None when somebody did already, else which ask it is."""
    asks = await tx.fetchval(
        """INSERT INTO nft.markets AS known (chain_id) VALUES ($1)
           ON CONFLICT (chain_id) DO UPDATE SET asks = known.asks + 1, is_asked = true
            WHERE NOT known.is_asked AND known.address IS NULL RETURNING asks""",
        chain_id,
    )
    return None if asks is None else int(asks)


async def give_market_up(tx: Connection, chain_id: int) -> None:
    """Let the next launch ask again."""
    await tx.execute("UPDATE nft.markets SET is_asked = false WHERE chain_id = $1 AND address IS NULL", chain_id)


async def market(connection: Connection, chain_id: int) -> str | None:
    """Return the address of a chain's marketplace, once it is there."""
    return await connection.fetchval("SELECT address FROM nft.markets WHERE chain_id = $1", chain_id)


async def put_market(tx: Connection, chain_id: int, address: str, deploy_tx: str, deploy_block: int) -> None:
    """Note where a marketplace is."""
    await tx.execute(
        "UPDATE nft.markets SET address = $2, deploy_tx = $3, deploy_block = $4 WHERE chain_id = $1",
        chain_id,
        address,
        deploy_tx,
        deploy_block,
    )


def _deployed(row: Row) -> Deployed:
    return Deployed(
        kind=row["kind"],
        chain_id=row["chain_id"],
        address=row["address"],
        deploy_tx=row["deploy_tx"],
        deploy_block=row["deploy_block"],
    )
