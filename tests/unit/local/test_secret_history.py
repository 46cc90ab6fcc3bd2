"""Every value a secret ever had: found again, opened only with the identity, forgotten in time and not sooner."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audifi.local.errors import LocalError
from audifi.local.recovery.secrets import listing, restoring
from audifi.local.recovery.secrets.history import KEPT_DAYS, History
from audifi.local.state import Instance
from audifi.topology.declaration import platform

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path)
    value = instance.secrets.of("database-auth")
    assert Instance.at(tmp_path).secrets.of("database-auth") == value
    [change] = instance.history.changes()
    assert (change.name, change.what) == ("database-auth", "made")
    assert instance.history.opened(change) == value


def test_nothing_that_is_kept_shows_a_value(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path)
    value = instance.secrets.of("database-auth").encode()
    kept = [path for path in instance.history.directory.rglob("*") if path.is_file()]
    assert len(kept) == 3  # the value, the index, the recipient
    assert all(value not in path.read_bytes() for path in kept)


def test_a_second_value_is_accepted_beside_the_first(tmp_path: Path) -> None:
    secrets = Instance.at(tmp_path).secrets
    first = secrets.of("x")
    assert secrets.put("x", (first, "second"), what="accepted as well")
    assert not secrets.put("x", (first, "second"), what="accepted as well")
    assert secrets.of("x") == first
    assert secrets.accepted("x") == (first, "second")
    assert [change.what for change in Instance.at(tmp_path).history.changes("x")] == ["made", "accepted as well"]


def test_without_the_identity_nothing_opens(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path / "one")
    instance.secrets.of("x")
    other = Instance.at(tmp_path / "other")
    other.secrets.of("x")
    [change] = instance.history.changes()
    with pytest.raises(LocalError, match=r"does not open with .*: it is encrypted to age1.*--identity"):
        instance.history.opened(change, other.history.identity)
    instance.history.identity.rename(tmp_path / "safe")
    with pytest.raises(LocalError, match="is no age identity"):
        instance.history.opened(change)
    assert instance.history.opened(change, tmp_path / "safe") == instance.secrets.of("x")


def test_a_changed_file_is_found_before_it_is_opened(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path)
    instance.secrets.of("x")
    [change] = instance.history.changes()
    path = instance.history.directory / change.file
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(LocalError, match="was changed"):
        instance.history.opened(change)
    with pytest.raises(LocalError, match="was changed"):
        instance.history.verified()


def test_a_line_that_a_crash_cut_off_counts_for_nothing(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.record("x", "one", what="made", now=NOW)
    with (history.directory / "history.jsonl").open("a") as file:
        file.write('{"at": "2026-11-24')
    assert [change.name for change in history.changes()] == ["x"]


def test_what_was_in_force_lately_is_kept_however_old(tmp_path: Path) -> None:
    history = History(tmp_path)
    for days, value in ((400, "long gone"), (300, "still in force 90 days ago"), (10, "now")):
        history.record("x", value, what="in use", now=NOW - days * DAY)
    history.note("x", what="rotated", now=NOW - 350 * DAY)  # kept elsewhere: there is no file to forget
    assert history.forget(NOW) == 2
    assert [history.opened(change) for change in history.changes("x")] == ["still in force 90 days ago", "now"]
    assert history.opened(history.at(NOW - (KEPT_DAYS - 1) * DAY)["x"]) == "still in force 90 days ago"
    assert len(list((history.directory / "x").iterdir())) == 2


def test_all_come_back_as_they_were_then(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path)
    first = {name: instance.secrets.of(name) for name in ("x", "y")}
    before = datetime.now(UTC)
    instance.secrets.put("x", ("other",), what="in use")
    assert restoring.restore(instance, moment=before) == ["x"]
    assert {name: instance.secrets.of(name) for name in ("x", "y")} == first
    for name in ("x", "y"):
        instance.secrets.path(name).unlink()
    assert restoring.restore(instance) == ["x", "y"]
    assert {name: instance.secrets.of(name) for name in ("x", "y")} == first


def test_what_was_lost_is_not_made_up(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path)
    first = instance.secrets.of("x")
    instance.secrets.path("x").unlink()
    with pytest.raises(LocalError, match=r"is lost; \./audifi secrets restore"):
        instance.secrets.of("x")
    restoring.restore(instance)
    assert instance.secrets.of("x") == first
    instance.secrets.remove()
    assert instance.secrets.of("x") != first  # on purpose


def test_nothing_is_written_unless_everything_opens(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path)
    for name in ("x", "y"):
        instance.secrets.of(name)
        instance.secrets.path(name).unlink()
    damaged = next((instance.history.directory / "y").iterdir())
    damaged.write_bytes(b"")
    with pytest.raises(LocalError, match="was changed"):
        restoring.restore(instance)
    assert instance.secrets.names() == []


def test_a_secret_is_due_when_the_value_in_use_is_old(tmp_path: Path) -> None:
    instance = Instance.at(tmp_path)
    instance.secrets.of("pgbouncer-admin")
    [young] = listing.rows(instance, platform("local"), datetime.now(UTC) + 89 * DAY)
    [old] = listing.rows(instance, platform("local"), datetime.now(UTC) + 91 * DAY)
    assert (young.is_due, old.is_due) == (False, True)
    instance.secrets.put("pgbouncer-admin", ("a", "b"), what="accepted as well")  # begins no new life
    [same] = listing.rows(instance, platform("local"), datetime.now(UTC) + 91 * DAY)
    assert same.is_due
