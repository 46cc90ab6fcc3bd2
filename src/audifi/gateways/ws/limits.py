"""Count what one user sends, and how many come at once. Pure.

Between: connection and commands (ask before they act), app (asks before it takes a handshake).
Shape: a window slides as kernel.limits has it: this window's count, and the last one's by the share of it that still
lies inside; three numbers per rule whatever the limit is. All rules of a message are looked at before any counts it.
A user has one quota on this pod, whatever the number of their connections; strikes count together too.
Units: *_s seconds of the event loop's clock; retry-after in seconds, 0 when admitted.
Errors: never raises.
Source: domain.md 3 "Limits"; realtime.md 2.8 (3,700 ticketed handshakes a second and core).
"""

from typing import Final

from audifi.wire.live import protocol

# A pod shares its core with those who watch already: three quarters of what a core can take (realtime.md 2.8), so that
# 10,000 who lost their pod are back at one other within 3 s (realtime.md 4, goal 7).
HANDSHAKES_PER_S: Final = 2800.0
HANDSHAKES_AT_ONCE: Final = 4000.0
CONTROLS: Final = (60, 60)  # ping frames of a client's own; ours are answered every 30 s

_RULES: Final = {
    "vote": protocol.VOTES,
    "chat": protocol.CHATS,
    "reaction": protocol.REACTIONS_PER,
}


class Window:
    """At most `count` in any `window_s`."""

    __slots__ = ("_count", "_current", "_number", "_previous", "_window_s")

    def __init__(self, rule: tuple[int, int]) -> None:
        self._count, self._window_s = rule
        self._number: int = 0
        self._previous: int = 0
        self._current: int = 0

    def retry_after_s(self, now_s: float) -> float:
        """Return 0 if one more is admitted, else how long until one would be."""
        elapsed_s = self._move(now_s)
        over = self._current + self._previous * (1 - elapsed_s / self._window_s) + 1 - self._count
        if over <= 0:
            return 0.0
        if self._current + 1 > self._count:
            return self._window_s - elapsed_s
        return over * self._window_s / self._previous

    def count(self, now_s: float) -> None:
        self._move(now_s)
        self._current += 1

    def _move(self, now_s: float) -> float:
        number = int(now_s // self._window_s)
        if number != self._number:
            self._previous = self._current if number == self._number + 1 else 0
            self._number, self._current = number, 0
        return now_s % self._window_s


class Quota:
    """What one user may still send."""

    __slots__ = ("_controls", "_messages", "_strikes", "_windows", "used_at_s")

    def __init__(self) -> None:
        self._messages = Window(protocol.MESSAGES)
        self._controls = Window(CONTROLS)
        self._windows: dict[str, Window] = {}
        self._strikes: list[float] = []
        self.used_at_s = 0.0

    def message(self, kind: str, now_s: float) -> float:
        """Count a message of this type; return how long to wait when it is one too many, and then it is not counted."""
        self.used_at_s = now_s
        rule = _RULES.get(kind)
        windows = [self._messages]
        if rule is not None:
            if kind not in self._windows:
                self._windows[kind] = Window(rule)
            windows.append(self._windows[kind])
        wait_s = max(window.retry_after_s(now_s) for window in windows)
        if not wait_s:
            for window in windows:
                window.count(now_s)
        return wait_s

    def control(self, now_s: float) -> float:
        """Count a ping frame."""
        self.used_at_s = now_s
        wait_s = self._controls.retry_after_s(now_s)
        if not wait_s:
            self._controls.count(now_s)
        return wait_s

    def strike(self, now_s: float) -> bool:
        """Note that a limit was hit; return whether that was once too often."""
        self._strikes = [at for at in self._strikes if now_s - at < protocol.STRIKES_S] + [now_s]
        return len(self._strikes) >= protocol.STRIKES_MAX


class Bucket:
    """Let so many through at once, and then so many a second."""

    __slots__ = ("_at_s", "_left", "_per_s", "_size")

    def __init__(self, per_s: float, size: float) -> None:
        self._per_s, self._size = per_s, size
        self._left, self._at_s = size, 0.0

    def take(self, now_s: float) -> float:
        """Return 0 and take one, or return how long until there is one."""
        self._left = min(self._size, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return (1 - self._left) / self._per_s
        self._left -= 1
        return 0.0
