"""Know whether this machine has room for a platform: disk, open files, ports.

Between: `audifi up` (asks before anything is started), local.keeper (asks when something ends) and the kernel.
Units: bytes; files per process.
Invariant: every message names what is short, how much is there, how much is needed and what to do.
Errors: DiskFull, PortsOccupied, LocalError.
Source: FREE_MIN: an empty platform writes 450 MB (three databases of 50 MB with 64 MB of write-ahead log each, and
logs); FILES_MIN: components.md section 0 (containers are often limited to 20,000; the API gateway wants most).
"""

import resource
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psutil

from audifi.local.components import PodSpec
from audifi.local.errors import DiskFull, LocalError, PortsOccupied
from audifi.local.ports import is_free

FREE_MIN_BYTES: Final = 1024**3
FULL_BYTES: Final = 16 * 1024**2  # less than this and servers fail to write
FILES_MIN: Final = 4096


def check_disk(directory: Path) -> None:
    """Refuse to start on a disk that is nearly full."""
    free = shutil.disk_usage(directory).free
    if free < FREE_MIN_BYTES:
        raise DiskFull(
            f"{directory} has {free // 2**20} MiB free; the platform needs {FREE_MIN_BYTES // 2**20} MiB to start. "
            f"Free some space, or keep the instance elsewhere: audifi up --instance DIR"
        )


def is_full(directory: Path) -> bool:
    return shutil.disk_usage(directory).free < FULL_BYTES


def disk_full_message(directory: Path) -> str:
    free = shutil.disk_usage(directory).free
    return (
        f"no space left on the disk of {directory} ({free // 2**20} MiB free). Free some space; what ended is started "
        f"again by itself. `audifi down --data` removes this platform's own data"
    )


def raise_file_limit() -> None:
    """Let ourselves and all we start open as many files as the hard limit allows; refuse if that is too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES_MIN:
        raise LocalError(
            f"only {hard} open files are allowed per process; {FILES_MIN} are needed. Raise the hard limit "
            f"(ulimit -Hn {FILES_MIN}, or nofile in /etc/security/limits.conf) and log in again"
        )
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def check_ports(pods: Iterable[PodSpec]) -> None:
    """Refuse to start while somebody else listens on a port of ours; name all of them at once."""
    taken = [
        f"port {number} ({pod.name}, {name}) is held by {holder(number)}"
        for pod in pods
        for name, number in pod.ports.items()
        if not is_free(number)
    ]
    if taken:
        raise PortsOccupied(
            "\n".join(["these ports are in use:", *(f"  {line}" for line in taken)])
            + "\nEnd what holds them; or give the platform other ports: audifi down --data (removes its data too)"
        )


def holder(number: int) -> str:
    """Who listens on the port, as far as we may see."""
    try:
        found = [
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (number,)
        ]
    except psutil.AccessDenied:
        found = []
    for pid in found:
        if pid is not None:
            return f"{psutil.Process(pid).name()} (process {pid})"
    return "a process we may not see (another user's)" if found else "an open connection or another user's process"
