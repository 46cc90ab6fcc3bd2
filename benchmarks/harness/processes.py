"""Read what a process cost: CPU time and memory, as the kernel of the operating system accounts it.

Between: benchmarks and /proc.
Units: CPU in µs (user + system, all threads); memory in bytes. `cpu_us` counts ticks of 1/SC_CLK_TCK s (10 ms): a round
must be long enough for thousands of requests. `cpu_ns` counts the scheduler's nanoseconds, of threads that still run.
Why PSS: pages shared by three pods of one program are counted once, divided among them; the sum over processes is
then what the platform really takes.
Errors: FileNotFoundError when the process is gone.
Source: proc(5): /proc/pid/stat fields 14, 15; /proc/pid/smaps_rollup.
"""

import os
from collections.abc import Sequence
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_us(pids: Sequence[int]) -> int:
    """The CPU time all of them have used so far."""
    return sum(_cpu_us(pid) for pid in pids)


def _cpu_us(pid: int) -> int:
    # `1234 (name with ) and spaces) S 1 …`: fields are counted after the last parenthesis.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])
    return (user + system) * 1_000_000 // TICKS_PER_S


def cpu_ns(pids: Sequence[int]) -> int:
    """The same, exactly. Source: sched-stats.txt, /proc/pid/schedstat field 1."""
    return sum(
        int((task / "schedstat").read_text().split()[0]) for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()
    )


def pss_bytes(pid: int) -> int:
    """The process's proportional share of memory."""
    return _rollup(pid, "Pss:")


def rss_bytes(pid: int) -> int:
    """The process's resident memory, shared pages included: what a container's limit sees."""
    return _rollup(pid, "Rss:")


def _rollup(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def family(pid: int) -> list[int]:
    """The process and all its descendants, parents first."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found
