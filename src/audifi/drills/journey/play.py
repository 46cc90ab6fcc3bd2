"""Play the acts in order.

Between: cli.journey and tests (call `played`) and the acts.
Shape: a Played says what came of it: the same story gives the same totals, whatever was killed on the way.
Units: wei; base units; *_s seconds.
Errors: JourneyFailed.
Source: issue 4 "audifi journey".
"""

from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from audifi.drills.journey import agreement, coins, earnings, losses, release, resale, sale
from audifi.drills.journey.losses import Loss
from audifi.drills.journey.narration import Narrator
from audifi.drills.journey.operating import administrator
from audifi.drills.journey.stage import Telling, stage
from audifi.drills.journey.story import Story
from audifi.local.state import Instance


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What the story comes to; equal for equal stories."""

    shares: int
    sold: int
    buyers: int
    gross_wei: int
    fees_wei: int
    royalty_wei: int
    dividends_wei: int
    holders: int
    coin_parts: int


@dataclass(frozen=True, kw_only=True)
class Played:
    """One journey, told to its end."""

    run: str
    took_s: float
    totals: Totals

    def as_json(self) -> dict[str, Any]:
        return {"run": self.run, "tookS": round(self.took_s, 1), "totals": asdict(self.totals)}


async def played(instance: Instance, story: Story, narrator: Narrator, *, loss: Loss | None = None) -> Played:
    """Play the whole story on a running platform."""
    async with stage(instance) as opened:
        return await _played(Telling(opened, story, narrator), loss)


async def _played(telling: Telling, loss: Loss | None) -> Played:
    opened, story, narrator = telling.stage, telling.story, telling.narrator

    async def halfway() -> None:
        if loss is not None:
            await losses.lose(telling, loss, Random(opened.run))  # noqa: S311  # dice, not a secret

    issue = await release.released(telling)
    fans = await sale.audience(telling)
    await sale.sold_out(telling, issue, fans, halfway=halfway)
    if loss is not None:
        async with narrator.step("what was killed came back by itself"):
            await losses.whole_again(opened)
    resold = await resale.resold(telling, issue, fans)
    held = earnings.weights(story, issue, fans, resold)
    async with narrator.step("an administrator signs up and is given the role"):
        admin = await administrator(opened, f"admin-{opened.run}@example.org")
    await earnings.earned(telling, issue, admin, held)
    paid = await earnings.claimed(telling, issue, fans, held)
    minted = await coins.given(telling, issue, fans)
    await agreement.agree(telling, issue, fans, resold, paid)
    return Played(
        run=opened.run,
        took_s=narrator.elapsed_s,
        totals=Totals(
            shares=story.total_shares,
            sold=sum(len(fan.bought.token_ids) for fan in fans),
            buyers=len(fans),
            gross_wei=sum(int(fan.bought.total_wei) for fan in fans),
            fees_wei=sum(int(fan.bought.fee_wei) for fan in fans),
            royalty_wei=resold.royalty_wei,
            dividends_wei=sum(paid.parts.values()),
            holders=len(paid.weights),
            coin_parts=sum(minted.given.values()),
        ),
    )
