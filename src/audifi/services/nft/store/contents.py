"""Keep which content was put on the shared content directory, and since when the primary provider has it.

Between: routes.uploads, routes.ipos (put), the consumer of `content.pinned` and sagas.launch (ask).
Invariant: `pinned_at` never goes away: what was pinned once is the worker's to keep.
"""

from datetime import datetime

from audifi.clients.ipfs.content import Content
from audifi.kernel import outbox
from audifi.kernel.connection import Connection, changed
from audifi.wire.events.chain import ContentWanted


async def want(tx: Connection, content: Content, media_type: str) -> None:
    """Note content, and ask the worker to pin it; asking twice is asking once."""
    await tx.execute(
        """INSERT INTO nft.contents (cid, sha256, size_bytes, media_type) VALUES ($1, $2, $3, $4)
           ON CONFLICT (cid) DO NOTHING""",
        content.cid,
        content.sha256,
        content.size_bytes,
        media_type,
    )
    wanted = ContentWanted(
        cid=content.cid,
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        car_bytes=content.car_bytes,
        profile=content.profile,
        name=content.name,
    )
    await outbox.add(tx, wanted, aggregate_id=content.cid)


async def set_pinned(tx: Connection, cid: str, at: datetime) -> bool:
    """Note that the primary provider has it; False when we knew, or never wanted it."""
    statement = "UPDATE nft.contents SET pinned_at = $2 WHERE cid = $1 AND pinned_at IS NULL"
    return changed(await tx.execute(statement, cid, at)) == 1


async def unpinned(connection: Connection, cids: list[str]) -> list[str]:
    """Return which of these the primary provider does not have yet."""
    query = "SELECT cid FROM nft.contents WHERE cid = ANY($1) AND pinned_at IS NOT NULL"
    pinned = {row["cid"] for row in await connection.fetch(query, cids)}
    return [cid for cid in cids if cid not in pinned]
