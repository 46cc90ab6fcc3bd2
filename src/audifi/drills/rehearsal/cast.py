"""Bring the people of the rehearsal, with what they hold.

Between: play (asks) and the journey's people, release and sale.
Shape: the artist has sold an earlier master and is on PRO by a real checkout; the producer's role is given by the
administrator; the first viewer bought one share of the earlier master by wallet; the second holds nothing.
Invariant: everything is earned the way users earn it; only the administrator's role comes from the operator.
Units: *_s seconds.
Errors: Problem, TimedOut, Mismatch.
Source: domain.md 7 "Accounts".
"""

from dataclasses import dataclass, replace
from typing import Final

from audifi.drills.journey import cards, people, sale
from audifi.drills.journey.narration import expect
from audifi.drills.journey.operating import administrator
from audifi.drills.journey.people import Person
from audifi.drills.journey.release import Release, released
from audifi.drills.journey.stage import Telling
from audifi.drills.journey.story import CHAIN
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Master

PLAN: Final = "PRO"
SUBSCRIBED_WITHIN_S: Final = 60.0
HOLDS_WITHIN_S: Final = 30.0


@dataclass(frozen=True)
class Cast:
    """Who plays."""

    artist: Person
    producer: Person
    holder: Person  # viewer 1: holds a share of the earlier master
    stranger: Person  # viewer 2: holds nothing
    administrator: Person
    earlier: Master
    master: Master  # what the session finishes


async def gathered(telling: Telling) -> Cast:
    """Let everybody come."""
    stage, narrator = telling.stage, telling.narrator
    issue = await released(telling)
    artist = issue.artist
    async with narrator.step(f"she subscribes to {PLAN}: FREE allows one decision"):
        await _subscribed(telling, artist)
    async with narrator.step("an administrator, and a producer whose role the administrator gives"):
        admin = await administrator(stage, _address("admin", stage.run))
        producer = await people.signed_in(stage, _address("producer", stage.run))
        await producer.client.user.update(displayName=f"Sam {stage.run}")
        at_desk = await people_at_desk(telling, admin)
        await at_desk.client.admin.roles(producer.id, role="PRODUCER", action="GRANT")
        profile = await people.renewed(producer)
        expect("the producer's badge", "PRODUCER" in profile.roles, expected=True)
    async with narrator.step("viewer 1 buys a share of the earlier master; viewer 2 holds nothing"):
        holder = await _holder(telling, issue)
        stranger = await people.signed_in(stage, _address("viewer2", stage.run))
    async with narrator.step("she registers the recording the session will finish"):
        title = f"Electric Dreams {stage.run}"
        master = await artist.client.masters.create(title=title, type="TRACK", genre="Synthwave", durationSeconds=200)
        expect("its state", master.status, "DRAFT")
    return Cast(artist, producer, holder, stranger, admin, issue.master, master)


async def people_at_desk(telling: Telling, admin: Person) -> Person:
    """The administrator, from the machine's own address: the edge lets /admin in from there only."""
    client = await telling.stage.client("127.0.0.1")
    client.transport.access_token = admin.client.transport.access_token
    return replace(admin, client=client)


async def _subscribed(telling: Telling, artist: Person) -> None:
    checkout = await artist.client.payments.checkout_plan(PLAN)
    await cards.pay(telling.stage.http, checkout.url)

    async def entitled() -> None:
        found = await artist.client.subscriptions.current()
        if found.plan != PLAN:
            raise NotReady(f"the plan is {found.plan}, {found.status}")

    await wait_for(entitled, within_s=SUBSCRIBED_WITHIN_S, saying=f"the plan is {PLAN}", every_s=0.5)


async def _holder(telling: Telling, issue: Release) -> Person:
    person = await people.signed_in(telling.stage, _address("viewer1", telling.stage.run))
    await people.link_wallet(person, await telling.stage.wallet(CHAIN))
    await people.agree(person, "PURCHASE")
    reserved = await person.client.purchases.reserve(
        kind="PRIMARY", masterId=issue.master.id, quantity=1, wallet=person.wallet.address, paymentMethod="WALLET"
    )
    await sale.paid_by_wallet(person, reserved)
    await sale.completed(person, reserved.purchase_id)
    return person


def _address(who: str, run: str) -> str:
    return f"{who}-{run}@test.audifi.io"
