"""Browse what can be bought; offer a share for resale, and take the offer back.

Between: the gateway (/marketplace/listings), auth-service (whose wallets), store.offers and store.listings.
Shape: open IPOs (kind PRIMARY, one row each) and resales (kind SECONDARY) in one list, from a replica.
Invariant: an offer is made by its owner's wallet on the chain: what is taken here is a wish, and what the wallet has to
send for it. Taken back here it is offered no more at once; on the chain when the wallet says so too.
Errors: NotFound, Forbidden, InvalidState, Conflict.
Source: domain.md 2.2 (marketplace), 2.8 "Secondary sale", 5.5 (60 a minute).
"""

from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from audifi.kernel.http import Access, Body, Operation, Page, Paging
from audifi.kernel.ids import new_id
from audifi.services.nft import eligibility
from audifi.services.nft.errors import Conflict, Forbidden, Invalid, InvalidState, NotFound
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes import limits
from audifi.services.nft.routes.fields import ChainId, ShortLine, Wei, Words
from audifi.services.nft.routes.sale_replies import ListingReply, listing_reply, offer_reply, to_list, to_withdraw
from audifi.services.nft.rules import listings as rules
from audifi.services.nft.store import listings, offers, shares
from audifi.services.nft.store.offers import Sort, Wanted
from audifi.wire.amounts import parsed


class ListingsQuery(Paging, kw_only=True):
    """What to look for, in which order."""

    search: Words | None = None
    genre: ShortLine | None = None
    chain: ChainId | None = None
    min_price_wei: Wei | None = None
    max_price_wei: Wei | None = None
    sort_by: Sort = "newest"


class ListingBody(Body):
    """Which share, at which price."""

    master_id: UUID
    token_id: Annotated[int, Meta(ge=1, le=1_000_000)]
    price_wei: Wei


class ListingPath(Body):
    """Which listing (of an open IPO: the IPO)."""

    id: UUID


async def browse(call: NftCall, query: ListingsQuery) -> Page[ListingReply]:
    """List what can be bought."""
    wanted = Wanted(
        search=query.search,
        genre=query.genre,
        chain_id=query.chain,
        price_min=None if query.min_price_wei is None else parsed(query.min_price_wei),
        price_max=None if query.max_price_wei is None else parsed(query.max_price_wei),
        sort=query.sort_by,
    )
    async with call.deps.database.read() as connection:
        found, total = await offers.browse(connection, wanted, limit=query.limit, offset=query.offset)
    return Page([offer_reply(each) for each in found], total, query)


async def find(call: NftCall) -> ListingReply:
    """Show a resale in any state, or an open IPO."""
    offer_id, database = str(call.parameters.id), call.deps.database
    async with database.read() if call.principal is None else database.read_primary() as connection:
        listing = await listings.find(connection, offer_id)
        if listing is not None:
            return listing_reply(listing)
        offer = await offers.find(connection, offer_id)
    if offer is None:
        raise NotFound
    return offer_reply(offer)


async def offer(call: NftCall, body: ListingBody) -> ListingReply:
    """Take the owner's wish to sell, and say what the wallet has to send."""
    price, now = parsed(body.price_wei), call.deps.clock.now()
    rules.require_price(price)
    own = await eligibility.linked_wallets(call.deps.peers, call.user().user_id)
    async with call.deps.database.transaction() as tx:
        share = await shares.owned(tx, str(body.master_id), body.token_id)
        if share is None:
            raise NotFound
        rules.require_listable(
            owner_wallet=share.owner_wallet, wallets=own, staked_until=share.staked_until, now=now
        )  # fmt: skip
        if share.market is None:
            raise InvalidState("The marketplace of this chain is not ready yet.")
        if await listings.is_offered(tx, share.master_id, share.token_id):
            raise Conflict("This share is offered already: take that offer back first.")
        new = listings.NewListing(
            id=str(new_id()),
            master_id=share.master_id,
            token_id=share.token_id,
            chain_id=share.chain_id,
            genre=share.genre,
            seller_wallet=share.owner_wallet,
            price_wei=price,
        )
        listing = await listings.find(tx, await listings.wish(tx, new, now))
        assert listing is not None, "it was just written"
        reply = listing_reply(listing, *to_list(listing))
        await call.settle(tx, reply)
    return reply


async def withdraw(call: NftCall) -> ListingReply:
    """Stop offering a share."""
    own = await eligibility.linked_wallets(call.deps.peers, call.user().user_id)
    async with call.deps.database.transaction() as tx:
        listing = await listings.find(tx, str(call.parameters.id))
        if listing is None:
            raise NotFound
        if listing.seller_wallet not in own:
            raise Forbidden("Only the seller takes an offer back.")
        if not await listings.withdraw(tx, listing.id, call.deps.clock.now()):
            raise InvalidState(f"An offer that is {listing.status} is not taken back.")
        gone = await listings.find(tx, listing.id)
        assert gone is not None, "it was just changed"
        reply = listing_reply(gone, *to_withdraw(gone))
        await call.settle(tx, reply)
    return reply


_TAG: Final = "marketplace"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/marketplace/listings", handler=browse, summary="Browse what can be bought", tag=_TAG,
        access=Access.OPTIONAL, query=ListingsQuery, reply=ListingReply, listed=True, limits=(limits.BROWSE,),
        description="Open IPOs (kind PRIMARY) and resales (kind SECONDARY); totals stop at 1,000 of each.",
    ),
    Operation(
        method="GET", path="/marketplace/listings/{id}", handler=find, summary="Show an offer", tag=_TAG,
        access=Access.OPTIONAL, parameters=ListingPath, reply=ListingReply, limits=(limits.BROWSE,),
        errors=(NotFound,),
    ),
    Operation(
        method="POST", path="/marketplace/listings", handler=offer, summary="Offer a share for resale", tag=_TAG,
        access=Access.USER, body=ListingBody, reply=ListingReply, status=201, idempotent=True,
        errors=(NotFound, Forbidden, InvalidState, Conflict, Invalid),
        example={
            "masterId": "0193f5c4-7b6a-7c3e-9a51-2f4d8e6b1c02", "tokenId": 7, "priceWei": "1000000000000000000",
        },
    ),
    Operation(
        method="DELETE", path="/marketplace/listings/{id}", handler=withdraw, summary="Take an offer back", tag=_TAG,
        access=Access.USER, parameters=ListingPath, reply=ListingReply, idempotent=True,
        errors=(NotFound, Forbidden, InvalidState),
    ),
)  # fmt: skip
