"""Read the worker's rows for people: what was sent to chains, newest first.

Between: console (prints it) and the tables of clients.chain.writing.ledger.
Shape: at most LATEST_MAX transactions, each with every version that was signed, oldest first.
Errors: what the driver raises, which kernel.database translates.
"""

from typing import Any, Final

from audifi.kernel.connection import Connection, Row

LATEST_MAX: Final = 50  # a screen and a bit
_COLUMNS: Final = "id, chain_id, signer, key, state, nonce, hash, block_number, error, recipient, value_wei, created_at"
_LATEST: Final = f"SELECT {_COLUMNS} FROM transactions ORDER BY created_at DESC, id DESC LIMIT {LATEST_MAX}"  # noqa: S608
_FOUND: Final = f"""
SELECT {_COLUMNS} FROM transactions
 WHERE key = $1 OR id IN (SELECT transaction_id FROM transaction_versions WHERE hash = lower($1))
"""  # noqa: S608  # our own column list
_VERSIONS: Final = """
SELECT hash, fee_max_wei, is_filler, signed_at FROM transaction_versions WHERE transaction_id = $1 ORDER BY number
"""


async def latest_transactions(connection: Connection) -> list[dict[str, Any]]:
    return [await _told(connection, row) for row in await connection.fetch(_LATEST)]


async def transactions_of(connection: Connection, reference: str) -> list[dict[str, Any]]:
    """Those with this key (on any chain), or the one that was ever signed with this hash."""
    return [await _told(connection, row) for row in await connection.fetch(_FOUND, reference)]


async def _told(connection: Connection, row: Row) -> dict[str, Any]:
    versions = await connection.fetch(_VERSIONS, row["id"])
    return {
        "key": row["key"],
        "chainId": row["chain_id"],
        "signer": row["signer"],
        "to": row["recipient"],
        "valueWei": str(row["value_wei"]),
        "state": row["state"],
        "nonce": row["nonce"],
        "hash": row["hash"],
        "block": row["block_number"],
        "detail": row["error"] or "",
        "createdAt": row["created_at"].isoformat(),
        "versions": [
            {"hash": version["hash"], "feeMaxWei": str(version["fee_max_wei"]), "isFiller": version["is_filler"]}
            for version in versions
        ],
    }
