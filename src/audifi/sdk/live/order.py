"""Let through what is new: each event once and in order, each state only if newer.

Between: sdk.live.machine; pure.
Shape: events above a hole are held until it is closed by the missing ones or by a snapshot.
Invariant: `last` never falls, and every event between two snapshots is let through exactly once.
Errors: none; what is older, or has no number, is ignored.
Source: wire/live/protocol.py "Order".
"""

from audifi.sdk.live.signals import JsonFrame, number_in


class Order:
    """What the application has seen."""

    def __init__(self) -> None:
        self.last: int | None = None  # the newest event it saw; None before the first snapshot
        self._held: dict[int, JsonFrame] = {}
        self._versions: dict[str, int] = {}

    @property
    def has_gap(self) -> bool:
        return self.last is not None and bool(self._held)

    def event(self, frame: JsonFrame) -> list[JsonFrame]:
        """Return what may be delivered now."""
        seq = number_in(frame, "seq")
        if seq is not None and (self.last is None or seq > self.last):
            self._held[seq] = frame
        return self._released()

    def snapshot(self, frame: JsonFrame) -> list[JsonFrame]:
        """Return the snapshot and what it releases; nothing of a snapshot older than what was seen."""
        seq = number_in(frame, "seq")
        if seq is None or (self.last is not None and seq < self.last):
            return []
        self.last = seq
        return [frame, *self._released()]

    def state(self, frame: JsonFrame) -> str | None:
        """Return the state's key if this is newer than what was seen."""
        decision = frame.get("decisionId")
        key = f"{frame['type']}:{decision}" if decision is not None else str(frame["type"])
        version = number_in(frame, "version") or 0
        if version <= self._versions.get(key, -1):
            return None
        self._versions[key] = version
        return key

    def forget_held(self) -> None:
        """A new connection replays them."""
        self._held.clear()

    def restart(self) -> None:
        """Take the next snapshot for the beginning."""
        self.last = None
        self._held.clear()

    def _released(self) -> list[JsonFrame]:
        if self.last is None:
            return []
        for seq in [seq for seq in self._held if seq <= self.last]:
            del self._held[seq]
        released: list[JsonFrame] = []
        while (following := self._held.pop(self.last + 1, None)) is not None:
            released.append(following)
            self.last += 1
        return released
