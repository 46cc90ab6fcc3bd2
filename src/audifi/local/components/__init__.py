"""Say what a runner of a component must offer, and nothing about how one does it.

Between: one module per component in this folder (each is a `Runner`: it defines `pods` and `jobs`) and
local.plan (collects them) and local.supervisor (starts, probes, restarts and stops what they describe).
Shape: a plan holds ≤ 60 pods and ≤ 20 jobs. Names are identity: pods are `<component>-<n>` from 1, jobs are
`<component>:<what>`; `after` may name a pod, a job or a whole component (all its pods ready, all its jobs done).
Units: *_s seconds.
Invariant: `pods` and `jobs` only describe: they allocate ports but write no file and start nothing. What must be
written is written by `prepare`, which runs in a thread before every start and must be idempotent.
Errors: `prepare` raises `LocalError` for what the operator must mend; `ready` and `run` raise `NotReady` to be
polled again, anything else counts as the end of that attempt.
"""

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from audifi.local.state import Instance
from audifi.local.waiting import NotReady
from audifi.topology.model.whole import Topology

type_of_user = Literal["unprivileged"] | None  # "unprivileged": user postgres when we are root, otherwise ourselves

Probe = Callable[[], Awaitable[str]]  # returns a status ("leader, timeline 1") or raises NotReady("why not yet")


def nothing_to_prepare() -> None:
    """The pod needs no file of ours."""


async def nothing_before_stopping() -> None:
    """The pod's stop signal is all it needs to end well."""


def nothing_to_tend() -> signal.Signals | None:
    """The pod needs no looking after."""
    return None


@dataclass(frozen=True, kw_only=True)
class PodSpec:
    """One process to keep alive."""

    name: str
    component: str
    argv: tuple[str, ...]  # argv[0] absolute (local.binaries.binary); never a secret in it
    ready: Probe
    # Added to PATH, HOME, LANG and our marker; asked at every start where secrets, which may be replaced, are in it.
    env: Mapping[str, str] | Callable[[], Mapping[str, str]] = field(default_factory=dict[str, str])
    cwd: Path | None = None  # default: instance.data(name), made for the pod's user
    user: type_of_user = None
    ports: Mapping[str, int] = field(default_factory=dict[str, int])  # checked free before the start; shown by status
    after: tuple[str, ...] = ()
    prepare: Callable[[], None] = nothing_to_prepare
    # What a cluster calls its preStop hook: awaited before the signal, within the same stop_grace_s.
    before_stop: Callable[[], Awaitable[None]] = nothing_before_stopping
    # Looked after while it runs, every few seconds: the signal that tells it what has changed, or None.
    tend: Callable[[], signal.Signals | None] = nothing_to_tend
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_s: float = 10.0  # then SIGKILL to the process group
    ready_within_s: float = 60.0  # the first start fails after this


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """Something done once per `up`, after what it names is ready; idempotent."""

    name: str
    component: str
    run: Callable[[], Awaitable[str]]  # returns what it did
    after: tuple[str, ...] = ()
    within_s: float = 60.0


class Runner(Protocol):
    """A module of this folder."""

    def pods(self, instance: Instance, topology: Topology) -> tuple[PodSpec, ...]: ...
    def jobs(self, instance: Instance, topology: Topology) -> tuple[JobSpec, ...]: ...


__all__ = [
    "JobSpec",
    "NotReady",
    "PodSpec",
    "Probe",
    "Runner",
    "nothing_before_stopping",
    "nothing_to_prepare",
    "nothing_to_tend",
]
