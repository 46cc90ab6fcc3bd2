"""Act three: a fan lists a share, another buys it, the artist gets the royalty of that share.

Between: play (asks), sale (fans and how a purchase is paid), sdk.
Units: wei; *_s seconds.
Errors: Problem, TimedOut, Mismatch.
Source: domain.md 2.2 (Mover Advantage), 2.8 (secondary sale).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audifi.drills.journey import sale
from audifi.drills.journey.narration import expect
from audifi.drills.journey.release import Release
from audifi.drills.journey.sale import Fan
from audifi.drills.journey.stage import Telling
from audifi.drills.journey.story import BPS, Story, royalty_bps
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Listing

LISTED_WITHIN_S: Final = 60.0


@dataclass(frozen=True)
class Resale:
    """What was resold."""

    token_id: int
    seller: Fan
    buyer: Fan
    royalty_wei: int


async def resold(telling: Telling, release: Release, fans: Sequence[Fan]) -> Resale:
    """Let the holder of the earliest share sell it to the fan who bought last."""
    story, narrator = telling.story, telling.narrator
    seller = min(fans, key=lambda fan: min(fan.bought.token_ids))
    buyer = next(fan for fan in reversed(fans) if fan is not seller)
    token_id = min(seller.bought.token_ids)
    royalty = story.resale_price_wei * royalty_bps(token_id) // BPS
    async with narrator.step(f"a fan lists share #{token_id}"):
        listing = await _listed(story, release, seller, token_id)
    async with narrator.step("another one buys it"):
        await _sold(story, listing, buyer, royalty)
        narrator.note(f"price {story.resale_price_wei} wei, {royalty} of it to the artist")
    return Resale(token_id, seller, buyer, royalty)


async def _listed(story: Story, release: Release, seller: Fan, token_id: int) -> Listing:
    listings = seller.person.client.listings
    wished = await listings.create(release.master.id, token_id, story.resale_price_wei)
    for transaction in wished.transactions:
        await seller.person.wallet.send(transaction)

    async def active() -> Listing:
        found = await listings.find(wished.id)
        if found.status != "ACTIVE":
            raise NotReady(f"it is {found.status}")
        return found

    return await wait_for(active, within_s=LISTED_WITHIN_S, saying=f"listing {wished.id} is ACTIVE", every_s=0.5)


async def _sold(story: Story, listing: Listing, buyer: Fan, royalty: int) -> None:
    person = buyer.person
    reserved = await person.client.purchases.reserve(
        kind="SECONDARY", listingId=listing.id, wallet=person.wallet.address, paymentMethod="WALLET"
    )
    expect("the price", reserved.total_wei, story.resale_price_wei)
    expect("the artist's royalty", reserved.royalty_wei, royalty)
    await sale.paid_by_wallet(person, reserved)
    bought = await sale.completed(person, reserved.purchase_id)
    parts = bought.royalty_wei + bought.fee_wei + bought.seller_wei
    expect("royalty + fee + seller's part", parts, story.resale_price_wei)
