"""Answer other services about plans, and give money back at their wish.

Between: services with a declared link (internal token, 60 s) and the stores. Never routed from outside.
Invariant: a plan is read from the primary: limits decide on it. A refund is asked for once per purchase.
Errors: NotFound, InvalidState.
Source: domain.md 2.4 "Internal".
"""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from audifi.kernel import outbox
from audifi.kernel.http import Access, Body, Operation, Reply
from audifi.services.payment.errors import InvalidState, NotFound
from audifi.services.payment.parts import PaymentCall
from audifi.services.payment.routes.replies import StandingReply, standing_reply
from audifi.services.payment.sagas import subscribing
from audifi.services.payment.store import errands, payments, plans
from audifi.wire.events.auth import AuditRecorded


class UserPath(Body):
    """Whose plan."""

    id: UUID


class RefundBody(Body):
    """Which purchase is given back, and why."""

    purchase_id: UUID
    reason: Annotated[str, Meta(max_length=200)] = ""


class RefundReply(Reply):
    """Which payment goes back; REFUNDED once Stripe said so."""

    payment_id: str
    status: str


class SinceQuery(Body):
    """From which moment on."""

    since: Annotated[datetime, Meta(tz=True)]


class PaidPurchaseReply(Reply):
    """A purchase that was paid by card."""

    purchase_id: str
    amount_cents: int


async def paid_purchases(call: PaymentCall, query: SinceQuery) -> list[PaidPurchaseReply]:
    """Return what was paid by card, for whoever compares books."""
    async with call.deps.database.read_primary() as connection:
        found = await payments.paid_purchases(connection, query.since)
    return [PaidPurchaseReply(purchase_id, cents) for purchase_id, cents in found.items()]


async def plan(call: PaymentCall) -> StandingReply:
    """Return which plan counts for a user now."""
    async with call.deps.database.read_primary() as connection:
        standing = await subscribing.standing_of(connection, str(call.parameters.id), call.deps.clock.now())
        return standing_reply(standing, await plans.limits_of(connection, standing.plan))


async def refund(call: PaymentCall, body: RefundBody) -> RefundReply:
    """Ask for a payment to go back, all of it."""
    parts = call.deps
    async with parts.database.transaction() as tx:
        payment = await payments.of_purchase(tx, str(body.purchase_id))
        if payment is None:
            raise NotFound
        if payment.status not in ("SUCCEEDED", "REFUNDED"):
            raise InvalidState("Nothing was paid.", details={"status": payment.status})
        is_new = payment.status == "SUCCEEDED" and await errands.ask(tx, "REFUND", payment.id, parts.clock.now())
        if is_new:
            said = AuditRecorded(
                action="payment.refund_asked",
                category="revenue",
                target_type="payment",
                target_id=payment.id,
                actor_id=call.caller,
                actor_type="system",
                after={"reason": body.reason, "amountCents": str(payment.amount_cents)},
            )
            await outbox.add(tx, said, aggregate_id=payment.id)
    parts.wake()
    return RefundReply(payment.id, payment.status)


_TAG: Final = "internal"

OPERATIONS: Final = (
    Operation(
        method="GET", path="/internal/v1/users/{id}/plan", handler=plan, summary="Show which plan counts for a user",
        tag=_TAG, access=Access.SERVICE, parameters=UserPath, reply=StandingReply,
    ),
    Operation(
        method="GET", path="/internal/v1/purchases-paid", handler=paid_purchases, tag=_TAG, access=Access.SERVICE,
        summary="List what was paid by card since a moment", query=SinceQuery, reply=list[PaidPurchaseReply],
    ),
    Operation(
        method="POST", path="/internal/v1/refunds", handler=refund, summary="Give the payment of a purchase back",
        tag=_TAG, access=Access.SERVICE, body=RefundBody, reply=RefundReply, status=202,
        errors=(InvalidState, NotFound),
        example={"purchaseId": "0190f3a2-0000-7000-8000-000000000001", "reason": "not minted in 24 h"},
    ),
)  # fmt: skip
