"""Send everybody elsewhere when the pod stops, spread so that the other pods can take them.

Between: app (calls it at SIGTERM) and connections.
Shape: each connection gets a moment within the window: it is told at once ({"type": "reconnect", "afterMs"}) and closed
with 1012 when its moment has come, if it has not gone by then. A client may go before; it must not wait longer.
How wide the window is: as long as the other pods need at half of what a core takes, at least WINDOW_S_MIN, at most the
grace: max(5 s, viewers / (0.5 × 3700 a second)), realtime.md 3 "Drain".
Units: *_s seconds. Errors: never raises.
Source: domain.md 3 "Draining pod"; realtime.md 2.8, 3.
"""

import asyncio
import random
from collections.abc import Collection
from typing import Final

from audifi.gateways.ws.connection import CLOSE_S, Connection
from audifi.wire.live import protocol

WINDOW_S_MIN: Final = 5.0
GRACE_S: Final = 270.0  # of Kubernetes' 300 s (topology: ws-gateway's availability), less than which nothing is cut off
RETURNS_PER_S: Final = 1850.0  # half of the 3,700 ticketed handshakes a second that a core can take
STEP_S: Final = 0.05
SLICE: Final = 500  # told before others have a turn of the event loop


def window_s(viewers: int) -> float:
    """Return over how long to spread so many."""
    return min(max(WINDOW_S_MIN, viewers / RETURNS_PER_S), GRACE_S) if viewers else 0.0


async def drain(connections: Collection[Connection], *, over_s: float) -> None:
    """Tell everybody, then close them one after the other; return when nobody is left."""
    leaving = list(connections)
    random.shuffle(leaving)
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    moments = [over_s * (index + 1) / len(leaving) for index in range(len(leaving))]
    for index, connection in enumerate(leaving):
        connection.answer("reconnect", None, afterMs=int(moments[index] * 1000))
        if index % SLICE == SLICE - 1:
            await asyncio.sleep(0)
    done = 0
    while done < len(leaving):
        elapsed_s = loop.time() - started_s
        while done < len(leaving) and moments[done] <= elapsed_s:
            leaving[done].close(protocol.DRAINING, "This pod stops; come back.")
            done += 1
        await asyncio.sleep(STEP_S)
    deadline_s = loop.time() + CLOSE_S + 1
    while connections and loop.time() < deadline_s:  # noqa: ASYNC110  # each ends by itself within CLOSE_S
        await asyncio.sleep(STEP_S)
