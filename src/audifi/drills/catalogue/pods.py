"""Lose pods of every service: killed one by one, and replaced by a release.

Between: drills.catalogue (collects), drills.faults.processes (kills) and drills.workloads (asks).
Invariant: whoever asks tries once: nobody may notice anything.
Source: design.md "3 pods", "replicas: 3" (promise pod-loss); issue 6 (any pod loss: 0 failed requests).
"""

from audifi.drills.drill import Drill, Sabotage
from audifi.drills.faults import processes
from audifi.drills.under_load import under_load
from audifi.drills.workloads.accounts import accounts

DRILLS = (
    Drill(
        name="auth-pod-killed",
        summary="A pod of auth-service is killed while people sign consents and read their profiles.",
        proves=("pod-loss",),
        play=under_load(
            workload=accounts(),
            fault=processes.killed(processes.pod("auth-service-2")),
            hold_s=3,
            measures={"pod-loss": lambda judged: judged.failed()},
        ),
        sabotage=Sabotage(
            removes="the other two pods are down",
            deed=processes.halted(processes.pod("auth-service-1")),
        ),
        is_quick=True,
    ),
)
