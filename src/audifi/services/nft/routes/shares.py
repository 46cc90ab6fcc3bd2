"""Show the shares of a master.

Between: the gateway (/masters/{id}/shares) and store.shares, from a replica.
Shape: whose a share is, shortened; how many wallets hold shares is in /masters/{id}/mover-advantage.
Errors: MasterNotFound, ContentUnavailable.
Source: domain.md 2.2.
"""

from typing import Final

from audifi.kernel.http import Access, Operation, Page, Paging
from audifi.services.nft.errors import ContentUnavailable, MasterNotFound
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes import limits, ownership
from audifi.services.nft.routes.fields import MasterPath
from audifi.services.nft.routes.sale_replies import ShareReply, share_reply
from audifi.services.nft.store import shares


class SharesQuery(Paging, kw_only=True):
    """Which page."""


async def of_master(call: NftCall, query: SharesQuery) -> Page[ShareReply]:
    """List the shares that exist, by number."""
    async with call.deps.database.read() as connection:
        master = await ownership.visible(connection, call)
        found = await shares.page(connection, master.id, limit=query.limit, offset=query.offset)
        _, total = await shares.holders(connection, master.id)
    return Page([share_reply(each) for each in found], total, query)


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/masters/{id}/shares", handler=of_master, summary="List a master's shares", tag="shares",
        access=Access.OPTIONAL, parameters=MasterPath, query=SharesQuery, reply=ShareReply, listed=True,
        limits=(limits.BROWSE,), errors=(MasterNotFound, ContentUnavailable),
    ),
)  # fmt: skip
