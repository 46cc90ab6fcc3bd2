"""Say in which states a subscription can be, which follow from which, and what Stripe's words mean here.

Between: sagas.subscribing (asks before it changes a row).

    INCOMPLETE → ACTIVE | TRIALING | INCOMPLETE_EXPIRED     TRIALING → ACTIVE | PAST_DUE | PAUSED | CANCELLED
    ACTIVE → PAST_DUE | PAUSED | CANCELLED | TRIALING       PAST_DUE → ACTIVE | UNPAID | CANCELLED
    UNPAID → ACTIVE | CANCELLED                             PAUSED → ACTIVE | CANCELLED

Why reachable and not only next: an event in between may be late or lost, and Stripe's word is the truth. What is never
true is that something final, or begun, is undone.
Why UNKNOWN: Stripe may invent a status tomorrow; it is kept, entitles to nothing, and becomes what Stripe says next.
Errors: never raises.
Source: domain.md 2.4 "Subscription lifecycle"; docs.stripe.com/billing/subscriptions/overview#subscription-statuses.
ACTIVE → TRIALING: an operator grants a trial at Stripe.
"""

from typing import Final

UNKNOWN: Final = "UNKNOWN"
_OURS: Final = {
    "incomplete": "INCOMPLETE",
    "incomplete_expired": "INCOMPLETE_EXPIRED",
    "trialing": "TRIALING",
    "active": "ACTIVE",
    "past_due": "PAST_DUE",
    "unpaid": "UNPAID",
    "paused": "PAUSED",
    "canceled": "CANCELLED",
}
NEXT: Final[dict[str, frozenset[str]]] = {
    "INCOMPLETE": frozenset({"ACTIVE", "TRIALING", "INCOMPLETE_EXPIRED"}),
    "TRIALING": frozenset({"ACTIVE", "PAST_DUE", "PAUSED", "CANCELLED"}),
    "ACTIVE": frozenset({"PAST_DUE", "PAUSED", "CANCELLED", "TRIALING"}),
    "PAST_DUE": frozenset({"ACTIVE", "UNPAID", "CANCELLED"}),
    "UNPAID": frozenset({"ACTIVE", "CANCELLED"}),
    "PAUSED": frozenset({"ACTIVE", "CANCELLED"}),
    "CANCELLED": frozenset(),
    "INCOMPLETE_EXPIRED": frozenset(),
}
LIVE: Final = frozenset({"ACTIVE", "TRIALING", "PAST_DUE"})
FINAL_STATES: Final = frozenset({"CANCELLED", "INCOMPLETE_EXPIRED"})


def status_of(provider_status: str) -> str:
    """Return our word for Stripe's."""
    return _OURS.get(provider_status, UNKNOWN)


def _reachable(start: str) -> frozenset[str]:
    found: set[str] = set()
    left = [start]
    while left:
        for state in NEXT[left.pop()] - found:
            found.add(state)
            left.append(state)
    return frozenset(found)


_REACHABLE: Final = {state: _reachable(state) for state in NEXT}


def may_become(old: str, new: str) -> bool:
    """Whether one state can follow another, with others in between that nobody told us of."""
    if old in (new, UNKNOWN):
        return True
    return (new == UNKNOWN and old not in FINAL_STATES) or new in _REACHABLE[old]
