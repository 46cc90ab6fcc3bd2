"""Keep what every viewer saw and every voter was told, as a file that can be judged later.

Between: play (gathers it from crowds and voters), judge and delays (read it), cli.swarm `--history FILE`.
Shape: JSON lines, `what` first: one "run", then "batch" (the facts of one read: seen by many, written once), "viewer"
(what one saw: moments and numbers of batches in turn), "vote", and last "counted": what the platform says at the end.
Invariant: times are of one machine's clock. A viewer that was told to read nothing is in `stalled`, and is not judged.
Units: *_us microseconds since the epoch.
Errors: ValueError for a file that is none.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from audifi.drills.swarm.facts import Fact

Seen = tuple[int, Fact]  # when, what


class Cast(msgspec.Struct, rename="camel", kw_only=True):
    """One vote somebody cast; sent again, with the same request id, until it was answered."""

    user_id: str
    decision_id: str
    choice: str
    sent_us: int
    acked_us: int | None = None
    refused: str | None = None


class Counted(msgspec.Struct, rename="camel", kw_only=True):
    """What the platform says when everything is over."""

    decision_id: str
    results: dict[str, int]  # option → votes
    total_votes: int


@dataclass
class Life:
    """What one viewer saw: moments in `at_us`, and in `batch` what it was."""

    at_us: list[int] = field(default_factory=list[int])
    batch: list[int] = field(default_factory=list[int])


@dataclass
class History:
    """One run."""

    session_id: str
    batches: list[tuple[Fact, ...]] = field(default_factory=list[tuple[Fact, ...]])
    viewers: dict[int, Life] = field(default_factory=dict[int, Life])
    stalled: set[int] = field(default_factory=set[int])
    votes: list[Cast] = field(default_factory=list[Cast])
    counted: list[Counted] = field(default_factory=list[Counted])
    faults: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])  # when, what was broken

    def seen(self, viewer: int) -> Iterator[Seen]:
        """Go through everything this viewer saw."""
        life = self.viewers[viewer]
        for at_us, number in zip(life.at_us, life.batch, strict=True):
            for said in self.batches[number]:
                yield at_us, said

    def judged(self) -> list[int]:
        """The viewers that read."""
        return [viewer for viewer in self.viewers if viewer not in self.stalled]

    def add(self, part: "History") -> None:
        """Take in what another process saw."""
        first = len(self.batches)
        self.batches += part.batches
        for viewer, life in part.viewers.items():
            self.viewers[viewer] = Life(life.at_us, [number + first for number in life.batch])
        self.stalled |= part.stalled
        self.votes += part.votes
        self.counted += part.counted
        self.faults += part.faults


def lines(history: History) -> Iterator[bytes]:
    """The file, line by line."""
    rows: list[dict[str, Any]] = [
        {"what": "run", "session": history.session_id, "stalled": sorted(history.stalled), "faults": history.faults},
        *({"what": "batch", "facts": facts} for facts in history.batches),
        *({"what": "viewer", "id": key, "at": life.at_us, "saw": life.batch} for key, life in history.viewers.items()),
        *({"what": "vote", "vote": vote} for vote in history.votes),
        *({"what": "counted", "counted": counted} for counted in history.counted),
    ]
    for row in rows:
        yield msgspec.json.encode(row) + b"\n"


def write(history: History, path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(lines(history))


def read(path: Path) -> History:
    """Return what `write` wrote."""
    found = History("")
    with path.open("rb") as file:
        for line in file:
            _take(found, msgspec.json.decode(line), path)
    return found


def _take(found: History, row: dict[str, Any], path: Path) -> None:
    match row:
        case {"what": "run", "session": str(session), "stalled": stalled, "faults": faults}:
            found.session_id, found.stalled = session, set(stalled)
            found.faults = msgspec.convert(faults, list[tuple[int, str]])
        case {"what": "batch", "facts": facts}:
            found.batches.append(tuple(Fact(*fact) for fact in facts))
        case {"what": "viewer", "id": int(viewer), "at": at_us, "saw": batch}:
            found.viewers[viewer] = Life(at_us, batch)
        case {"what": "vote", "vote": vote}:
            found.votes.append(msgspec.convert(vote, Cast))
        case {"what": "counted", "counted": counted}:
            found.counted.append(msgspec.convert(counted, Counted))
        case _:
            raise ValueError(f"{path} is no history of a swarm: {str(row)[:100]}")
