"""Follow one live session: its events in order and without holes, its newest states.

Between: clients.live.feed (hands in what arrived, says when messages may have been lost) and listeners: the gateway's
fan-out, an event stream.

# Holes
An event whose predecessor is not there waits DISORDER_S, for messages overtake each other. Then the log is read once,
and if it has a hole too, the truth. After a subscription began anew both are read: a Redis primary that died may
have forgotten the newest, and nothing that arrives would show it. So an outage costs a few reads per session and
process, however many viewers there are.

# Beginning
A room begins with what the log holds, so that it can replay at once; nobody is told of that.

Invariant: a listener hears each event once, in order. The numbers of two events are consecutive, unless the truth no
longer has what was between: a listener that sees a jump starts anew from a snapshot.
Units: *_S seconds. Errors: Unavailable is logged and tried again every RETRY_S; nothing is raised at listeners.
Source: realtime.md 3 "Recovery"; domain.md 3.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from audifi.clients.live.ordering import Order
from audifi.clients.live.ring import Event, Ring, State
from audifi.clients.live.sources import Sources
from audifi.kernel.logs import log
from audifi.wire.live import feed
from audifi.wire.problems import Problem

DISORDER_S: Final = 0.05
RETRY_S: Final = 1.0
BEGIN_S: Final = 1.0  # a room begins without Redis when it is not subscribed after this time
_PASSING: Final = frozenset({"reaction_burst", "user_joined", "user_left"})

Heard = Callable[[Sequence[Event], Sequence[State]], None]


def is_passing(state: State) -> bool:
    """It is told once and kept nowhere, and another of its key does not replace it."""
    return state.key.partition(":")[0] in _PASSING


class Room:
    """One session, followed by this process."""

    def __init__(self, session_id: str, sources: Sources) -> None:
        self.session_id = session_id
        self.states: dict[str, State] = {}
        self.listeners: list[Heard] = []
        self.has_begun = asyncio.Event()
        self._sources = sources
        self._order = Order()
        self._ring = Ring()
        self._loop = asyncio.get_running_loop()
        self._healing: asyncio.Task[None] | None = None
        self._is_doubtful = False
        self._lacks_states = True
        self._unsubscribed = self._loop.call_later(BEGIN_S, self.doubt)

    @property
    def seq(self) -> int:
        """The newest event in order."""
        return self._ring.seq

    def events_after(self, seq: int) -> list[Event] | None:
        """Return what followed; None: too old, or not there yet."""
        return self._ring.after(seq)

    def expect(self, seq: int) -> None:
        """Somebody trustworthy has seen this event: look for it if it does not come."""
        self._order.expect(seq)
        self._heal_soon()

    def doubt(self) -> None:
        """Messages may have been lost: read what was missed."""
        self._unsubscribed.cancel()
        self._is_doubtful = self._lacks_states = True
        self._heal_soon()

    def receive(self, message: bytes) -> None:
        """Take one message of the channel."""
        if message.startswith(feed.EVENT):
            self._tell(self._order.offer([Event(*feed.parsed_event(message))]), ())
        else:
            state = State(*feed.parsed_state(message))
            self._order.expect(state.seq)
            self._tell((), self._newer([state]))
        if self._order.is_behind:
            self._heal_soon()

    async def close(self) -> None:
        self._unsubscribed.cancel()
        if self._healing is not None:
            self._healing.cancel()
            await asyncio.gather(self._healing, return_exceptions=True)

    def _newer(self, states: Iterable[State]) -> list[State]:
        newer: list[State] = []
        for state in states:
            if not is_passing(state):
                known = self.states.get(state.key)
                if known is not None and known.version >= state.version:
                    continue
                self.states[state.key] = state
            newer.append(state)
        return newer

    def _tell(self, events: Sequence[Event], states: Sequence[State]) -> None:
        now_s = self._loop.time()
        for event in events:
            self._ring.append(event, now_s)
        if self.has_begun.is_set() and (events or states):
            for listener in tuple(self.listeners):
                listener(events, states)

    def _heal_soon(self) -> None:
        if self._healing is None or self._healing.done():
            self._healing = self._loop.create_task(self._heal())

    @property
    def _is_whole(self) -> bool:
        return not (self._is_doubtful or self._lacks_states or self._order.is_behind)

    async def _heal(self) -> None:
        wait_s = 0.0 if self._is_doubtful else DISORDER_S
        while True:
            await asyncio.sleep(wait_s)
            if self._is_whole:
                return
            try:
                await self._heal_once()
            except Problem as problem:
                log.warning(
                    "what a live session missed cannot be read", session_id=self.session_id, error=problem.message
                )
            wait_s = DISORDER_S if self._is_whole else RETRY_S

    async def _heal_once(self) -> None:
        # Said again meanwhile counts again: so each is taken back before it is read, and restored if that fails.
        was_doubtful, self._is_doubtful = self._is_doubtful, False
        lacked, self._lacks_states = self._lacks_states, False
        try:
            if was_doubtful or self._order.is_behind:
                await self._read_log()
            if was_doubtful or self._order.is_behind:
                await self._read_truth()
            was_doubtful = False
            if lacked:
                self._tell((), self._newer(await self._sources.states(self.session_id)))
        except Problem:
            self._is_doubtful |= was_doubtful
            self._lacks_states |= lacked
            raise

    async def _read_log(self) -> None:
        try:
            kept = await self._sources.log(self.session_id, self._order.seq or 0)
        except Problem as problem:  # the truth may be there without Redis
            log.warning("the log of a live session cannot be read", session_id=self.session_id, error=problem.message)
            return
        if self._order.seq is None and kept:
            self._begin(kept[0].seq - 1)
        self._tell(self._order.offer(kept), ())
        if self._order.seq is not None:
            self.has_begun.set()

    async def _read_truth(self) -> None:
        after = self._order.seq or 0
        events, answer = await self._sources.truth(self.session_id, after)
        if self._order.seq is None:
            self._begin(events[0].seq - 1 if events else answer.newest)
        elif not answer.complete:
            self._give_up(events[0].seq - 1 if events else answer.newest)
        self._tell(self._order.offer(events), ())
        self._order.settle(answer.newest)
        self.has_begun.set()

    def _begin(self, seq: int) -> None:
        self._ring.begin(seq)
        self._tell(self._order.jump(seq), ())

    def _give_up(self, seq: int) -> None:
        log.warning("events of a live session are gone", session_id=self.session_id, seq=seq)
        self._tell(self._order.jump(seq), ())
