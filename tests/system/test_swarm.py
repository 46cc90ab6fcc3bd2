"""Many watch, some vote, a pod of the gateway is killed: nobody misses anything, and every vote counts.

Between: drills.swarm, the edge and everything behind it. Small, so that it fits into the gate; `./audifi swarm` plays
thousands and all faults.
"""

from typing import Any

import pytest
from tests.system.conftest import Figure

from audifi.drills.journey.narration import Narrator
from audifi.drills.swarm.play import Wanted, swarmed
from audifi.local.held import Held

VIEWERS = 200


@pytest.mark.asyncio
@pytest.mark.usefixtures("people")
async def test_nobody_misses_anything_when_a_pod_is_killed(platform: Held, figure: Figure) -> None:
    told: list[dict[str, Any]] = []
    wanted = Wanted(viewers=VIEWERS, seconds=6, fault="kill-pod")
    outcome, history = await swarmed(platform.instance, wanted, Narrator(told.append))
    assert outcome.is_right, outcome.verdict
    assert outcome.votes == len(history.votes) - outcome.refused > 0
    [loss] = outcome.losses
    assert loss.recovery.lost > 0
    assert loss.recovery.back_s is not None, f"not back: {outcome.trouble}"
    figure("gateway pod killed: connections lost", loss.recovery.lost, "connections")
    figure("gateway pod killed: 99 % back after", loss.recovery.back_s, "s")
    figure("gateway pod killed: p99 from a tally to the others", loss.others_spread.p99_ms, "ms")
