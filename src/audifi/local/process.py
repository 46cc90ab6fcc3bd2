"""Know processes on this machine: whether one is still the one we mean, which are ours, how to end them.

Between: local.supervisor and local.guardian (start, stop), local.state (is it alive?) and /proc.
Shape: a process is identified by number *and* start time; numbers are reused.
Invariant: only processes of the given instance are ever signalled: descendants of ours, or processes that carry
our marker in their environment, or servers known to overwrite theirs that work inside our data directory.
Units: start times in clock ticks since boot (proc(5), field 22), memory in bytes.
Errors: a process that vanishes while we look is simply not there; EPERM is not hidden.
Source: proc(5); PDEATHSIG prctl(2): the kernel sends it when the parent dies, even by SIGKILL.
"""

import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MARKER: Final = "AUDIFI_INSTANCE"  # in the environment of every process we start: which instance it belongs to

# They write their titles over their environment (setproctitle), so the marker cannot be read from outside.
OVERWRITE_ENVIRONMENT: Final = frozenset({"postgres", "redis-server", "nginx"})


@dataclass(frozen=True)
class ProcessId:
    """One process, even after its number was given to another."""

    number: int
    started_ticks: int

    @property
    def is_alive(self) -> bool:
        if self.started_ticks < 0:  # it was gone already when it was identified
            return False
        return started_ticks(self.number) == self.started_ticks and not is_zombie(self.number)


def identify(number: int) -> ProcessId:
    """Who this number is now; started_ticks -1 if nobody."""
    return ProcessId(number, started_ticks(number))


def _stat(number: int) -> list[str]:
    # "17 (a (b) c) S 1 …": the name may hold anything, so count from its closing parenthesis.
    try:
        text = Path(f"/proc/{number}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2 :].split()


def started_ticks(number: int) -> int:
    fields = _stat(number)
    return int(fields[19]) if fields else -1


def is_zombie(number: int) -> bool:
    fields = _stat(number)
    return bool(fields) and fields[0] == "Z"


def is_stopped(number: int) -> bool:
    """Held by SIGSTOP. Source: proc(5), field 3 of stat."""
    fields = _stat(number)
    return bool(fields) and fields[0] == "T"


def name(number: int) -> str:
    try:
        return Path(f"/proc/{number}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


def _all() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())  # noqa: PTH208  # thousands of entries


def descendants(ancestor: int) -> list[int]:
    """Children, their children and so on, without zombies. With a subreaper above, orphans are among them."""
    children: dict[int, list[int]] = {}
    for number in _all():
        fields = _stat(number)
        if fields and fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(number)
    found: list[int] = []
    queue = [ancestor]
    while queue:
        for child in children.get(queue.pop(), []):
            found.append(child)
            queue.append(child)
    return found


def belonging_to(instance: Path, *, with_self: bool = False) -> list[int]:
    """Processes of this instance, whoever their parent is now: what a crashed run left behind."""
    marker = f"{MARKER}={instance}".encode()
    data = f"{instance}/data/"
    return [number for number in _all() if (with_self or number != os.getpid()) and _is_ours(number, marker, data)]


def _is_ours(number: int, marker: bytes, data: str) -> bool:
    place = Path(f"/proc/{number}")
    try:
        if marker in (place / "environ").read_bytes().split(b"\0"):
            return not is_zombie(number)
        works_in_ours = f"{(place / 'cwd').readlink()}/".startswith(data)
        return works_in_ours and (place / "exe").readlink().name in OVERWRITE_ENVIRONMENT
    except OSError:  # gone, or another user's: neither is ours to touch
        return False


def send(numbers: list[int], number_of_signal: signal.Signals) -> None:
    """Signal each that still exists."""
    for number in numbers:
        try:
            os.kill(number, number_of_signal)
        except ProcessLookupError:
            continue


def until_ended(numbers: list[int], within_s: float) -> bool:
    """Wait until all of them have ended; false if time is up first."""
    poll, deadline = select.poll(), time.monotonic() + within_s
    waiting: set[int] = set()
    for number in numbers:
        try:
            waiting.add(descriptor := os.pidfd_open(number))
        except ProcessLookupError:
            continue
        poll.register(descriptor, select.POLLIN)
    try:
        remaining = set(waiting)
        while remaining and (left_s := deadline - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(left_s * 1000):  # readable: that process has ended (pidfd_open(2))
                poll.unregister(descriptor)
                remaining.discard(descriptor)
        return not remaining
    finally:
        for descriptor in waiting:
            os.close(descriptor)


def memory_bytes(number: int) -> int:
    """Memory that would be free without it: proportional set size, so shared pages are counted once."""
    try:
        lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return _resident_bytes(number)


def _resident_bytes(number: int) -> int:
    try:
        return int(Path(f"/proc/{number}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
