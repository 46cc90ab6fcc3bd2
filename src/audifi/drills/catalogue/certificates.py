"""Let a certificate come near its end while people work: it is renewed by itself, and nobody notices.

Between: drills.catalogue (collects), faults.certificates (plants it) and workloads.accounts (asks).
Units: days.
Source: design.md "Automatic renewal" (promise tls-renewal); domain.md 5.2.
"""

from dataclasses import replace
from typing import Final

from audifi.drills.drill import Drill, Findings, Sabotage, Scene, Way
from audifi.drills.faults import certificates
from audifi.drills.under_load import under_load
from audifi.drills.workloads.accounts import accounts
from audifi.local.certificates import RENEW_DAYS
from audifi.sdk import RetryPolicy

HOLD_S: Final = 8.0  # the supervisor looks every five seconds
UNNOTICED: Final = ("write: failed", "get: failed")  # an unkeyed change is nobody's to repeat (catalogue.edges)


async def renewed(scene: Scene) -> Findings:
    """Wait for another certificate; an answer that was missed meanwhile is wrong."""
    play = under_load(
        workload=accounts(retries=RetryPolicy()), fault=certificates.ends_soon, hold_s=HOLD_S, measures={}
    )
    found = await play(scene)
    left_days = await certificates.left_days(scene.stage)
    missed = tuple(f"{name}: {found.figures[name]}" for name in UNNOTICED if found.figures.get(name))
    return replace(
        found,
        measured={"tls-renewal": float(left_days < RENEW_DAYS)},
        wrong=found.wrong if scene.way is Way.SABOTAGE else (*found.wrong, *missed),
        figures={**found.figures, "left_days": round(left_days, 1)},
    )


DRILLS = (
    Drill(
        name="certificate-renewed",
        summary="The edge's certificate ends in days; it is replaced while people sign, change and read.",
        proves=("tls-renewal",),
        play=renewed,
        sabotage=Sabotage(removes="the supervisor is frozen: nobody renews it", deed=certificates.nobody_renews),
    ),
)
