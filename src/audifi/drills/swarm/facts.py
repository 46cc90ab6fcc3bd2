"""Say in a few numbers what a frame of the flat dialect says, and remember what was said before.

Between: viewer (has payloads), history (keeps facts) and wire.live.protocol.
Shape: a Fact is one thing a viewer learned; a Batch is the facts of one read. Thousands of viewers read the same bytes:
`Reader.batch` parses them once and afterwards looks them up, about a microsecond a read.
Invariant: only what everybody gets is remembered; an answer to one viewer (a snapshot) is parsed and let go.
Units: ts_ms is the server's clock.
Errors: ProtocolFault for a frame that is no JSON object of ours.
Source: wire/live/protocol.py.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import msgspec

from audifi.drills.swarm.frames import TEXT, ProtocolFault, split
from audifi.wire.live.protocol import EVENTS, STATES

Kind = Literal["opened", "closed", "event", "state", "snapshot"]
TALLY: Final = "vote_update"
SNAPSHOT: Final = "session_state"


class Fact(NamedTuple):
    """One thing a viewer learned."""

    kind: Kind
    seq: int  # opened: the seq it asked to go on after, -1 for a new viewer; closed: the code
    key: str = ""  # of a state: "vote_update:<decision>"; of an event: its type
    version: int = -1
    ts_ms: int = -1


class Frame(msgspec.Struct, rename="camel"):
    """What of a frame is of interest here."""

    type: str
    seq: int = -1
    ts: float = -1
    version: int = -1
    decision_id: str | None = None


@dataclass(slots=True)
class Batch:
    """The facts of one read, with what a viewer needs of them at once."""

    number: int
    facts: tuple[Fact, ...]
    seq: int = -1  # the newest event in it
    tallies: tuple[Fact, ...] = ()
    answers: tuple[bytes, ...] = ()  # frames to one viewer alone: vote_ack, error, reconnect
    controls: tuple[tuple[int, bytes], ...] = ()  # pings and closes
    read_bytes: int = 0  # how much of the read were whole frames


_frame: Final = msgspec.json.Decoder(Frame)


def fact(payload: bytes) -> Fact | None:
    """What this frame says to everybody, or None if it answers one viewer."""
    try:
        frame = _frame.decode(payload)
    except msgspec.MsgspecError as error:
        raise ProtocolFault(f"{error}: {payload[:200]!r}") from error
    key = frame.type if frame.decision_id is None else f"{frame.type}:{frame.decision_id}"
    if frame.type in EVENTS:
        return Fact("event", frame.seq, frame.type, -1, int(frame.ts))
    if frame.type in STATES:
        return Fact("state", frame.seq, key, frame.version, int(frame.ts))
    if frame.type == SNAPSHOT:
        return Fact("snapshot", frame.seq, "", -1, int(frame.ts))
    return None


@dataclass
class Reader:
    """Turns reads into batches; one for all viewers of a process."""

    batches: list[Batch] = field(default_factory=list[Batch])
    _known: dict[bytes, Batch] = field(default_factory=dict[bytes, Batch])
    _single: dict[Fact, Batch] = field(default_factory=dict[Fact, Batch])

    def batch(self, data: bytes) -> Batch:
        """Return what one read says."""
        known = self._known.get(data)
        return known if known is not None else self._parsed(data)

    def single(self, said: Fact) -> Batch:
        """A batch of one fact that came in no frame: opened, closed."""
        known = self._single.get(said)
        if known is None:
            known = self._single[said] = self._numbered((said,))
        return known

    def _parsed(self, data: bytes) -> Batch:
        frames, place = split(data)
        payloads = [payload for opcode, payload in frames if opcode == TEXT]
        said = [fact(payload) for payload in payloads]
        batch = self._numbered(tuple(each for each in said if each is not None))
        batch.read_bytes = place
        batch.answers = tuple(payload for payload, each in zip(payloads, said, strict=True) if each is None)
        batch.controls = tuple(frame for frame in frames if frame[0] != TEXT)
        is_whole = place == len(data) and len(batch.facts) == len(frames) > 0
        if is_whole and all(each.kind != "snapshot" for each in batch.facts):
            self._known[data] = batch
        return batch

    def _numbered(self, facts: tuple[Fact, ...]) -> Batch:
        seqs = [each.seq for each in facts if each.kind in {"event", "snapshot"}]
        tallies = tuple(each for each in facts if each.key.startswith(TALLY))
        made = Batch(len(self.batches), facts, max(seqs, default=-1), tallies)
        if facts:
            self.batches.append(made)
        return made


def decoded(payload: bytes) -> dict[str, Any]:
    """A frame to one viewer, whole."""
    found: dict[str, Any] = msgspec.json.decode(payload)
    return found
