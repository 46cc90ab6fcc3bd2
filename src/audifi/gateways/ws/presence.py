"""Tell how many watch a session here, and that this pod takes connections.

Between: rooms (who is there, what they reacted) and vstudio-service (adds up all pods, through `pulse`); Redis (the
list of live pods, from which tickets name one).

Shape: a pulse is told once a second while something changed, and every STILL_S otherwise, because what a pod said is
forgotten when it dies. Names of who came and went are told only while few enough watch.
Invariant: a pulse that fails is told again with the next; only its reactions are lost.
Units: *_S seconds, expires_at_ms since the epoch. Errors: Problems are logged; nothing is raised.
Source: domain.md 3 (presence at most 1/s; joined/left suppressed above 200); realtime.md 3.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from audifi.gateways.ws.viewer import Viewer
from audifi.kernel.cache import Cache
from audifi.kernel.logs import log
from audifi.wire.live import feed, protocol
from audifi.wire.live.calls import Pulse, Pulsed
from audifi.wire.problems import Problem

STILL_S: Final = 3.0
ALIVE_S: Final = 3.0  # a pod that said nothing for so long is named in no ticket
LISTED_S: Final = 3600

Tell = Callable[[str, Pulse], Awaitable[Pulsed]]


class Present:
    """Who watches one session here, and what is to be told of it."""

    def __init__(self, pod: str) -> None:
        self._pod = pod
        self._viewers = 0
        self._connections: Counter[str] = Counter()  # by user
        self._names: dict[str, str] = {}
        self._left: set[str] = set()
        self._reactions: Counter[str] = Counter()
        self._everywhere = 0
        self._told_viewers = -1
        self._told_s = float("-inf")

    @property
    def is_over(self) -> bool:
        """Nobody is here, and that was told."""
        return self._viewers == 0 == self._told_viewers

    def came(self, viewer: Viewer) -> None:
        self._viewers += 1
        user_id = viewer.user_id
        if user_id is None:
            return
        self._connections[user_id] += 1
        if self._connections[user_id] == 1 and user_id not in self._left:
            self._names[user_id] = viewer.admission.display_name
        self._left.discard(user_id)

    def went(self, viewer: Viewer) -> None:
        self._viewers -= 1
        user_id = viewer.user_id
        if user_id is None:
            return
        self._connections[user_id] -= 1
        if self._connections[user_id] == 0:
            del self._connections[user_id]
            if self._names.pop(user_id, None) is None:  # else nobody was told that it came
                self._left.add(user_id)

    def reacted(self, emoji: str) -> None:
        self._reactions[emoji] += 1

    async def beat(self, session_id: str, tell: Tell, now_s: float) -> None:
        """Tell, if there is something to tell."""
        has_changed = self._viewers != self._told_viewers or self._reactions or self._names or self._left
        if not has_changed and now_s - self._told_s < STILL_S:
            return
        pulse = self._taken()
        try:
            answer = await tell(session_id, pulse)
        except Problem as problem:
            log.warning("a pulse was not told", session_id=session_id, error=problem.message)
            # That nobody is here is not told again: what was said last expires by itself.
            self._told_viewers = -1 if pulse.viewers else 0
            return
        self._everywhere = answer.viewers
        self._told_viewers, self._told_s = pulse.viewers, now_s

    def _taken(self) -> Pulse:
        is_named = max(self._everywhere, self._viewers) <= protocol.NAMED_MAX
        pulse = Pulse(
            pod=self._pod,
            viewers=self._viewers,
            reactions=dict(self._reactions),
            joined=list(self._names.items()) if is_named else [],
            left=list(self._left) if is_named else [],
        )
        self._reactions, self._names, self._left = Counter(), {}, set()
        return pulse


class Registration:
    """This pod's line in the list of pods that take connections."""

    def __init__(self, cache: Cache, pod: str) -> None:
        self._cache = cache
        self._pod = pod
        self._is_withdrawn = False

    async def renew(self, connections: int) -> None:
        """Say that the pod is there."""
        if self._is_withdrawn:
            return
        line = f"{connections} {int((time.time() + ALIVE_S) * 1000)}"
        try:
            await asyncio.gather(
                self._cache.command("HSET", feed.pods(), self._pod, line),
                self._cache.command("EXPIRE", feed.pods(), LISTED_S),
            )
        except Problem as problem:
            log.warning("this pod cannot be listed: tickets name others", error=problem.message)

    async def withdraw(self) -> None:
        """Say that it takes no more."""
        self._is_withdrawn = True
        try:
            await self._cache.command("HDEL", feed.pods(), self._pod)
        except Problem as problem:
            log.warning("this pod stays listed for a moment", error=problem.message)
