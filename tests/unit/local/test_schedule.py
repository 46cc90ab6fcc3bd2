"""Schedules of backups: what is due at a moment, what is past its time. No sockets, no clock."""

from datetime import UTC, datetime

import pytest

from audifi.local.recovery import schedule
from audifi.local.recovery.catalogue import Entry, How
from audifi.topology.declaration import platform
from audifi.topology.model.data import Backup

DAY_S = 86_400.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def declared(name: str) -> Backup:
    return next(backup for backup in platform("local").stores.backups if backup.name == name)


def entry(at_s: float, how: How = How.FULL, kind: str = "postgres") -> Entry:
    return Entry(
        kind=kind,
        label=f"{at_s:.0f}-{how}",
        how=how,
        started_s=at_s,
        ended_s=at_s,
        size_bytes=1,
        checksum="",
        scheduled_s=at_s,
    )


@pytest.mark.parametrize(
    ("text", "now", "last"),
    [
        ("0 15 2 * * *", "2026-11-23T02:15:00", "2026-11-23T02:15:00"),
        ("0 15 2 * * *", "2026-11-23T02:14:59", "2026-11-22T02:15:00"),
        ("0 0 * * * *", "2026-11-23T00:30:00", "2026-11-23T00:00:00"),
        ("0 */10 * * * *", "2026-11-23T00:29:00", "2026-11-23T00:20:00"),
        ("0 0 0 * * 0", "2026-11-23T00:00:00", "2026-11-22T00:00:00"),  # the 22nd is a Sunday
        ("0 0 0 1 1 *", "2026-11-23T00:00:00", "2026-01-01T00:00:00"),
    ],
)
def test_the_last_moment_of_a_schedule(text: str, now: str, last: str) -> None:
    found = schedule.cron(text)
    assert found is not None
    assert found.last_s(at(now)) == at(last)


def test_an_occasion_is_no_schedule() -> None:
    assert schedule.cron("on change") is None
    assert schedule.period_s(declared("secrets")) is None
    assert schedule.due(declared("secrets"), [], at("2026-11-23T12:00:00")) is None


def test_a_field_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="outside 0-23"):
        schedule.cron("0 0 24 * * *")


def test_the_first_backup_is_full_and_due_at_once() -> None:
    assert schedule.due(declared("postgres"), [], at("2026-11-23T12:00:00")) is How.FULL


def test_an_hour_later_an_incremental_one_is_due_and_a_day_later_a_full_one() -> None:
    made = [entry(at("2026-11-23T12:10:00"))]
    backup = declared("postgres")
    assert schedule.due(backup, made, at("2026-11-23T12:59:59")) is None
    assert schedule.due(backup, made, at("2026-11-23T13:00:00")) is How.INCREMENTAL
    made.append(entry(at("2026-11-24T02:00:01"), How.INCREMENTAL))
    assert schedule.due(backup, made, at("2026-11-24T02:15:00")) is How.FULL


def test_what_was_missed_while_the_platform_was_down_is_made_up_for_once() -> None:
    made = [entry(at("2026-11-20T02:15:00"))]
    backup, now_s = declared("postgres"), at("2026-11-23T12:10:00")
    assert schedule.due(backup, made, now_s) is How.FULL
    assert schedule.due(backup, [*made, entry(now_s)], now_s) is None


def test_a_backup_of_a_clock_that_was_set_back_does_not_count() -> None:
    made = [entry(at("2026-12-24T02:15:00"))]
    assert schedule.due(declared("postgres"), made, at("2026-11-23T12:10:00")) is How.FULL


def test_every_second_of_the_retention_can_still_be_restored() -> None:
    now_s = at("2026-11-23T03:00:00")
    days = [entry(now_s - age * DAY_S) for age in range(40, -1, -1)]
    gone = schedule.expired(declared("postgres"), days, now_s)
    kept = [each for each in days if each not in gone]
    assert kept[0].scheduled_s <= now_s - 30 * DAY_S < kept[1].scheduled_s


def test_incremental_backups_go_with_the_full_one_they_stand_on() -> None:
    now_s = at("2026-11-23T03:00:00")
    old, change = entry(now_s - 40 * DAY_S), entry(now_s - 39.5 * DAY_S, How.INCREMENTAL)
    full = entry(now_s - 31 * DAY_S)
    assert schedule.expired(declared("postgres"), [old, change, full], now_s) == (old, change)


def test_the_only_backup_is_never_removed() -> None:
    now_s = at("2026-11-23T03:00:00")
    assert schedule.expired(declared("postgres"), [entry(now_s - 99 * DAY_S)], now_s) == ()


@pytest.mark.parametrize(("name", "period_s"), [("postgres", 3600.0), ("redis-cluster", DAY_S)])
def test_the_period_of_a_schedule(name: str, period_s: float) -> None:
    assert schedule.period_s(declared(name)) == period_s
