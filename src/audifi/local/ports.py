"""Give every port of every pod a number, keep it, and name who else holds it.

Between: components (ask for numbers), local.resolution (binds references to them), local.checks (asks whether they
are free) and `ports.json` in the instance.
Shape: `<pod>/<port name>` → number; ≤ 150 of them.
Invariant: a number once given stays with its pod, because Redis Cluster nodes and browsers remember addresses;
only a fallback from a preferred number (443 was taken) is reconsidered at the next start.
Units: port numbers, 20000-31999: below Linux's ephemeral range (ip_local_port_range starts at 32768), so that no
outgoing connection can take one while the platform is down. Each instance starts at its own place in the range.
Errors: PortsOccupied when nothing is free.
"""

import socket
from json import dumps, loads
from pathlib import Path
from threading import Lock
from typing import Final
from zlib import crc32

from audifi.local.errors import PortsOccupied
from audifi.local.files import write_text

FIRST: Final = 20000
LAST: Final = 31999
BLOCK: Final = 160  # distance between the starting places of two instances: more than one platform's ports
LOOPBACK: Final = "127.0.0.1"


class Ports:
    """The numbers of one instance; every change is written through."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._numbers: dict[str, int] = {}
        self._preferred: dict[str, int] = {}
        if path.exists():
            found = loads(path.read_text())
            self._numbers, self._preferred = found["ports"], found["preferred"]

    def of(self, pod: str, name: str, *, preferred: int | None = None) -> int:
        """The number of this pod's port, given now if it has none; the preferred one if it can be bound."""
        key = f"{pod}/{name}"
        with self._lock:  # `prepare` functions run in threads
            if key not in self._numbers:
                if preferred is not None:
                    self._preferred[key] = preferred
                wanted = preferred if preferred is not None and is_free(preferred) else self._next_free()
                self._numbers[key] = wanted
                self._write()
            return self._numbers[key]

    def address(self, pod: str, name: str) -> str:
        """127.0.0.1:<number>."""
        return f"{LOOPBACK}:{self.of(pod, name)}"

    def known(self, pod: str, name: str) -> int | None:
        """The number if it was given; for verbs that only look."""
        return self._numbers.get(f"{pod}/{name}")

    def all(self) -> dict[str, int]:
        return dict(sorted(self._numbers.items()))

    def reconsider(self) -> None:
        """Before a start: forget numbers that were a fallback, or whose preferred number is taken now."""
        for key, preferred in self._preferred.items():
            if key in self._numbers and (self._numbers[key] != preferred or not is_free(preferred)):
                del self._numbers[key]
        self._write()

    def _next_free(self) -> int:
        taken = set(self._numbers.values())
        size = LAST - FIRST + 1
        start = (crc32(str(self._path).encode()) * BLOCK) % size
        for step in range(size):
            number = FIRST + (start + step) % size
            if number not in taken and is_free(number):
                return number
        raise PortsOccupied(f"no port between {FIRST} and {LAST} is free on {LOOPBACK}")

    def _write(self) -> None:
        write_text(self._path, dumps({"ports": self.all(), "preferred": self._preferred}, indent=1) + "\n")


def is_free(number: int) -> bool:
    """Whether a server of ours could listen there now; false also where we may not (below 1024, not root)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too: connections of an earlier run in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, number))
        except OSError:
            return False
    return True
