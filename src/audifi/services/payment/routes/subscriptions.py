"""Show a subscription and change it.

Between: the gateway (/subscriptions), sagas.changing, sagas.subscribing.
Errors: those of sagas.changing.
Source: domain.md 2.4 (U+2FA).
"""

from typing import Final

from audifi.kernel.http import Access, Body, Operation, StepUp
from audifi.services.payment.errors import (
    Conflict,
    Invalid,
    InvalidState,
    PaymentProviderError,
    PlanNotFound,
    SubscriptionNotFound,
)
from audifi.services.payment.parts import PaymentCall
from audifi.services.payment.routes.limits import WRITE
from audifi.services.payment.routes.payments import Interval, PlanName
from audifi.services.payment.routes.replies import SubscriptionReply, subscription_reply
from audifi.services.payment.sagas import changing, subscribing
from audifi.services.payment.store import plans, subscriptions


class CancelBody(Body):
    """Whether it ends now, or with its period."""

    immediately: bool = False


class ChangeBody(Body):
    """The plan wanted instead."""

    plan: PlanName
    interval: Interval


async def current(call: PaymentCall) -> SubscriptionReply:
    """Return the caller's subscription."""
    user_id = call.user().user_id
    async with call.deps.database.read_primary() as connection:
        row = await subscriptions.newest(connection, user_id)
        standing = await subscribing.standing_of(connection, user_id, call.deps.clock.now())
        return subscription_reply(row, standing, await plans.limits_of(connection, standing.plan))


async def cancel(call: PaymentCall, body: CancelBody) -> SubscriptionReply:
    """Let the subscription end."""
    await changing.end(call, immediately=body.immediately)
    return await current(call)


async def reactivate(call: PaymentCall) -> SubscriptionReply:
    """Take the cancellation back."""
    await changing.go_on(call)
    return await current(call)


async def change(call: PaymentCall, body: ChangeBody) -> SubscriptionReply:
    """Move to another plan."""
    await changing.move(call, body.plan, body.interval)
    return await current(call)


_TAG: Final = "subscriptions"
_ERRORS: Final = (Conflict, InvalidState, PaymentProviderError, SubscriptionNotFound)

OPERATIONS: Final = (
    Operation(
        method="GET", path="/subscriptions", handler=current, summary="Show your subscription", tag=_TAG,
        access=Access.USER, reply=SubscriptionReply,
    ),
    Operation(
        method="POST", path="/subscriptions/cancel", handler=cancel, summary="End your subscription", tag=_TAG,
        access=Access.USER, step_up=StepUp.IF_ENROLLED, body=CancelBody, reply=SubscriptionReply, idempotent=True,
        limits=(WRITE,), errors=_ERRORS, example={"immediately": False},
    ),
    Operation(
        method="POST", path="/subscriptions/reactivate", handler=reactivate, summary="Keep your subscription after all",
        tag=_TAG, access=Access.USER, step_up=StepUp.IF_ENROLLED, reply=SubscriptionReply, idempotent=True,
        limits=(WRITE,), errors=_ERRORS,
    ),
    Operation(
        method="PATCH", path="/subscriptions", handler=change, summary="Move to another plan", tag=_TAG,
        access=Access.USER, step_up=StepUp.IF_ENROLLED, body=ChangeBody, reply=SubscriptionReply, idempotent=True,
        limits=(WRITE,), errors=(*_ERRORS, Invalid, PlanNotFound),
        example={"plan": "ENTERPRISE", "interval": "YEARLY"},
        description="What is paid for the current period is credited. A card that is refused changes nothing.",
    ),
)  # fmt: skip
