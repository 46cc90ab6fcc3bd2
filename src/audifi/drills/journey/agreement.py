"""Last act: every book says the same: the API, analytics, the chain, and the platform's own reconciliation.

Between: play (asks), ledger (the chain), sdk (the API), operating (`audifi reconcile`).
Shape: first who owns what, then how much money went where.
Invariant: whole numbers are compared, never rounded: to the wei.
Units: wei; *_s seconds.
Errors: Mismatch with both numbers; TimedOut when analytics do not get there.
Source: domain.md 2.2 invariants, 2.6; issue 4 "audifi journey".
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from audifi.drills.journey import operating
from audifi.drills.journey.crowd import together
from audifi.drills.journey.earnings import Earnings
from audifi.drills.journey.narration import expect
from audifi.drills.journey.release import Release
from audifi.drills.journey.resale import Resale
from audifi.drills.journey.sale import Fan
from audifi.drills.journey.stage import Telling
from audifi.drills.journey.story import Story, royalty_bps
from audifi.local.waiting import NotReady, wait_for

SHOWN_WITHIN_S: Final = 15.0  # a replica that is further behind is not read from
TOLD_WITHIN_S: Final = 60.0  # events reach analytics in seconds; after a loss they are read again


async def agree(telling: Telling, release: Release, fans: Sequence[Fan], resale: Resale, earnings: Earnings) -> None:
    """Compare all of them."""
    story, narrator = telling.story, telling.narrator
    async with narrator.step("every share exists once, and has the owner everybody says"):
        await _ownership(story, release, fans, resale, earnings)
    async with narrator.step("money: the sale, the royalty, the dividends"):
        await _money(story, release, resale)
    async with narrator.step("analytics agree with the ledger, to the wei"):
        await _told(story, release, resale, len(earnings.weights))
    async with narrator.step("the platform's own reconciliation finds no difference"):
        report = await operating.reconciled(telling.stage)
        expect("what differs between the books and the chains", report["differences"], [])
        compared = sum(line["sharesCompared"] for line in report["chains"])
        narrator.note(f"{compared} owners compared, of all masters on the platform")
        for text in report["notCompared"]:
            narrator.note(f"not compared: {text}")


async def _ownership(story: Story, release: Release, fans: Sequence[Fan], resale: Resale, earnings: Earnings) -> None:
    sold = [token for fan in fans for token in fan.bought.token_ids]
    expect("shares sold, each once and without a gap", sorted(sold), list(range(1, story.public_supply + 1)))
    for fan in fans:
        expect(f"shares of {fan.person.email}", len(fan.bought.token_ids), fan.order.quantity)
    expect("shares on the chain", await release.ledger.read(release.contract, "totalSupply()"), story.total_shares)
    everything = range(1, story.total_shares + 1)
    owners = await release.ledger.owners(release.contract, everything)
    expect("shares by wallet on the chain", Counter(owners.values()), Counter(dict(earnings.weights)))
    bought = {token: fan.person.wallet.key for fan in fans for token in fan.bought.token_ids}
    bought[resale.token_id] = resale.buyer.person.wallet.key
    wanted = bought | {token: release.artist.wallet.key for token in everything if token > story.public_supply}
    expect("the owner of every share", owners, wanted)
    await together(lambda fan: _holdings(release, fan, wanted), fans)
    await _shares(story, release)


async def _holdings(release: Release, fan: Fan, owners: dict[int, str]) -> None:
    mine = sorted(token for token, owner in owners.items() if owner == fan.person.wallet.key)

    async def the_same() -> None:
        found = await fan.person.client.portfolio.holdings(master_id=release.master.id)
        held = sorted(each.token_id for each in found.data)
        if held != mine:  # a replica may be a moment old
            raise NotReady(f"the API says {held}, the chain {mine}")

    saying = f"the holdings of {fan.person.email} are those of the chain"
    await wait_for(the_same, within_s=SHOWN_WITHIN_S, saying=saying, every_s=0.5)


async def _shares(story: Story, release: Release) -> None:
    found: dict[int, int] = {}
    page = 1
    while True:
        answer = await release.artist.client.masters.shares(release.master.id, page=page)
        found |= {share.token_id: share.royalty_bps for share in answer.data}
        if not answer.pagination.has_next:
            break
        page += 1
    wanted = {token: royalty_bps(token) for token in range(1, story.total_shares + 1)}
    expect("the royalty of every share", found, wanted)


async def _money(story: Story, release: Release, resale: Resale) -> None:
    ledger = release.ledger
    _, royalty = await _royalty(release, resale.token_id, story.resale_price_wei)
    expect("the royalty the contract names", royalty, resale.royalty_wei)
    set_aside = await ledger.read(release.dividends, "totalAllocated()")
    expect("dividends set aside on the chain", set_aside, story.holders_wei)
    balance = await ledger.node.balance(release.dividends)
    expect("wei left in the dividend contract", balance, 0)


async def _royalty(release: Release, token_id: int, price: int) -> tuple[str, int]:
    answer = await release.ledger.read(
        release.contract, "royaltyInfo(uint256,uint256)", token_id, price, returns="(address,uint256)"
    )
    return answer[0], int(answer[1])


async def _told(story: Story, release: Release, resale: Resale, holders: int) -> None:
    analytics = release.artist.client.analytics
    wanted = {
        "shares sold": story.public_supply,
        "purchases": len(story.orders),
        "holders": holders,
        "primary sales": story.gross_wei,
        "the platform's part of them": story.fees_wei,
        "secondary sales": story.resale_price_wei,
        "royalties": resale.royalty_wei,
        "revenue": story.revenue_wei,
        "dividends": story.holders_wei,
        "dividends claimed": story.holders_wei,
    }

    async def the_same() -> None:
        found = await analytics.master(release.master.id)
        told = {
            "shares sold": found.shares_sold,
            "purchases": found.purchases,
            "holders": found.holders,
            "primary sales": found.primary_wei,
            "the platform's part of them": found.primary_fee_wei,
            "secondary sales": found.secondary_wei,
            "royalties": found.royalties_wei,
            "revenue": found.revenue_wei,
            "dividends": found.dividends_wei,
            "dividends claimed": found.dividends_claimed_wei,
        }
        if told != wanted:
            wrong = {name: (told[name], wanted[name]) for name in wanted if told[name] != wanted[name]}
            raise NotReady(f"found and expected differ: {wrong}")

    await wait_for(the_same, within_s=TOLD_WITHIN_S, saying="analytics say what the ledger says", every_s=1)
