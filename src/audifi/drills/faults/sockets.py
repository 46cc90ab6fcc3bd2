"""Know which TCP connections processes have open.

Between: drills.faults.links (cuts them) and /proc.
Shape: a connection is a pair of ports, ours and theirs: on one machine everybody's address is a loopback one.
Errors: a process that ends while we look has no sockets.
Source: proc(5): fd/ ("socket:[inode]"), net/tcp (local and remote address in hexadecimal, the tenth field the inode).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

Pair = tuple[int, int]  # their own port, the other's port


def opened_by(numbers: Iterable[int]) -> set[Pair]:
    """Connections of these processes, whoever opened them; listening sockets are not among them."""
    theirs = {inode for number in numbers for inode in _inodes(number)}
    return {pair for inode, pair in _connections() if inode in theirs}


def _inodes(number: int) -> Iterator[str]:
    try:
        for entry in Path(f"/proc/{number}/fd").iterdir():
            target = str(entry.readlink())
            if target.startswith("socket:["):
                yield target[len("socket:[") : -1]
    except OSError:  # it has ended, or closed this one
        return


def _connections() -> Iterator[tuple[str, Pair]]:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ours, theirs = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
        if theirs:
            yield fields[9], (ours, theirs)
