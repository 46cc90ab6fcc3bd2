"""Break something while a crowd watches.

Between: play (calls `broken` once, a third into the voting) and drills.faults (does it, and undoes it).
Shape: a fault is a deed and for how long it lasts; `broken` returns when it is over.
Invariant: only what belongs to the instance the swarm plays on; what was broken is mended, whatever happens.
Units: *_s seconds.
Errors: Mismatch when there is nobody to break; NeedsRoot for a link that only root can cut.
Source: issue 5 "Faults under 5,000 viewers".
"""

import asyncio
import re
from random import Random
from typing import Final, Literal

from audifi.drills.drill import Deed, Scene, Way
from audifi.drills.faults import links, processes, redis
from audifi.drills.journey.narration import Narrator
from audifi.drills.journey.stage import Stage
from audifi.drills.swarm.crowd import Order
from audifi.drills.swarm.crowds import Crowds
from audifi.wire.live import feed

Broken = Literal["kill-pod", "drain-pod", "kill-redis", "freeze-pod", "cut-link", "rolling"]  # of the platform
Fault = Broken | Literal["stalled"]  # or of the crowd
GATEWAY: Final = "ws-gateway"
AWAY_S: Final = 5.0  # longer than any timer between pods, shorter than a client's patience
FAILOVER_S: Final = 8.0  # a primary stays away until another one has taken over, which took 3.9 s
STALLED_PERCENT: Final = 5.0  # issue 5: 5 % stalled viewers


async def broken(stage: Stage, crowd: Crowds, session_id: str, fault: Fault, dice: Random) -> str:
    """Do it; return what was done."""
    if fault == "stalled":
        await crowd.order(Order(do="stall", percent=STALLED_PERCENT))
        return f"{STALLED_PERCENT:g} % of the viewers read nothing any more"
    deed, lasts_s = await _deed(stage, session_id, fault)
    scene = Scene(stage=stage, way=Way.FAULT, dice=dice, narrator=Narrator(lambda _: None))
    async with deed(scene) as told:
        await asyncio.sleep(lasts_s)
    return told


async def _deed(stage: Stage, session_id: str, fault: Broken) -> tuple[Deed, float]:
    one = processes.one_of(GATEWAY)
    match fault:
        case "kill-pod":
            return processes.killed(one), 0
        case "freeze-pod":
            return processes.frozen(one), AWAY_S
        case "drain-pod":
            return processes.halted(one), 0
        case "rolling":
            return processes.rolled(GATEWAY), 0
        case "cut-link":
            return links.parted(one, redis.CLUSTER), AWAY_S
        case "kill-redis":
            return processes.lost(processes.pod(await redis.owner(stage, _tag(session_id)))), FAILOVER_S


def _tag(session_id: str) -> str:
    """The hash tag of the session's channel: who owns its slot carries the session."""
    found = re.search(r"{(.+?)}", feed.channel(session_id))
    assert found is not None, "a channel has a tag"
    return found[1]
