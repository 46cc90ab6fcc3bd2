"""Break something while a crowd watches.

Between: play (calls `broken` once, a third into the voting) and the processes of this machine.
Shape: one fault, one function; it returns when the fault is over: at once after a kill, later after a drain.
Invariant: only processes of the instance the swarm plays on; a frozen process is always let go again.
Units: *_s seconds.
Errors: Mismatch when there is nobody to break; LocalError from the supervisor.
Source: issue 5 "Faults under 5,000 viewers".
"""

import asyncio
import os
import signal
import time
from contextlib import suppress
from random import Random
from typing import Final, Literal, get_args

from audifi.drills.journey import losses
from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.stage import Stage
from audifi.drills.swarm.crowd import Order
from audifi.drills.swarm.crowds import Crowds
from audifi.local import launch, resolution
from audifi.local.components import redis_server
from audifi.local.waiting import NotReady, wait_for
from audifi.wire.live import feed

Fault = Literal["kill-pod", "drain-pod", "kill-redis", "freeze-pod", "stalled", "rolling"]
FAULTS: Final = get_args(Fault)
GATEWAY: Final = "ws-gateway"
FROZEN_S: Final = 5.0  # longer than any timer between pods, shorter than a client's patience
TAKES_OVER_WITHIN_S: Final = 30.0
STALLED_PERCENT: Final = 5.0  # issue 5: 5 % stalled viewers


async def broken(stage: Stage, crowd: Crowds, session_id: str, fault: Fault, dice: Random) -> str:
    """Do it; return what was done."""
    pod = dice.choice(stage.topology.component(GATEWAY).pods)
    match fault:
        case "kill-pod":
            os.kill(await _pid(stage, pod), signal.SIGKILL)
            return f"kill -9 {pod}"
        case "freeze-pod":
            return await _frozen(stage, pod)
        case "kill-redis":
            return await _redis_killed(stage, session_id)
        case "drain-pod":
            return await _restarted(stage, pod)
        case "rolling":
            return await _restarted(stage, GATEWAY)
        case "stalled":
            await crowd.order(Order(do="stall", percent=STALLED_PERCENT))
            return f"{STALLED_PERCENT:g} % of the viewers read nothing any more"


async def _pid(stage: Stage, pod: str) -> int:
    number = (await losses.units(stage))[pod]["pid"]
    if not number:
        raise Mismatch(f"{pod} does not run")
    return int(number)


async def _redis_killed(stage: Stage, session_id: str) -> str:
    """Lose the primary that carries this session.

    Stopped before it is killed: not the supervisor's quick restart saves us then, but the cluster's own failover.
    """
    pod = await _primary_of(stage, session_id)
    number, began_s = await _pid(stage, pod), time.monotonic()

    async def another() -> str:
        found = await _primary_of(stage, session_id, but=pod)
        return f"{found} took over after {time.monotonic() - began_s:.1f} s"

    os.kill(number, signal.SIGSTOP)
    try:
        taken = await wait_for(another, within_s=TAKES_OVER_WITHIN_S, saying=f"another node takes over from {pod}")
    finally:
        os.kill(number, signal.SIGKILL)
    return f"{pod}, the primary of this session's channel, stopped and killed; {taken}"


async def _primary_of(stage: Stage, session_id: str, *, but: str = "") -> str:
    """The node that answers for this session's keys: the others say that it moved."""
    password = resolution.secret(stage.instance, stage.topology, "redis-cluster-password")
    for pod in stage.topology.component("redis-cluster").pods:
        if pod != but:
            with suppress(NotReady):
                await redis_server.ask(stage.port(pod, "redis"), password, "EXISTS", feed.log(session_id))
                return pod
    raise NotReady("no node of the cluster answers for this session")


async def _frozen(stage: Stage, pod: str) -> str:
    number = await _pid(stage, pod)
    os.kill(number, signal.SIGSTOP)
    try:
        await asyncio.sleep(FROZEN_S)
    finally:
        with suppress(ProcessLookupError):  # the supervisor was faster: it takes a pod that does not answer for dead
            os.kill(number, signal.SIGCONT)
    return f"{pod} frozen for {FROZEN_S:g} s"


async def _restarted(stage: Stage, name: str) -> str:
    done = [event["name"] async for event in launch.restart(stage.instance, name)]
    return f"restarted {', '.join(dict.fromkeys(done))}, one after the other"
