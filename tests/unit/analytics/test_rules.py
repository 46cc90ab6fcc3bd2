"""Rules of counting: days, buckets, months, facts, what is kept, and what a spreadsheet may open."""

import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.analytics.rules import facts, kinds, periods, retention, tables, visitors
from audifi.services.analytics.store import figures

MOMENTS = st.datetimes(
    datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)  # noqa: DTZ001  # hypothesis adds the zone
)  # fmt: skip
DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@given(st.sampled_from(periods.PERIODS), DAYS)
def test_a_period_ends_today_and_has_its_length(period: periods.Period, today: date) -> None:
    first = periods.first_day(period, today)
    assert first <= today
    if period != "all_time":
        assert (today - first).days + 1 == periods.DAYS[period]


@given(MOMENTS, st.integers(-14, 14))
def test_a_moment_lies_in_its_utc_day_wherever_it_was_written(moment: datetime, hours: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))
    day = periods.day_of(elsewhere)
    assert periods.begins(day) <= moment < periods.begins(day + timedelta(days=1))


@given(MOMENTS, st.timedeltas(timedelta(), timedelta(days=365)))
def test_buckets_are_few_and_as_narrow_as_can_be(first: datetime, length: timedelta) -> None:
    width_s = periods.bucket_s(first, first + length)
    assert length.total_seconds() / width_s < periods.BUCKETS_MAX
    assert 86_400 % width_s == 0


@given(DAYS, st.integers(0, 5), st.integers(0, 5))
def test_months_follow_each_other_across_years(today: date, before: int, after: int) -> None:
    found = periods.months(today, before=before, after=after)
    assert found[before] == today.replace(day=1)
    assert len(found) == before + after + 1
    for one, other in pairwise(found):
        assert other == (one + timedelta(days=32)).replace(day=1)


def test_december_is_followed_by_january() -> None:
    assert periods.months(date(2026, 12, 31), before=0, after=2) == [
        date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1),
    ]  # fmt: skip


@given(DAYS, st.integers(0, 200))
def test_what_is_deleted_was_frozen_before(today: date, age: int) -> None:
    day = today - timedelta(days=age)
    is_deleted = periods.begins(day) < retention.delete_before(today)
    tomorrow = today + timedelta(days=1)
    assert not is_deleted or retention.is_frozen(day, today)
    assert not (periods.begins(day) < retention.delete_before(tomorrow)) or retention.is_frozen(day, today)


@given(st.none() | MOMENTS, MOMENTS)
def test_a_client_s_moment_is_believed_for_a_week(claimed: datetime | None, now: datetime) -> None:
    at = retention.believed(claimed, now)
    assert now - timedelta(days=retention.LATE_DAYS) <= at <= now
    if claimed is not None and now - timedelta(days=retention.LATE_DAYS) <= claimed <= now:
        assert at == claimed


def test_money_is_due_at_once_and_kept_for_ever() -> None:
    for kind in ("purchase.completed", "share.sold", "dividend.claimed", "payment.succeeded", "user.created"):
        assert kinds.is_lasting(kind)
        assert retention.due_s(kind, has_session=False) == 0
    for kind in ("view", "share", "vote.cast", "session.started", "wallet.linked"):
        assert not kinds.is_lasting(kind)
    assert retention.due_s("vote.cast", has_session=True) == 300
    assert retention.due_s("wallet.linked", has_session=False) == 3600


def test_every_published_type_is_counted_but_two() -> None:
    found = set(kinds.domain_types())
    assert {"user.created", "share.minted", "coin.staked", "invoice.paid", "vote.cast", "session.locked"} <= found
    assert not {"audit.recorded", "security.event", "chain.wanted", "content.pinned"} & found
    assert set(kinds.PUBLIC) <= found


MINTED = {"masterId": "m", "tokenId": 7, "txHash": "0xA", "logIndex": 1, "wallet": "0xB", "chainId": 1}


@pytest.mark.parametrize(
    ("kind", "data", "fact"),
    [
        ("share.minted", MINTED, "share.minted:m:7"),
        ("share.minted", {**MINTED, "txHash": "0xC", "logIndex": 9}, "share.minted:m:7"),  # minted again by a reorg
        ("share.sold", {"chainId": 1, "txHash": "0xAB", "logIndex": 3}, "share.sold:1:0xab:3"),
        ("coin.staked", {"coinId": "c", "txHash": "0xAB", "logIndex": 3}, "coin.staked:c:0xab:3"),
        ("dividend.claimed", {"distributionId": "d", "wallet": "0xF"}, "dividend.claimed:d:0xf"),
        ("purchase.completed", {"purchaseId": "p"}, "purchase.completed:p"),
        ("purchase.reserved", {"purchaseId": "p"}, None),
        ("view", {}, None),
    ],
)
def test_a_fact_is_what_an_event_is_about(kind: str, data: dict[str, Any], fact: str | None) -> None:
    assert facts.fact(kind, data) == fact


def test_a_sale_and_its_transfer_are_one_move() -> None:
    sold = {"masterId": "m", "tokenId": 7, "txHash": "0xA", "sellerWallet": "0xB", "buyerWallet": "0xC"}
    moved = {"masterId": "m", "tokenId": 7, "txHash": "0xa", "fromWallet": "0xb", "toWallet": "0xc"}
    assert facts.move("share.sold", sold) == facts.move("share.transferred", moved)
    from_nowhere = {**moved, "fromWallet": facts.NOBODY}
    assert facts.move("share.transferred", from_nowhere) is None  # share.minted tells it
    assert facts.move("share.transferred", {**moved, "toWallet": "0xb"}) is None
    assert facts.move("share.minted", MINTED) == facts.Move("moved:m:7:minted", None, "0xb")
    assert facts.move("view", {}) is None


@given(st.uuids(), DAYS)
def test_a_visitor_has_another_name_tomorrow(user_id: UUID, day: date) -> None:
    def name(on: date) -> bytes | None:
        return visitors.visitor(on, user_id=user_id, ip="192.0.2.1", user_agent="x")

    assert name(day) == visitors.visitor(day, user_id=user_id, ip=None, user_agent=None)
    assert name(day) != name(day + timedelta(days=1))
    assert visitors.visitor(day, user_id=None, ip=None, user_agent="x") is None


def test_a_client_s_name_of_an_event_is_its_own() -> None:
    user_id = uuid4()
    assert visitors.seen(user_id, "192.0.2.1", "e") == visitors.seen(user_id, "192.0.2.2", "e")
    assert visitors.seen(None, "192.0.2.1", "e") != visitors.seen(None, "192.0.2.2", "e")


@pytest.mark.parametrize(("text", "address"), [("192.0.2.1", "192.0.2.1"), ("2001:DB8::1", "2001:db8::1"), ("", None)])
def test_only_an_address_is_an_address(text: str, address: str | None) -> None:
    assert visitors.address(text) == address


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\0")), min_size=2,
                         max_size=2)))  # fmt: skip
def test_a_table_reads_back_and_runs_nothing(rows: list[list[str]]) -> None:
    lines = tables.csv_lines(rows).decode()
    read = list(csv.reader(io.StringIO(lines, newline="")))
    assert len(read) == len(rows)
    for found, given_row in zip(read, rows, strict=True):
        for cell, text in zip(found, given_row, strict=True):
            assert cell.removeprefix("'") == text.removeprefix("'") or cell == "'" + text
            assert not cell.startswith(("=", "+", "-", "@", "\t"))


def test_numbers_and_nothing_are_written_plainly() -> None:
    assert tables.csv_lines([[None, -5, 10**30, "=1+1"]]) == b",-5,1000000000000000000000000000000,'=1+1\r\n"


def test_figures_have_one_name_each() -> None:
    assert len(set(figures.PLATFORM)) == len(figures.PLATFORM)
    assert set(figures.MASTER_PASSING).isdisjoint(figures.MASTER_LASTING)
    assert "visitors" not in figures.PLATFORM
