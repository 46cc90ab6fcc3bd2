"""Say what people read in their mail, from what events say. Pure.

Between: consumers (ask what an event promises), postman (asks for the text when it is sent).
Kinds. At once: `welcome`, `subscription`, `receipt`, `refund`. Gathered: `revenue_report`, one a day for an artist.
Once. `about` names what a mail tells of, not the event: a purchase that a reorg completes twice has one receipt.
Units: money as the event has it: wei are written exactly as whole coins and a fraction, cents as units and hundredths.
Errors: KeyError for a kind nobody wrote: a row that another version promised.
Source: domain.md 2.7 "Emails": welcome, subscription confirmation (immediate), revenue report (batch); ADR 0023.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from audifi.services.worker.store.mails import Facts, Promise
from audifi.wire.amounts import parsed
from audifi.wire.events import Event, data_of
from audifi.wire.events.auth import UserCreated
from audifi.wire.events.nft import DividendDistributed, PurchaseCompleted
from audifi.wire.events.payment import PaymentRefunded, SubscriptionCreated

NOTICE_S: Final = 3 * 24 * 3600  # a notice older than this is history, not news
REPORT_S: Final = 14 * 24 * 3600
REPORT: Final = "revenue_report"
_NOT_YET: Final = ("INCOMPLETE", "INCOMPLETE_EXPIRED")
_DECIMALS: Final = 18
_FOOTER: Final = "\n\nAudiFi\nThis address does not read replies."


@dataclass(frozen=True)
class Letter:
    """What is written."""

    subject: str
    text: str


def promised(event: Event, now: datetime) -> Promise | None:
    """Return the mail this event promises; None when it promises none."""
    return PROMISES[event.type](event, data_of(event), now)


def next_report(promise: Promise) -> Promise:
    """Return the report of the day after, for what came while this one was sent."""
    due_at = promise.due_at + timedelta(days=1)
    return Promise(
        kind=promise.kind,
        about=f"{promise.user_id} {due_at:%Y-%m-%d}",
        user_id=promise.user_id,
        facts=promise.facts,
        due_at=due_at,
        expires_at=promise.expires_at + timedelta(days=1),
    )


def written(kind: str, facts: Sequence[Facts], app_url: str) -> Letter:
    """Write a mail."""
    letter = _TEXTS[kind](facts, app_url.rstrip("/"))
    return Letter(letter.subject, letter.text + _FOOTER)


def coins(wei: int) -> str:
    """Write 50000000000000000 wei as 0.05, exactly."""
    whole, rest = divmod(wei, 10**_DECIMALS)
    fraction = f"{rest:0{_DECIMALS}d}".rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)


def _cents(amount: int, currency: str) -> str:
    return f"{amount // 100}.{amount % 100:02d} {currency.upper()}"


def _notice(kind: str, about: str, user_id: str, facts: Facts, now: datetime) -> Promise:
    expires_at = now + timedelta(seconds=NOTICE_S)
    return Promise(kind=kind, about=about, user_id=user_id, facts=facts, due_at=now, expires_at=expires_at)


def _welcomed(_: Event, it: UserCreated, now: datetime) -> Promise:
    return _notice("welcome", it.user_id, it.user_id, {}, now)


def _subscribed(event: Event, it: SubscriptionCreated, now: datetime) -> Promise | None:
    if it.status in _NOT_YET:
        return None
    return _notice("subscription", str(event.id), it.user_id, {"plan": it.plan, "status": it.status}, now)


def _bought(_: Event, it: PurchaseCompleted, now: datetime) -> Promise:
    facts = {
        "masterId": it.master_id,
        "quantity": str(it.quantity),
        "total": coins(parsed(it.total_wei)),
        "tokenIds": ", ".join(map(str, it.token_ids)),
        "txHash": it.tx_hash,
    }
    return _notice("receipt", it.purchase_id, it.user_id, facts, now)


def _refunded(_: Event, it: PaymentRefunded, now: datetime) -> Promise:
    return _notice("refund", it.payment_id, it.user_id, {"amount": _cents(it.amount_cents, it.currency)}, now)


def _distributed(_: Event, it: DividendDistributed, now: datetime) -> Promise:
    due_at = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return Promise(
        kind=REPORT,
        about=f"{it.artist_id} {due_at:%Y-%m-%d}",
        user_id=it.artist_id,
        facts={
            "masterId": it.master_id,
            "gross": coins(parsed(it.gross_wei)),
            "artist": coins(parsed(it.artist_wei)),
            "holders": coins(parsed(it.holders_wei)),
            "wallets": str(it.wallets),
        },
        due_at=due_at,
        expires_at=due_at + timedelta(seconds=REPORT_S),
    )


def _welcome(_: Sequence[Facts], app_url: str) -> Letter:
    text = (
        "Welcome to AudiFi.\n\nLook at what artists offer, and own a part of a recording:\n\n"
        f"{app_url}/marketplace\n\nYou are an artist? Make your profile here:\n\n{app_url}/settings"
    )
    return Letter("Welcome to AudiFi", text)


def _subscription(facts: Sequence[Facts], app_url: str) -> Letter:
    [it] = facts
    state = "Your trial has begun." if it["status"] == "TRIALING" else "It is active now."
    text = f"You subscribed to {it['plan']}. {state}\n\nChange or cancel it here:\n\n{app_url}/settings/subscription"
    return Letter(f"Your AudiFi subscription: {it['plan']}", text)


def _receipt(facts: Sequence[Facts], app_url: str) -> Letter:
    [it] = facts
    text = (
        f"You bought {it['quantity']} share(s): number {it['tokenIds']}.\n\n"
        f"Total: {it['total']} in the chain's currency\nTransaction: {it['txHash']}\n\n"
        f"{app_url}/masters/{it['masterId']}"
    )
    return Letter("Your shares", text)


def _refund(facts: Sequence[Facts], app_url: str) -> Letter:
    [it] = facts
    text = (
        f"We gave you back {it['amount']}. Your bank shows it within a few days.\n\n"
        f"Your payments: {app_url}/settings/payments"
    )
    return Letter("Your money back", text)


def _revenue(facts: Sequence[Facts], app_url: str) -> Letter:
    lines = [
        f"{app_url}/masters/{it['masterId']}\n"
        f"  earned {it['gross']}, yours {it['artist']}, holders' {it['holders']} for {it['wallets']} wallets"
        for it in facts
    ]
    text = "What your recordings earned (in the currency of each chain):\n\n" + "\n\n".join(lines)
    return Letter("Your revenue report", text)


PROMISES: Final[Mapping[str, Callable[[Event, Any, datetime], Promise | None]]] = {
    "user.created": _welcomed,
    "subscription.created": _subscribed,
    "purchase.completed": _bought,
    "payment.refunded": _refunded,
    "dividend.distributed": _distributed,
}
_TEXTS: Final[Mapping[str, Callable[[Sequence[Facts], str], Letter]]] = {
    "welcome": _welcome,
    "subscription": _subscription,
    "receipt": _receipt,
    "refund": _refund,
    REPORT: _revenue,
}
