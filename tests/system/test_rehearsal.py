"""The V Studio rehearsal of the operators' handbook, end to end.

Between: drills.rehearsal (plays it), the edge and everything behind it.
"""

from typing import Any

import pytest

from audifi.drills.journey.narration import Narrator
from audifi.drills.rehearsal import plan
from audifi.drills.rehearsal.play import rehearsed
from audifi.local.held import Held


@pytest.mark.asyncio
@pytest.mark.usefixtures("people")
async def test_a_session_is_rehearsed_to_its_end(platform: Held) -> None:
    told: list[dict[str, Any]] = []
    result = await rehearsed(platform.instance, Narrator(told.append))
    assert [sum(result.votes[question].values()) for question in (plan.HOOK, plan.ARTWORK)] == [1, 2]
    assert result.votes[plan.BRIDGE] in ({}, {"b": 1})
