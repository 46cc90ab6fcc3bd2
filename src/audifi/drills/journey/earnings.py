"""Act four: the master earns, an admin verifies it, it is divided among the holders, and each of them claims.

Between: play (asks), people, sdk, ledger.
Units: wei; *_s seconds.
Errors: Problem, TimedOut, Mismatch.
Source: domain.md 2.2 (revenue split, dividend rule, claims), 2.8 (dividend).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from audifi.drills.journey.crowd import together
from audifi.drills.journey.narration import Mismatch, expect
from audifi.drills.journey.people import Person
from audifi.drills.journey.release import Release
from audifi.drills.journey.resale import Resale
from audifi.drills.journey.sale import Fan
from audifi.drills.journey.stage import Telling
from audifi.drills.journey.story import Story, shared
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Dividend, Revenue

OPEN_WITHIN_S: Final = 90.0  # a deposit seen as final, a root seen at depth
PAID_WITHIN_S: Final = 90.0


@dataclass(frozen=True)
class Earnings:
    """What everybody was paid."""

    weights: Mapping[str, int]  # shares by wallet
    parts: Mapping[str, int]  # wei by wallet


def weights(story: Story, release: Release, fans: Sequence[Fan], resale: Resale) -> dict[str, int]:
    """How many shares each wallet has now, as the story tells it."""
    held = Counter({fan.person.wallet.key: fan.order.quantity for fan in fans})
    held[resale.seller.person.wallet.key] -= 1
    held[resale.buyer.person.wallet.key] += 1
    held[release.artist.wallet.key] += story.reserve
    return {wallet: count for wallet, count in held.items() if count}


async def earned(telling: Telling, release: Release, admin: Person, held: Mapping[str, int]) -> Revenue:
    """Record revenue, verify it, and open the claims."""
    story, narrator = telling.story, telling.narrator
    async with narrator.step("a month of streaming is recorded"):
        revenue = await release.artist.client.revenue.record(
            release.master.id,
            source="STREAMING",
            amountWei=str(story.revenue_wei),
            externalReference=f"statement-{telling.stage.run}",
        )
        expect("the revenue's state", revenue.status, "PENDING")
    async with narrator.step("an admin verifies it and has it distributed"):
        await admin.client.revenue.verify(revenue.id)
        await admin.client.revenue.distribute(revenue.id)
        revenue = await wait_for(
            lambda: _distributed(admin, release, revenue.id), within_s=OPEN_WITHIN_S, saying="claims are open",
            every_s=0.5,
        )  # fmt: skip
        received = await release.ledger.read(release.dividends, "totalRevenueReceived()")
        expect("wei deposited on the chain", received, story.holders_wei)
        narrator.note(f"{story.holders_wei} wei for {sum(held.values())} shares of {len(held)} wallets")
    return revenue


async def claimed(telling: Telling, release: Release, fans: Sequence[Fan], held: Mapping[str, int]) -> Earnings:
    """Let every holder claim, and wait until the chain has paid each of them."""
    story, narrator = telling.story, telling.narrator
    parts = shared(story.holders_wei, dict(held))
    holders = [fan.person for fan in fans if fan.person.wallet.key in parts] + [release.artist]

    async def take(person: Person) -> None:
        await _paid(release, person, parts[person.wallet.key])

    async with narrator.step(f"{len(holders)} holders claim"):
        await together(take, holders)
    paid = await release.ledger.read(release.dividends, "totalDividendsPaid()")
    async with narrator.step("what was paid is what was deposited, to the wei"):
        expect("the sum of all parts", sum(parts.values()), story.holders_wei)
        expect("wei paid by the contract", paid, story.holders_wei)
    return Earnings(held, parts)


async def _distributed(admin: Person, release: Release, revenue_id: str) -> Revenue:
    found = await admin.client.revenue.list(release.master.id)
    revenue = next((each for each in found.data if each.id == revenue_id), None)
    if revenue is None:
        raise Mismatch(f"revenue {revenue_id} is not in the master's list")
    if revenue.status in {"FAILED", "DISPUTED"}:
        raise Mismatch(f"revenue {revenue_id} ended as {revenue.status}")
    if revenue.status != "DISTRIBUTED":
        raise NotReady(f"it is {revenue.status}")
    return revenue


async def _paid(release: Release, person: Person, part: int) -> None:
    dividends = person.client.dividends
    found = await _of(release, person)
    expect(f"the dividend of {person.email}", found.amount_wei, part)
    if found.status == "AVAILABLE":
        await dividends.claim(person.wallet.address, [found.id])

    async def settled() -> None:
        now = await _of(release, person)
        if now.status != "CLAIMED":
            raise NotReady(f"it is {now.status}")

    saying = f"the dividend of {person.email} is CLAIMED"
    await wait_for(settled, within_s=PAID_WITHIN_S, saying=saying, every_s=0.5)


async def _of(release: Release, person: Person) -> Dividend:
    found = await person.client.dividends.list()
    dividend = next((each for each in found.data if each.master_id == release.master.id), None)
    if dividend is None:
        raise Mismatch(f"{person.email} holds shares and has no dividend")
    return dividend
