"""What mails say, and that each is promised once about what it tells of."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from audifi.services.worker import letters
from audifi.wire.events import Event, EventData, envelope
from audifi.wire.events.auth import UserCreated
from audifi.wire.events.nft import DividendDistributed, PurchaseCompleted
from audifi.wire.events.payment import PaymentRefunded, SubscriptionCreated

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
APP = "https://app.audifi.io/"
PURCHASE: dict[str, Any] = {
    "purchase_id": "p1", "user_id": "u1", "master_id": "m1", "artist_id": "a1", "kind": "PRIMARY",
    "payment_method": "WALLET", "quantity": 2, "total_wei": "50000000000000001", "fee_wei": "0", "token_ids": (3, 4),
    "tx_hash": "0x1",
}  # fmt: skip


def _event(data: EventData) -> Event:
    return envelope(data, event_id=uuid4(), producer="x", aggregate_id="x", request_id="", traceparent="")


def _promised(data: EventData) -> Any:
    return letters.promised(_event(data), NOW)


@pytest.mark.parametrize(
    ("wei", "text"),
    [(0, "0"), (1, "0.000000000000000001"), (10**18, "1"), (35 * 10**16, "0.35"), (10**21 + 1, f"1000.{1:018d}")],
)
def test_wei_are_written_exactly(wei: int, text: str) -> None:
    assert letters.coins(wei) == text


def test_a_receipt_is_about_the_purchase_and_not_about_the_event() -> None:
    one, other = _promised(PurchaseCompleted(**PURCHASE)), _promised(PurchaseCompleted(**PURCHASE))
    assert (one.kind, one.about, one.user_id) == (other.kind, other.about, other.user_id) == ("receipt", "p1", "u1")
    letter = letters.written("receipt", [one.facts], APP)
    assert "2 share(s): number 3, 4" in letter.text
    assert "Total: 0.050000000000000001" in letter.text
    assert "https://app.audifi.io/masters/m1" in letter.text


def test_what_has_not_begun_is_not_confirmed() -> None:
    assert _promised(SubscriptionCreated(user_id="u", plan="PRO", status="INCOMPLETE")) is None
    found = _promised(SubscriptionCreated(user_id="u", plan="PRO", status="TRIALING"))
    assert "trial" in letters.written(found.kind, [found.facts], APP).text


def test_a_refund_and_a_welcome() -> None:
    refund = _promised(PaymentRefunded(payment_id="x", user_id="u", type="NFT_MINT", amount_cents=1205, currency="usd"))
    assert "12.05 USD" in letters.written(refund.kind, [refund.facts], APP).text
    welcome = _promised(UserCreated(user_id="u"))
    assert (welcome.about, welcome.due_at) == ("u", NOW)
    assert letters.written(welcome.kind, [welcome.facts], APP).subject == "Welcome to AudiFi"


def test_reports_gather_a_day() -> None:
    report = _promised(
        DividendDistributed(
            distribution_id="d", revenue_id="r", master_id="m", artist_id="a", gross_wei=str(10**18),
            holders_wei="1", artist_wei="2", platform_wei="0", collaborators_wei="0", wallets=3,
        )
    )  # fmt: skip
    assert report.due_at == datetime(2026, 3, 2, tzinfo=UTC)
    assert report.about == "a 2026-03-02"
    later = letters.next_report(report)
    assert (later.about, later.due_at) == ("a 2026-03-03", datetime(2026, 3, 3, tzinfo=UTC))
    text = letters.written(report.kind, [report.facts, report.facts], APP).text
    assert text.count("earned 1, yours 0.000000000000000002") == 2
