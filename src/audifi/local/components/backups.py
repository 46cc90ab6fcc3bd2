"""Run the process that makes backups, in place of the cluster's ScheduledBackups and CronJobs.

Between: local.recovery (the process), topology.stores.backups (what it makes), Prometheus (asks how they are).
Invariant: ready as soon as it listens: nothing waits for a first backup. It runs as ourselves, because it copies what
belongs to several users; what it starts for PostgreSQL runs as the unprivileged user.
Errors: none of its own.
"""

import sys
from functools import partial
from typing import Final

from audifi.local import probes, resolution
from audifi.local.components import JobSpec, PodSpec
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology

COMPONENT: Final = "backups"
POD: Final = "backups-1"
STOP_GRACE_S: Final = 20.0  # a backup that runs is given up; PostgreSQL is told so


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """Describe it."""
    numbers = resolution.ports(instance, topology, POD, "control")
    return (
        PodSpec(
            name=POD,
            component=COMPONENT,
            argv=(sys.executable, "-m", "audifi.local.recovery", str(instance.path), str(numbers["control"])),
            ready=partial(_listens, numbers["control"]),
            ports=numbers,
            stop_grace_s=STOP_GRACE_S,
        ),
    )


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()


async def _listens(port: int) -> str:
    await probes.http_get(port, "/health")
    return "keeps the schedule"
