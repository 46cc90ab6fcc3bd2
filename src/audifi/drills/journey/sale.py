"""Act two: fans buy, half by wallet and half by card, until the last share is sold.

Between: play (asks), people, cards, sdk; losses (is told when half of them are through).
Shape: every fan is somebody of its own; a few buy at the same time, as many as two cores serve.
Invariant: every write carries a key of its own, kept for all its tries; what a fan paid is found again after any loss.
Units: *_s seconds.
Errors: Problem, TimedOut, Mismatch.
Source: domain.md 2.2 (purchase lifecycle), 2.8 (wallet and card purchase).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from audifi.drills.journey import cards, people
from audifi.drills.journey.crowd import together
from audifi.drills.journey.narration import Mismatch, expect
from audifi.drills.journey.people import Person
from audifi.drills.journey.release import Release
from audifi.drills.journey.stage import Telling
from audifi.drills.journey.story import BPS, CHAIN, PLATFORM_FEE_BPS, Order, Story
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Purchase, new_key
from audifi.wire.problems import Refusal

COMPLETED_WITHIN_S: Final = 90.0  # a lost primary and a restarted worker included
SOLD_OUT_WITHIN_S: Final = 30.0


@dataclass
class Fan:
    """Somebody who buys shares."""

    person: Person
    order: Order
    purchase: Purchase | None = None

    @property
    def bought(self) -> Purchase:
        assert self.purchase is not None, f"{self.person.email} has bought nothing"
        return self.purchase


Meanwhile = Callable[[], Awaitable[None]]


async def audience(telling: Telling) -> list[Fan]:
    """Let everybody sign up, link a wallet and agree to what a purchase needs."""
    stage, orders = telling.stage, telling.story.orders

    async def arrive(order: Order) -> Fan:
        person = await people.signed_in(stage, f"fan-{order.fan}-{stage.run}@example.org")
        await people.link_wallet(person, await stage.wallet(CHAIN))
        await people.agree(person, "PURCHASE")
        return Fan(person, order)

    async with telling.narrator.step(f"{len(orders)} fans sign up, each with a wallet"):
        return await together(arrive, orders)


async def sold_out(telling: Telling, release: Release, fans: Sequence[Fan], *, halfway: Meanwhile) -> None:
    """Let everybody buy; `halfway` happens when half of them are through."""
    story, narrator, done = telling.story, telling.narrator, 0

    async def buy(fan: Fan) -> None:
        nonlocal done
        await _bought(telling, release, fan)
        done += 1
        if done == len(fans) // 2:
            await halfway()

    by_card = sum(fan.order.by_card for fan in fans)
    title = f"they buy {story.public_supply} shares, {len(fans) - by_card} by wallet and {by_card} by card"
    async with narrator.step(title):
        await together(buy, fans)
    async with narrator.step("the sale is over, and nobody else can buy"):
        await _over(story, release, fans[-1])


async def _bought(telling: Telling, release: Release, fan: Fan) -> None:
    order, person = fan.order, fan.person
    purchases = person.client.purchases
    reserved = await purchases.reserve(
        kind="PRIMARY",
        masterId=release.master.id,
        quantity=order.quantity,
        wallet=person.wallet.address,
        paymentMethod="STRIPE" if order.by_card else "WALLET",
    )
    total = order.quantity * telling.story.price_wei
    expect(f"the price of {order.quantity} shares", reserved.total_wei, total)
    expect("the platform's part of it", reserved.fee_wei, total * PLATFORM_FEE_BPS // BPS)
    if order.by_card:
        checkout = await person.client.payments.checkout_purchase(reserved.purchase_id)
        await cards.pay(telling.stage.http, checkout.url)
    else:
        await paid_by_wallet(person, reserved)
    fan.purchase = await completed(person, reserved.purchase_id)


async def paid_by_wallet(person: Person, reserved: Purchase) -> None:
    """Send what the platform asked for, and say with which transaction."""
    if reserved.payment is None:
        raise Mismatch(f"purchase {reserved.purchase_id} does not say what the wallet has to send")
    tx_hash = await person.wallet.send(reserved.payment)
    await person.client.purchases.confirm(reserved.purchase_id, tx_hash, idempotency_key=new_key())


async def completed(person: Person, purchase_id: str) -> Purchase:
    """Wait until the shares are the buyer's."""

    async def look() -> Purchase:
        found = await person.client.purchases.find(purchase_id)
        if found.status in {"EXPIRED", "FAILED", "REFUND_DUE", "REFUNDED"}:
            raise Mismatch(f"purchase {purchase_id} of {person.email} ended as {found.status}")
        if found.status != "COMPLETED":
            raise NotReady(f"it is {found.status}")
        return found

    saying = f"purchase {purchase_id} of {person.email} is COMPLETED"
    return await wait_for(look, within_s=COMPLETED_WITHIN_S, saying=saying, every_s=0.5)


async def _over(story: Story, release: Release, late: Fan) -> None:
    client = release.artist.client

    async def ended() -> None:
        ipo, master = await client.ipos.find(release.master.id), await client.masters.find(release.master.id)
        if (ipo.status, master.status) != ("SOLD_OUT", "SOLD"):
            raise NotReady(f"the offer is {ipo.status}, the master {master.status}; {ipo.shares_sold} sold")
        expect("shares sold and reserved", (ipo.shares_sold, ipo.shares_reserved), (story.public_supply, 0))

    await wait_for(ended, within_s=SOLD_OUT_WITHIN_S, saying="the offer is SOLD_OUT", every_s=0.5)
    wallet = late.person.wallet.address
    try:
        await late.person.client.purchases.reserve(
            kind="PRIMARY", masterId=release.master.id, quantity=1, wallet=wallet, paymentMethod="WALLET"
        )
    except Refusal as refusal:
        expect("why one share more is refused", refusal.code in {"SOLD_OUT", "INVALID_STATE"}, expected=True)
    else:
        raise Mismatch("one share more than there are was reserved")
