"""Say what a workload is: who asks for what, how often, and what is there at the end.

Between: the other files of this folder (each makes one), drills.under_load (runs it) and workloads.open_loop (asks).
Shape: a workload is entered for one run and gives a Company: its errands, each at a rate of its own.
Units: *_per_s attempts a second.
Invariant: only the platform's public endpoints; each client has an address of its own and stays below the limits that
count by address and by user, or the limits would be measured.
Errors: entering raises Problem or TimedOut when people cannot sign up.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from audifi.drills.drill import Scene
from audifi.sdk import RetryPolicy

# Who tries once sees every failure: for faults that nobody may notice.
ONCE: Final = RetryPolicy(attempts=1, deadline_s=10.0)
# Who tries again sees how long it took: for faults with a budget in seconds. Half a second is the coarseness it adds.
PERSISTENT: Final = RetryPolicy(attempts=100, first_s=0.1, wait_s_max=0.5, deadline_s=45.0)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One attempt, ready to be made."""

    key: str  # what it is about
    make: Callable[[], Awaitable[str]]  # returns what was read, "" for a write
    value: str = ""  # what it writes


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A kind of attempt that is made again and again."""

    kind: str  # checks.ADDS and checks.SETS say which ones write
    per_s: float
    ask: Callable[[int], Ask]  # the n-th attempt
    is_repeated: bool = False  # its client tries again: a failure leaves open what an earlier try did


async def nothing() -> Mapping[str, list[str]]:
    """For workloads that only read."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Company:
    """Who asks during one run."""

    errands: tuple[Errand, ...]
    found: Callable[[], Awaitable[Mapping[str, list[str]]]] = nothing  # key → what is there; asked at the end


Workload = Callable[[Scene], AbstractAsyncContextManager[Company]]
