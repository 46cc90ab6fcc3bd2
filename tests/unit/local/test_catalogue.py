"""The catalogue of backups: what is written is read again, and a damaged file says so."""

from dataclasses import replace
from pathlib import Path

import pytest

from audifi.local.errors import LocalError
from audifi.local.recovery.catalogue import Catalogue, Entry, How
from audifi.local.recovery.figures import exposition

FULL = Entry(
    kind="postgres",
    label="20261123-020000F",
    how=How.FULL,
    started_s=1.5,
    ended_s=2.5,
    size_bytes=7,
    checksum="sha256:00",
    scheduled_s=9.0,
)


def test_what_was_written_is_read_again_oldest_first(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "backups" / "catalogue.sqlite")
    assert catalogue.entries() == []
    later = replace(FULL, label="20261123-020000F_20261123-030000I", how=How.INCREMENTAL, started_s=3.0)
    catalogue.add(later)
    catalogue.add(FULL)
    catalogue.add(replace(FULL, kind="secrets"))
    assert catalogue.entries("postgres") == [FULL, later]
    assert len(catalogue.entries()) == 3


def test_marks_and_removal(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    catalogue.add(FULL)
    catalogue.verified("postgres", FULL.label, 11.0)
    catalogue.restore_proven("postgres", FULL.label, 12.0)
    assert catalogue.entries() == [replace(FULL, verified_at_s=11.0, restore_proven_at_s=12.0)]
    catalogue.remove("postgres", FULL.label)
    assert catalogue.entries() == []


def test_a_damaged_catalogue_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"no database, but long enough to be taken for one" * 100)
    with pytest.raises(LocalError, match="move the file away"):
        Catalogue(path).entries()


def test_a_kind_without_a_backup_has_no_age() -> None:
    known = {"period_s": 3600.0, "failures": 2, "damaged": 0, "restore_proven_at_s": 5.0}
    text = exposition(
        [
            {"kind": "postgres", "last_success_s": 10.0, "age_s": 3.0, **known},
            {"kind": "redis-cluster", "last_success_s": None, "age_s": None, **known},
        ]
    )
    assert 'backup_age_s{component="postgres"} 3.000' in text
    assert 'backup_age_s{component="redis-cluster"}' not in text
    assert 'backup_failures_total{component="redis-cluster"} 2.000' in text
    assert "backup_restore_verified_timestamp 5.000" in text
