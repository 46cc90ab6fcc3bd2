"""Outlive the supervisor by the moment it takes to end everything it started.

Between: `audifi up` (starts us, detached) and local.supervisor (our child, which starts everything else).

Why two processes: a supervisor that is killed cannot clean up after itself. We do nothing that can fail: we wait.
As a subreaper we inherit whatever loses its parent, so nothing below us can hide by a double fork (PostgreSQL's
postmaster does that under Patroni). The other way round the supervisor holds the reading end of a pipe whose
writing end is ours: when we die it reads the end of the file and stops everything.

Invariant: one guardian per instance: it holds a lock on `<instance>/lock` as long as it lives. When it ends, no
process of the instance is left, nor state file, socket or lock.
Units: *_s seconds.
Errors: exit 3 if the instance is already guarded.
Source: prctl(2) PR_SET_CHILD_SUBREAPER; flock(2).
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from audifi.local import process

PR_SET_CHILD_SUBREAPER: Final = 36  # <linux/prctl.h>
POLITE_S: Final = 8.0  # PostgreSQL writes its last checkpoint in it; then SIGKILL
ALREADY_GUARDED: Final = 3


def main() -> None:
    """`python -m audifi.local.guardian INSTANCE [COMPONENT …]`"""
    instance = Path(sys.argv[1])
    lock = _locked(instance)
    if lock is None:
        sys.exit(ALREADY_GUARDED)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    alive, ours = os.pipe()  # `ours` is closed by the kernel when we die
    supervisor = _started(sys.argv[1:], alive)
    os.close(alive)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: process.send([supervisor.pid], signal.SIGTERM))
    code = _until_it_ends(supervisor.pid)
    end_everything(instance, descendants_of=os.getpid())
    for name in ("state.json", "control.sock", "lock"):
        (instance / name).unlink(missing_ok=True)
    os.close(ours)
    sys.exit(code)


def _started(arguments: list[str], alive: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "audifi.local.supervisor", str(alive), *arguments]
    return subprocess.Popen(command, pass_fds=[alive])  # with our environment: exactly what local.launch gave us


def _locked(instance: Path) -> int | None:
    """Our lock, or None if another guardian holds it; never on a file that its holder has removed meanwhile."""
    path = instance / "lock"
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
        os.close(descriptor)


def _until_it_ends(supervisor: int) -> int:
    """Reap everyone who ends below us, until it is the supervisor."""
    while True:
        number, status = os.waitpid(-1, 0)
        if number == supervisor:
            return os.waitstatus_to_exitcode(status) % 256


def end_everything(instance: Path, *, descendants_of: int | None = None) -> int:
    """End what is left of an instance: SIGTERM, then SIGKILL. Returns how many there were."""

    def left() -> list[int]:
        below = process.descendants(descendants_of) if descendants_of is not None else []
        return sorted({*below, *process.belonging_to(instance)} - {os.getpid()})

    found = left()
    process.send(found, signal.SIGTERM)
    if not process.until_ended(found, POLITE_S):
        process.send(left(), signal.SIGKILL)
    while remaining := left():  # what was started while we looked
        process.send(remaining, signal.SIGKILL)
        process.until_ended(remaining, POLITE_S)
    return len(found)


if __name__ == "__main__":
    main()
