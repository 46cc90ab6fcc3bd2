"""Show what can be bought, open pages to pay on, show what was paid.

Between: the gateway (/payments), sagas.opening, store.plans, store.invoices.
Errors: those of sagas.opening.
Source: domain.md 2.4.
"""

from typing import Final, Literal
from uuid import UUID

import msgspec

from audifi.kernel.clock import iso
from audifi.kernel.http import Access, Body, Operation, Page, Paging, Reply, Timestamp
from audifi.services.payment.errors import (
    Conflict,
    Invalid,
    InvalidState,
    NotFound,
    PaymentProviderError,
    PlanNotFound,
    ReservationExpired,
)
from audifi.services.payment.parts import PaymentCall
from audifi.services.payment.routes.limits import WRITE
from audifi.services.payment.routes.replies import HistoryReply, PlanReply, history_reply, plan_reply
from audifi.services.payment.sagas import opening
from audifi.services.payment.store import invoices, plans

PlanName = Literal["FREE", "PRO", "ENTERPRISE"]
Interval = Literal["MONTHLY", "YEARLY"]


class CheckoutBody(Body, kw_only=True):
    """What is paid: a plan for an interval, or a reserved purchase."""

    kind: Literal["SUBSCRIPTION", "PURCHASE"]
    plan: PlanName | None = None
    interval: Interval | None = None
    purchase_id: UUID | None = None


class CheckoutReply(Reply):
    """Where to pay, and until when."""

    session_id: str
    url: str
    expires_at: Timestamp


class PortalReply(Reply):
    """Where cards and invoices are kept."""

    url: str


async def list_plans(call: PaymentCall) -> list[PlanReply]:
    """Return the price list."""
    async with call.deps.database.read() as connection:
        return [plan_reply(plan) for plan in await plans.active(connection)]


async def checkout(call: PaymentCall, body: CheckoutBody) -> CheckoutReply:
    """Open a page to pay on."""
    user_id, parts = call.user().user_id, call.deps
    _require(body)
    if body.kind == "PURCHASE":
        page = await opening.for_purchase(parts, user_id, str(body.purchase_id))
    else:
        page = await opening.for_subscription(parts, user_id, str(body.plan), str(body.interval))
    return CheckoutReply(page.session_id, page.url, iso(page.expires_at))


def _require(body: CheckoutBody) -> None:
    wanted = ("purchase_id",) if body.kind == "PURCHASE" else ("plan", "interval")
    renamed = {field.name: field.encode_name for field in msgspec.structs.fields(CheckoutBody)}
    wrong: dict[str, str] = {}
    for name in ("purchase_id", "plan", "interval"):
        is_given = getattr(body, name) is not None
        if is_given != (name in wanted):
            wrong[renamed[name]] = f"is required for {body.kind}" if name in wanted else f"is not for {body.kind}"
    if wrong:
        raise Invalid(details=wrong)


async def portal(call: PaymentCall) -> PortalReply:
    """Open the billing portal."""
    parts = call.deps
    customer = await opening.customer_of(parts, call.user().user_id)
    return PortalReply(await parts.stripe.portal(customer, f"{parts.settings.app_origin}/settings/billing"))


async def history(call: PaymentCall, query: Paging) -> Page[HistoryReply]:
    """Return what the caller paid, newest first."""
    async with call.deps.database.read() as connection:
        entries, total = await invoices.history(connection, call.user().user_id, offset=query.offset, limit=query.limit)
    return Page([history_reply(entry) for entry in entries], total, query)


_TAG: Final = "payments"

OPERATIONS: Final = (
    Operation(
        method="GET", path="/payments/plans", handler=list_plans, summary="List plans and prices", tag=_TAG,
        access=Access.GUEST, reply=list[PlanReply], cache_control="public, max-age=30",
    ),
    Operation(
        method="POST", path="/payments/checkout", handler=checkout, summary="Open a page to pay on", tag=_TAG,
        access=Access.USER, body=CheckoutBody, reply=CheckoutReply, status=201, idempotent=True,
        idempotency_required=True, limits=(WRITE,),
        errors=(Conflict, Invalid, InvalidState, NotFound, PaymentProviderError, PlanNotFound, ReservationExpired),
        example={"kind": "SUBSCRIPTION", "plan": "PRO", "interval": "MONTHLY"},
        description="A purchase has one page: asking again, with any key, returns it as long as the reservation lasts. "
                    "Its price in cents is fixed by the first ask.",
    ),
    Operation(
        method="POST", path="/payments/portal", handler=portal, summary="Open the billing portal", tag=_TAG,
        access=Access.USER, reply=PortalReply, limits=(WRITE,), errors=(Conflict, PaymentProviderError),
    ),
    Operation(
        method="GET", path="/payments/history", handler=history, summary="List your payments and invoices", tag=_TAG,
        access=Access.USER, query=Paging, reply=HistoryReply, listed=True,
    ),
)  # fmt: skip
