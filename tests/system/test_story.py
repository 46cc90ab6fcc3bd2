"""From a recording to a dividend: the whole story through the public API, also while something is killed.

Between: drills.journey and drills.seed (play and plant), the edge and everything behind it.
Shape: few fans, so that four tellings fit into a test run; `./audifi journey` plays forty.
"""

from typing import Any

import pytest

from audifi.drills.journey.losses import LOSSES, Loss
from audifi.drills.journey.narration import Narrator
from audifi.drills.journey.play import Totals, played
from audifi.drills.journey.story import Story, royalty_bps
from audifi.drills.seed import demo
from audifi.drills.seed.plant import planted
from audifi.local.held import Held

FANS = 10
SEED = 3
PARTICIPANTS = 200_000 * 10**18


def expected(story: Story) -> Totals:
    """What the story must come to, from its own numbers."""
    return Totals(
        shares=story.total_shares,
        sold=story.public_supply,
        buyers=FANS,
        gross_wei=story.gross_wei,
        fees_wei=story.fees_wei,
        royalty_wei=story.resale_price_wei * royalty_bps(1) // 10_000,
        dividends_wei=story.holders_wei,
        holders=FANS + 1,
        coin_parts=PARTICIPANTS,
    )


@pytest.mark.asyncio
@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("loss", [None, *LOSSES])
async def test_the_story_comes_to_the_same_whatever_is_killed(platform: Held, loss: Loss | None) -> None:
    story, told = Story.drawn(FANS, SEED), list[dict[str, Any]]()
    result = await played(platform.instance, story, Narrator(told.append), loss=loss)
    assert result.totals == expected(story)
    killed = [event["killed"] for event in told if "killed" in event]
    assert len(killed) == (loss is not None)


@pytest.mark.asyncio
@pytest.mark.usefixtures("people")
async def test_the_demo_is_planted_once(platform: Held) -> None:
    said: list[list[str]] = []
    for _ in range(2):
        told: list[dict[str, Any]] = []
        await planted(platform.instance, Narrator(told.append))
        said.append([event["text"] for event in told if event["event"] == "note"])
    first, second = said
    parts = len((demo.ADMIN, demo.ARTIST, demo.PRODUCER, demo.PLAN, demo.SESSION)) + len(demo.RECORDINGS)
    assert not any(text.startswith("is there") for text in first)
    assert sum(text.startswith("is there") for text in second) == parts
