"""Decide what a client of a live session does next: connect, resume, resend, give up. No clock, no I/O.

    outputs = machine.take(now_ms, given)      # and again with Tick() when now_ms reaches machine.wake_at

Between: sdk.live.session (does what it says) and tests/vectors/live, which web/src/live/machine.ts passes too.

# Connections
At most one `link`, and while it is a stream at times a `probe`: a socket that is tried beside it, so that a network
that swallows sockets costs nothing. A link is live from the first frame that answers its `join` (a stream that goes on
from an event: at once); it is lost when it closes, when it does not become live in time, when nothing was heard for
PING_S + MISSES_MAX × PONG_S (browsers do not show pings, so the client asks), or when a hole in `seq` stays.
Three sockets in a row that never became live: a stream. A stream that ends: a socket again.

# What the application did
Kept until answered, resent once on every new live link with the same requestId (the server answers again as the first
time), refused after ACT_MS. Without a requestId (reactions): sent if a socket is live, else forgotten.

Units: milliseconds of any clock that does not go back.
Invariant: after `closed` nothing comes out but refusals; randomness comes from the caller.
Source: domain.md 3; realtime.md 3; wire/live/protocol.py (codes, PING_S, PONG_S, MISSES_MAX); other numbers are ours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from audifi.sdk.live import backoff
from audifi.sdk.live.order import Order
from audifi.sdk.live.signals import (
    Act,
    Answered,
    Behind,
    Call,
    Closed,
    Connect,
    Deliver,
    Drop,
    Frame,
    Heard,
    Input,
    JsonFrame,
    Leave,
    Opened,
    Output,
    Phase,
    Refused,
    Settle,
    Start,
    State,
    Tick,
    Transport,
    Update,
    Write,
    number_in,
)
from audifi.wire.live import protocol

PING_MS: Final = protocol.PING_S * 1000
PONG_MS: Final = protocol.PONG_S * 1000
OPEN_MS: Final = 10_000  # ticket, TCP, TLS and upgrade
JOIN_MS: Final = 10_000  # from open to the first frame
STABLE_MS: Final = 5_000  # live for so long is progress
GAP_MS: Final = 5_000
ACT_MS: Final = 30_000
RETURN_MS: Final = 60_000  # on a stream: after this and up to as much again, a socket is tried
SOCKET_FAILURES_MAX: Final = 3
BUSY: Final = frozenset({408, 425, 429})  # refusals that ask to come again, as these do:
BUSY_CODES: Final = frozenset({"CONFLICT", "REQUEST_IN_PROGRESS"})  # the session is full; the first try still runs


@dataclass
class _Link:
    """One connection."""

    attempt: int
    transport: Transport
    give_up_at: int | None  # unless open, then unless live, by then
    quiet_at: int | None = None  # open; and nothing heard by then: ask, or give up
    pings: int = 0  # unanswered
    live_since: int | None = None
    leave_at: int | None = None  # its pod drains
    gap_at: int | None = None

    @property
    def join_id(self) -> str:
        return f"join-{self.attempt}"


@dataclass
class _Pending:
    """What the application waits for."""

    frame: JsonFrame
    give_up_at: int
    is_called: bool = False  # over HTTP, and not answered yet


class Machine:
    """One session's client."""

    def __init__(self, random: Callable[[], float]) -> None:
        self.state: Phase = "connecting"
        self._random = random
        self._order = Order()
        self._attempts = 0
        self._link: _Link | None = None
        self._probe: _Link | None = None
        self._connect_at: int | None = None
        self._probe_at: int | None = None
        self._tries = 0
        self._socket_failures = 0
        self._pending: dict[str, _Pending] = {}
        self._out: list[Output] = []

    def take(self, now: int, given: Input) -> list[Output]:
        """Say what follows from this."""
        self._out = []
        if self.state != "closed":
            self._take(now, given)
        elif isinstance(given, Act) and given.request_id is not None:
            self._settle(given.request_id, _unavailable(given.request_id, "the connection is closed"))
        return self._out

    @property
    def wake_at(self) -> int | None:
        """When the next Tick is due."""
        if self.state == "closed":
            return None
        due = [self._connect_at, self._probe_at, *(each.give_up_at for each in self._pending.values())]
        for link in (self._link, self._probe):
            if link is not None:
                due += [link.give_up_at, link.leave_at, link.gap_at, link.quiet_at]
        return min((each for each in due if each is not None), default=None)

    def _take(self, now: int, given: Input) -> None:
        match given:
            case Start():
                self._out.append(State(state="connecting"))
                self._connect(now)
            case Tick():
                self._tick(now)
            case Opened():
                self._opened(now, given.attempt)
            case Refused():
                self._refused(now, given)
            case Closed():
                self._closed(now, given)
            case Frame():
                self._heard(now, given.attempt)
                self._framed(now, given)
            case Heard():
                self._heard(now, given.attempt)
            case _:
                self._told(now, given)

    def _told(self, now: int, given: Act | Answered | Behind | Leave) -> None:
        """By the application."""
        match given:
            case Act():
                self._act(now, given)
            case Answered():
                self._settle(given.request_id, given.frame)
            case Behind():
                self._order.restart()
                self._ask_again(now)
            case Leave():
                self._end("left")

    # Connections.

    def _connect(self, now: int) -> None:
        self._connect_at = None
        self._order.forget_held()
        self._link = self._new_link(now, "stream" if self._socket_failures >= SOCKET_FAILURES_MAX else "socket")

    def _new_link(self, now: int, transport: Transport) -> _Link:
        self._attempts += 1
        self._out.append(Connect(attempt=self._attempts, transport=transport, last_seq=self._order.last))
        return _Link(self._attempts, transport, now + OPEN_MS)

    def _opened(self, now: int, attempt: int) -> None:
        if self._probe is not None and attempt == self._probe.attempt:
            if self._link is not None:
                self._out.append(Drop(attempt=self._link.attempt))
            self._link, self._probe = self._probe, None
            self._order.forget_held()
        link = self._link
        if link is None or attempt != link.attempt:
            return
        link.quiet_at, link.give_up_at = now + PING_MS, now + JOIN_MS
        if link.transport == "socket":
            self._join(link)
        elif self._order.last is not None:
            self._go_live(now, link)

    def _join(self, link: _Link) -> None:
        frame: JsonFrame = {"type": "join", "requestId": link.join_id}  # who missed nothing hears only the ack
        self._write(link, frame if self._order.last is None else {**frame, "lastSeq": self._order.last})

    def _refused(self, now: int, given: Refused) -> None:
        status = given.status or 0
        if self._is_probe(given.attempt):
            self._forget_probe(now)
        elif self._is_link(given.attempt):
            is_busy = status == 503 or status in BUSY or given.code in BUSY_CODES
            if given.code and 400 <= status < 500 and not is_busy:
                self._link = None
                self._end("session_over" if given.code == "INVALID_STATE" else given.code.lower())
            else:
                self._lost(now, floor=given.retry_after_ms or 0, is_failure=not is_busy)

    def _closed(self, now: int, given: Closed) -> None:
        if self._is_probe(given.attempt):
            self._forget_probe(now)
        elif self._is_link(given.attempt):
            if given.code in protocol.FINAL_CODES:
                self._link = None
                self._end(protocol.Code(given.code).name.lower())
            else:
                self._lost(now, floor=backoff.FIRST_MS if given.code == protocol.OVERLOAD else 0)

    def _lost(self, now: int, *, floor: int = 0, is_failure: bool = True) -> None:
        """Plan the next connection."""
        link, self._link, self._probe_at = self._link, None, None
        assert link is not None, "only a link is lost"
        self._count(link, now, is_failure=is_failure)
        if self.state == "live":
            self._become("reconnecting")
        if self._probe is not None:
            self._link, self._probe = self._probe, None  # already on its way
            self._order.forget_held()
            return
        if self._tries >= backoff.TRIES_MAX:
            self._end("unreachable")
            return
        spread = link.leave_at is not None and self._tries == 0  # by the pod that drains, which knows how many we are
        floor = max(floor, (link.leave_at or now) - now)
        wait = floor if spread else floor + backoff.pause_ms(self._tries, self._random())
        self._tries += 1
        self._connect_at = now + wait

    def _count(self, link: _Link, now: int, *, is_failure: bool) -> None:
        if link.live_since is not None and now - link.live_since >= STABLE_MS:
            self._tries = 0
        if link.transport == "stream":
            self._socket_failures = SOCKET_FAILURES_MAX - 1  # a socket next, and if that fails a stream
        elif link.live_since is None and is_failure:
            self._socket_failures += 1

    def _drop(self, now: int) -> None:
        assert self._link is not None, "there is one to drop"
        self._out.append(Drop(attempt=self._link.attempt))
        self._lost(now)

    def _forget_probe(self, now: int) -> None:
        self._probe = None
        self._probe_at = now + RETURN_MS + int(self._random() * RETURN_MS)

    def _end(self, reason: str) -> None:
        for link in (self._link, self._probe):
            if link is not None:
                self._out.append(Drop(attempt=link.attempt))
        for request_id in list(self._pending):
            self._settle(request_id, _unavailable(request_id, f"the connection is closed: {reason}"))
        self._become("closed", reason)

    # Time.

    def _tick(self, now: int) -> None:
        for request_id, pending in list(self._pending.items()):
            if now >= pending.give_up_at:
                self._settle(request_id, _unavailable(request_id, f"no answer within {ACT_MS // 1000} s"))
        if self._link is not None:
            self._tick_link(now, self._link)
        if _is_due(now, self._connect_at):
            self._connect(now)
        if self._probe is not None and _is_due(now, self._probe.give_up_at):
            self._out.append(Drop(attempt=self._probe.attempt))
            self._forget_probe(now)
        if _is_due(now, self._probe_at):
            self._probe_at = None
            self._probe = self._new_link(now, "socket")

    def _tick_link(self, now: int, link: _Link) -> None:
        is_quiet = _is_due(now, link.quiet_at)
        is_dead = is_quiet and link.pings >= protocol.MISSES_MAX
        if is_dead or any(_is_due(now, each) for each in (link.give_up_at, link.leave_at, link.gap_at)):
            self._drop(now)
        elif is_quiet:
            link.quiet_at, link.pings = now + PONG_MS, link.pings + 1
            self._write(link, {"type": "ping"})

    # What the server says.

    def _heard(self, now: int, attempt: int) -> None:
        if self._link is not None and self._link.attempt == attempt:
            self._link.quiet_at, self._link.pings = now + PING_MS, 0

    def _framed(self, now: int, given: Frame) -> None:
        link, frame = self._link, given.frame
        if link is None or link.attempt != given.attempt:
            return
        kind = frame.get("type")
        if kind == "error" and frame.get("requestId") == link.join_id:
            self._kept_out(now, link, frame)
            return
        if kind == "reconnect":
            link.leave_at = now + (number_in(frame, "afterMs") or 0)
        elif link.live_since is None and _says_live(kind, has_snapshot=self._order.last is not None):
            self._go_live(now, link)
        if kind == "session_state":
            self._deliver(now, link, self._order.snapshot(frame))
        elif kind in protocol.EVENTS:
            self._deliver(now, link, self._order.event(frame))
        elif kind in protocol.STATES:
            key = self._order.state(frame)
            if key is not None:
                self._out.append(Update(key=key, frame=frame))
        elif kind in {"vote_ack", "ack", "error"} and "requestId" in frame:
            self._settle(str(frame["requestId"]), frame)

    def _kept_out(self, now: int, link: _Link, frame: JsonFrame) -> None:
        """Admitted, but not let into the room."""
        self._out.append(Drop(attempt=link.attempt))
        code = number_in(frame, "code")
        if code in protocol.FINAL_CODES:
            self._link = None
            self._end(protocol.Code(code).name.lower())
        else:
            self._lost(now, floor=1000 * (number_in(frame, "retryAfter") or 0), is_failure=False)

    def _go_live(self, now: int, link: _Link) -> None:
        link.live_since, link.give_up_at = now, None
        if link.transport == "socket":
            self._socket_failures = 0
        else:
            self._probe_at = now + RETURN_MS + int(self._random() * RETURN_MS)
        if self.state != "live":
            self._become("live")
        for request_id, pending in self._pending.items():
            self._send(link, request_id, pending)

    def _deliver(self, now: int, link: _Link, frames: list[JsonFrame]) -> None:
        self._out.extend(Deliver(frame=frame) for frame in frames)
        if not self._order.has_gap:
            link.gap_at = None
        elif link.gap_at is None:
            link.gap_at = now + GAP_MS
            self._ask_again(now)

    def _ask_again(self, now: int) -> None:
        """Have what is missing sent: a socket can ask, a stream begins anew."""
        if self._link is None or self._link.quiet_at is None:
            return  # it will ask when it is open
        if self._link.transport == "socket":
            self._join(self._link)
        else:
            self._drop(now)

    # What the application does.

    def _act(self, now: int, given: Act) -> None:
        link = self._link if self._link is not None and self._link.live_since is not None else None
        if given.request_id is None:
            if link is not None and link.transport == "socket":
                self._write(link, given.frame)
            return
        pending = _Pending({**given.frame, "requestId": given.request_id}, now + ACT_MS)
        self._pending[given.request_id] = pending
        if link is not None:
            self._send(link, given.request_id, pending)

    def _send(self, link: _Link, request_id: str, pending: _Pending) -> None:
        if pending.is_called:
            return  # its answer is on the way
        if link.transport == "socket":
            self._write(link, pending.frame)
        else:
            pending.is_called = True
            self._out.append(Call(request_id=request_id, frame=pending.frame))

    def _settle(self, request_id: str, frame: JsonFrame) -> None:
        if self._pending.pop(request_id, None) is not None or self.state == "closed":
            self._out.append(Settle(request_id=request_id, frame=frame))

    def _write(self, link: _Link, frame: JsonFrame) -> None:
        if link.transport == "socket":
            self._out.append(Write(attempt=link.attempt, frame=frame))

    def _become(self, state: Phase, reason: str = "") -> None:
        self.state = state
        self._out.append(State(state=state, reason=reason))

    def _is_link(self, attempt: int) -> bool:
        return self._link is not None and self._link.attempt == attempt

    def _is_probe(self, attempt: int) -> bool:
        return self._probe is not None and self._probe.attempt == attempt


def _says_live(kind: object, *, has_snapshot: bool) -> bool:
    """Whether a frame shows that the join was answered."""
    return kind == "session_state" or (has_snapshot and kind not in {"error", "pong"})


def _is_due(now: int, moment: int | None) -> bool:
    return moment is not None and now >= moment


def _unavailable(request_id: str, message: str) -> JsonFrame:
    return {"type": "error", "code": int(protocol.Code.UNAVAILABLE), "message": message, "requestId": request_id}
