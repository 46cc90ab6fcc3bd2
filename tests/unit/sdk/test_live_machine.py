"""Whatever a network and a server do, the machine keeps its promises to the application.

Between: hypothesis (thinks up histories) and sdk.live.machine.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from audifi.sdk.live.machine import Machine
from audifi.sdk.live.signals import (
    Act,
    Behind,
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
    Refused,
    Settle,
    Start,
    State,
    Tick,
    Write,
)

SEQS = st.integers(0, 12)
FRAMES = st.one_of(
    SEQS.map(lambda seq: {"type": "session_state", "seq": seq}),
    SEQS.map(lambda seq: {"type": "chat_message", "seq": seq}),
    SEQS.map(lambda version: {"type": "presence", "seq": 1, "version": version}),
    st.sampled_from(["join-1", "join-2", "r-1", "r-2"]).map(lambda each: {"type": "ack", "requestId": each}),
    st.sampled_from(["join-1", "join-2", "r-1"]).map(lambda each: {"type": "error", "code": 4014, "requestId": each}),
    st.sampled_from([0, 700]).map(lambda after: {"type": "reconnect", "afterMs": after}),
    st.just({"type": "pong"}),
)
MOVES = st.one_of(
    FRAMES.map(lambda frame: ("frame", frame)),
    st.integers(1, 3).map(lambda count: ("happens", count)),  # in order, to whoever is connected
    st.sampled_from([("missed", 0), ("snapshot", 0), ("replay", 0)]),
    st.sampled_from([1006, 1012, 1013, 4000, 4008]).map(lambda code: ("closed", code)),
    st.sampled_from([None, 403, 429, 503]).map(lambda status: ("refused", status)),
    st.sampled_from(["r-1", "r-2", "r-3"]).map(lambda request: ("act", request)),
    st.sampled_from([("opened", 0), ("heard", 0), ("behind", 0), ("tick", 0), ("tick", 0), ("tick", 0)]),
)


@dataclass
class Application:
    """Does what comes out, and holds it against what was promised."""

    machine: Machine
    now: int = 0
    truth: int = 0  # events of the session
    open: set[int] = field(default_factory=set[int])  # attempts that were neither dropped nor ended
    last: int | None = None
    asked: Counter[str] = field(default_factory=Counter[str])
    settled: Counter[str] = field(default_factory=Counter[str])
    states: list[str] = field(default_factory=list[str])

    def tell(self, given: Input) -> None:
        for output in self.machine.take(self.now, given):
            self.see(output)
        assert len(self.open) <= 2, "one connection, and at most one tried beside it"

    def see(self, output: Output) -> None:
        match output:
            case Connect():
                self.open.add(output.attempt)
            case Drop():
                assert output.attempt in self.open, "dropped twice, or after it ended"
                self.open.remove(output.attempt)
            case Write():
                assert output.attempt in self.open, "written to a connection that is gone"
            case Deliver():
                self.deliver(output.frame)
            case Settle():
                self.settled[output.request_id] += 1
            case State():
                self.states.append(output.state)
            case _:
                pass

    def deliver(self, frame: JsonFrame) -> None:
        if frame["type"] != "session_state":
            assert self.last is not None, "an event before the first snapshot"
            assert frame["seq"] == self.last + 1, "a hole, or a repetition"
        self.last = frame["seq"]

    def wait(self) -> None:
        """Let time pass until the machine wants to be told."""
        self.now = max(self.now, self.machine.wake_at or self.now)
        for _ in range(5):
            self.tell(Tick())
            if (self.machine.wake_at or self.now + 1) > self.now:
                return
        raise AssertionError("ticks without end, and no time passes")

    def live(self, kind: str, what: object, attempt: int) -> None:
        """Let the session go on."""
        match kind:
            case "tick":
                self.wait()
            case "missed":
                self.truth += 1
            case "snapshot":
                self.tell(Frame(attempt=attempt, frame={"type": "session_state", "seq": self.truth}))
            case _:
                first = max(0, self.truth - 3) if kind == "replay" else self.truth
                self.truth += int(str(what))
                for seq in range(first + 1, self.truth + 1):
                    self.tell(Frame(attempt=attempt, frame={"type": "chat_message", "seq": seq}))

    def do(self, move: tuple[str, object]) -> None:
        kind, what = move
        newest = max(self.open, default=0)
        made: dict[str, Callable[[], Input]] = {
            "frame": lambda: Frame(attempt=newest, frame=what),  # pyright: ignore[reportArgumentType]
            "closed": lambda: Closed(attempt=newest, code=int(str(what))),
            "refused": lambda: Refused(attempt=newest, status=None if what is None else int(str(what))),
            "opened": lambda: Opened(attempt=newest),
            "heard": lambda: Heard(attempt=newest),
            "behind": Behind,
            "act": lambda: Act(frame={"type": "vote"}, request_id=str(what)),
        }
        if kind in ("tick", "missed", "happens", "snapshot", "replay"):
            self.live(kind, what, newest)
            return
        if kind in ("closed", "refused"):
            self.open.discard(newest)
        if kind == "act" and self.asked[str(what)] > self.settled[str(what)]:
            return  # it still waits for the first
        self.asked[str(what)] += kind == "act"
        self.tell(made[kind]())


@given(st.lists(MOVES, max_size=60), st.lists(st.floats(0, 0.999), min_size=1, max_size=5))
def test_the_application_sees_every_event_once_and_every_answer_once(
    moves: list[tuple[str, object]], chances: list[float]
) -> None:
    drawn = Counter[str]()

    def chance() -> float:
        drawn["n"] += 1
        return chances[drawn["n"] % len(chances)]

    application = Application(Machine(chance))
    application.tell(Start())
    for move in moves:
        if move == ("behind", 0):
            application.last = None
        application.do(move)
    application.tell(Leave())
    assert application.open == set(), "nothing is left open"
    assert application.machine.state == "closed"
    assert application.states.count("closed") == 1
    assert application.settled == application.asked, "every action is answered exactly once"
