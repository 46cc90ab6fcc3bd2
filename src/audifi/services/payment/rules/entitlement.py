"""Decide which plan somebody may use now, and what it includes.

Between: sagas.subscribing, routes (ask), store.plans (rows).
Why the grace counts from the period's start: that is when the unpaid period began, and it is in every snapshot Stripe
sends, so it does not depend on which of its events arrived, or when.
Units: GRACE is a time; a limit of None is no limit.
Invariant: an unknown status never entitles.
Errors: never raises.
Source: domain.md 2.4 "Entitlement": ACTIVE, TRIALING, PAST_DUE for 7 days; limits of FREE and of the others.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FREE: Final = "FREE"
NONE: Final = "NONE"  # the status of somebody who never subscribed, or no longer does
GRACE: Final = timedelta(days=7)


@dataclass(frozen=True)
class Standing:
    """Which plan counts, and why."""

    plan: str
    status: str


def entitles(status: str, period_start: datetime, now: datetime) -> bool:
    """Whether a subscription in this state counts."""
    if status == "PAST_DUE":
        return now < period_start + GRACE
    return status in ("ACTIVE", "TRIALING")


def standing(plan: str, status: str, period_start: datetime, now: datetime) -> Standing:
    """What the owner of the one live subscription may use."""
    return Standing(plan if entitles(status, period_start, now) else FREE, status)


NOTHING: Final = Standing(FREE, NONE)
