"""Lose doors: gateways killed, drained and rolled, and the edge itself.

Between: drills.catalogue (collects), faults.{processes,edges} (break) and workloads.accounts (asks).
Who asks: after a drain or a roll, people who try once: a planned end drops nothing. After a kill, people whose client
repeats what may be repeated, as ours does: what a dead gateway was just answering nobody else can know. A change of
a profile has no key, so its client may not repeat it, and such failures are shown but not counted.
The edge is one nginx here, so its loss is an outage, measured as it is; in production it is Cloudflare's network.
Units: *_s seconds.
Source: design.md "API GATEWAY", "EDGE" (promises gateway-loss, edge-process); issue 6 (any pod loss: 0 failed).
"""

from audifi.drills.alerts import A_POD_IS_AWAY
from audifi.drills.drill import Drill, Sabotage
from audifi.drills.faults import edges, processes
from audifi.drills.under_load import Judged, under_load
from audifi.drills.workloads.accounts import accounts
from audifi.drills.workloads.workload import PERSISTENT
from audifi.sdk import RetryPolicy

GATEWAY = "api-gateway"
EDGE = "edge"
HOLD_S = 4.0
ALERTED_S = 22.0  # the alert waits for 6 s and may take 14 s more (topology.alerts)
OUTAGE_HOLD_S = 8.0  # longer than the promise allows, so that an edge that stays down is seen

OTHER_DOWN = Sabotage(
    removes="the other gateway is down",
    deed=processes.halted(processes.pod("api-gateway-1")),
)


def _repeatable(judged: Judged) -> float:
    return judged.failed("write") + judged.failed("get")


def _outage(judged: Judged) -> float:
    return judged.outage_s("get")


DRILLS = (
    Drill(
        name="gateway-killed",
        summary="A gateway is killed and stays dead while people sign consents and read their profiles.",
        proves=("gateway-loss",),
        play=under_load(
            workload=accounts(retries=RetryPolicy()),
            fault=processes.lost(processes.one_of(GATEWAY)),
            hold_s=HOLD_S,
            alerted_s=ALERTED_S,
            measures={"gateway-loss": _repeatable},
        ),
        sabotage=OTHER_DOWN,
        alerts=("TargetDown",),
        is_quick=True,
    ),
    Drill(
        name="gateway-drained",
        summary="A gateway is taken out of service while people who try once sign, change and read.",
        proves=("gateway-loss",),
        play=under_load(
            workload=accounts(),
            fault=processes.halted(processes.one_of(GATEWAY)),
            hold_s=HOLD_S,
            measures={"gateway-loss": Judged.failed},
        ),
        sabotage=OTHER_DOWN,
        tolerates=A_POD_IS_AWAY,
    ),
    Drill(
        name="gateway-rolled",
        summary="Both gateways are restarted, one after the other, while people who try once sign, change and read.",
        proves=("gateway-loss",),
        play=under_load(
            workload=accounts(), fault=edges.rolled(GATEWAY), hold_s=1, measures={"gateway-loss": Judged.failed}
        ),
        sabotage=Sabotage(removes="both gateways are restarted at once"),
        tolerates=A_POD_IS_AWAY,
    ),
    Drill(
        name="edge-killed",
        summary="The edge is killed: it is one process here, and everybody waits for it.",
        proves=("edge-process",),
        play=under_load(
            workload=accounts(retries=PERSISTENT),
            fault=edges.killed(processes.pod("edge-1")),
            hold_s=OUTAGE_HOLD_S,
            measures={"edge-process": _outage},
        ),
        sabotage=Sabotage(removes="nobody starts it again"),
    ),
    Drill(
        name="edge-rolled",
        summary="The edge is ended as a release ends it: it answers what it was asked, and is away until it is back.",
        proves=("edge-process",),
        play=under_load(
            workload=accounts(retries=PERSISTENT),
            fault=edges.restarted(processes.pod("edge-1")),
            hold_s=OUTAGE_HOLD_S,
            measures={"edge-process": _outage},
        ),
        sabotage=Sabotage(removes="nobody starts it again"),
    ),
)
