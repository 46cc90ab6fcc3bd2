"""Release what should not have been released: a bad release is rolled back, and a pod's clock is wrong.

Between: drills.catalogue (collects), drills.faults.releases (releases) and drills.workloads (asks).
Units: *_s seconds.
Source: domain.md 7 (rollback per deployment; 30 s of skew, domain.md 4); issue 6.
"""

from typing import Final

from audifi.drills.drill import Drill, Sabotage
from audifi.drills.faults import releases
from audifi.drills.under_load import Judged, under_load
from audifi.drills.workloads.accounts import accounts
from audifi.drills.workloads.sessions import sessions
from audifi.drills.workloads.together import together
from audifi.drills.workloads.visitors import reading

AUTH: Final = "auth-service"
PAYMENT: Final = "payment-service"
WITHIN_SKEW_S: Final = 20  # tokens may be 30 s from the future
BEYOND_SKEW_S: Final = 600

DRILLS = (
    Drill(
        name="release-rolled-back",
        summary="A release of payment-service cannot start; it stops at the first pod and is rolled back.",
        proves=("pod-loss",),
        play=under_load(
            workload=together(reading(PAYMENT), accounts()),
            fault=releases.bad_release(PAYMENT),
            hold_s=1,
            measures={"pod-loss": Judged.failed},
        ),
        sabotage=Sabotage(
            removes="the release had gone on although a pod was not ready",
            deed=releases.bad_release_everywhere(PAYMENT),
        ),
        alerts=("TargetDown",),
    ),
    Drill(
        name="clock-wrong",
        summary="The clock of an auth pod is 20 s ahead while people renew their sessions and use them elsewhere.",
        proves=("pod-loss",),
        play=under_load(
            workload=sessions,
            fault=releases.clock_ahead("auth-service-2", WITHIN_SKEW_S),
            hold_s=10,
            measures={"pod-loss": Judged.failed},
        ),
        sabotage=Sabotage(
            removes="the clock of another auth pod is 10 min ahead, beyond what tokens allow",
            deed=releases.clock_ahead("auth-service-3", BEYOND_SKEW_S),
        ),
    ),
)
