"""Keep what is known about every pod and job, and tell everyone who follows.

Between: local.keeper and local.supervisor (write) and local.control (reads, follows).
Shape: one `Status` per unit (pod or job), ≤ 80; followers get every change in order, bounded by how often probes run.
Invariant: `has_been_ready` never goes back: the start order needs a unit to have been ready once; later crashes are
the keeper's business and must not stall what already runs.
Units: *_s seconds; at_s wall clock, for people.
Errors: `until_ready` raises StartFailed as soon as a unit it waits for has failed.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from audifi.local.errors import StartFailed


class State(StrEnum):
    """Where a unit is in its life."""

    WAITING = "waiting"  # for something else
    STARTING = "starting"
    READY = "ready"
    UNREADY = "not ready"  # it runs, but does not answer as it should
    RUNNING = "running"  # a job
    DONE = "done"  # a job
    RESTARTING = "restarting"  # it ended by itself and will be started again
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Status:
    """What is known about one pod or job."""

    name: str
    component: str
    is_job: bool = False
    state: State = State.WAITING
    detail: str = ""
    pid: int | None = None
    restarts: int = 0
    since_s: float = 0.0
    ports: Mapping[str, int] = field(default_factory=dict[str, int])


Event = dict[str, Any]  # {"event": "unit" | "ready" | "failed" | "stopped", …}: one line of the control channel


class Board:
    """All statuses, and who follows them."""

    def __init__(self, units: Iterable[Status]) -> None:
        self._statuses = {unit.name: replace(unit, since_s=time.time()) for unit in units}
        self._has_been_ready = {name: asyncio.Event() for name in self._statuses}
        self._followers: set[asyncio.Queue[Event]] = set()
        self._changed = asyncio.Condition()

    def statuses(self) -> list[Status]:
        return list(self._statuses.values())

    def status(self, name: str) -> Status:
        return self._statuses[name]

    def update(self, name: str, state: State, detail: str = "", **changes: Any) -> None:
        """Note the unit's new status; followers hear of it if it differs."""
        before = self._statuses[name]
        since_s = before.since_s if before.state == state else time.time()
        after = replace(before, state=state, detail=detail, since_s=since_s, **changes)
        if after == before:
            return
        self._statuses[name] = after
        if state in {State.READY, State.DONE, State.FAILED}:
            self._has_been_ready[name].set()
        self.publish({"event": "unit", **asdict(after)})

    def publish(self, event: Event) -> None:
        for follower in self._followers:
            follower.put_nowait(event)

    def follow(self) -> asyncio.Queue[Event]:
        """Every event from now on."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._followers.add(queue)
        return queue

    def unfollow(self, queue: asyncio.Queue[Event]) -> None:
        self._followers.discard(queue)

    async def until_ready(self, names: Iterable[str]) -> None:
        """Return once every named unit has been ready (a job: done)."""
        for name in names:
            await self._has_been_ready[name].wait()
            status = self._statuses[name]
            if status.state is State.FAILED:
                raise StartFailed(f"{name}: {status.detail}")
