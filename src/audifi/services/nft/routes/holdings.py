"""Show somebody the shares they own.

Between: the gateway (/user/holdings), store.portfolio, store.claims.
Shape: over all linked wallets; `unclaimedWei` is what the share's wallet can claim of its master's dividends: of the
wallet, not of the share, so that shares of one wallet and master show the same amount.
Errors: none of its own.
Source: domain.md 2.2.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from audifi.kernel.clock import iso
from audifi.kernel.http import Access, Operation, Page, Paging, Reply
from audifi.services.nft.parts import NftCall
from audifi.services.nft.store import claims, portfolio
from audifi.services.nft.store.portfolio import Holding
from audifi.wire.amounts import Wei, wei


class HoldingsQuery(Paging, kw_only=True):
    """Which shares."""

    master_id: UUID | None = None


class HoldingReply(Reply, kw_only=True):
    """One share of the signed-in user."""

    master_id: str
    master_title: str
    artist_id: str
    cover_cid: str | None
    token_id: int
    chain_id: int
    currency: str
    wallet: str
    tier: int
    royalty_bps: int
    cost_wei: Wei
    last_price_wei: Wei
    unclaimed_wei: Wei
    minted_at: str


async def holdings(call: NftCall, query: HoldingsQuery) -> Page[HoldingReply]:
    """List the shares of everybody's own wallets."""
    master_id = None if query.master_id is None else str(query.master_id)
    async with call.deps.database.read() as connection:
        owned_by = await portfolio.wallets(connection, call.user().user_id)
        found, total = await portfolio.shares(
            connection, owned_by, master_id=master_id, limit=query.limit, offset=query.offset
        )
        open_claims = await claims.unclaimed(connection, owned_by)
    return Page([holding_reply(each, open_claims) for each in found], total, query)


def holding_reply(each: Holding, open_claims: Mapping[tuple[str, str], int]) -> HoldingReply:
    """Return a share as its owner sees it."""
    return HoldingReply(
        master_id=each.master_id,
        master_title=each.master_title,
        artist_id=each.artist_id,
        cover_cid=each.cover_cid,
        token_id=each.token_id,
        chain_id=each.chain_id,
        currency=each.currency,
        wallet=each.wallet,
        tier=each.tier,
        royalty_bps=each.royalty_bps,
        cost_wei=wei(each.cost_wei),
        last_price_wei=wei(each.last_price_wei),
        unclaimed_wei=wei(open_claims.get((each.master_id, each.wallet), 0)),
        minted_at=iso(each.minted_at),
    )


OPERATIONS: Final = (
    Operation(
        method="GET", path="/user/holdings", handler=holdings, summary="List the shares you own", tag="portfolio",
        access=Access.USER, query=HoldingsQuery, reply=HoldingReply, listed=True,
    ),
)  # fmt: skip
