"""What a restore of PostgreSQL begins with, and what is refused before anything is touched. No sockets."""

import pytest

from audifi.local.recovery.catalogue import How
from audifi.local.recovery.postgres import choosing
from audifi.local.recovery.postgres.choosing import RestoreRefused, Undone
from audifi.local.recovery.postgres.kind import damage
from audifi.local.recovery.postgres.pgbackrest import BackupSet

NOW_S = 10_000.0


def made(ended_s: float, first: int = 5, last: int = 6) -> BackupSet:
    return BackupSet(
        label=f"at-{ended_s:.0f}",
        how=How.FULL,
        started_s=ended_s - 10,
        ended_s=ended_s,
        size_bytes=1,
        database_bytes=1,
        has_errors=False,
        archive="1",
        first_segment=segment(first),
        last_segment=segment(last),
        needs=(),
    )


def segment(place: int, timeline: int = 1) -> str:
    return f"{timeline:08X}{place // 256:08X}{place % 256:08X}"


SETS = [made(1000), made(2000), made(3000)]


def test_a_moment_begins_with_the_newest_backup_before_it() -> None:
    assert choosing.base(SETS, 2500, NOW_S).label == "at-2000"
    assert choosing.base(SETS, None, NOW_S).label == "at-3000"


@pytest.mark.parametrize("moment_s", [999.0, 1000.0])
def test_a_moment_before_the_oldest_backup_is_refused(moment_s: float) -> None:
    with pytest.raises(RestoreRefused, match="before the oldest backup: restored can be from 1970-01-01T00:16:41Z on"):
        choosing.base(SETS, moment_s, NOW_S)


def test_a_future_moment_is_refused() -> None:
    with pytest.raises(RestoreRefused, match="in the future"):
        choosing.base(SETS, NOW_S + 1, NOW_S)


def test_without_a_backup_it_says_how_to_make_one() -> None:
    with pytest.raises(RestoreRefused, match="backup now postgres"):
        choosing.base([], 2500, NOW_S)


@pytest.mark.parametrize(
    ("text", "why"), [("yesterday", "is no time"), ("2026-11-23T16:30:00", "does not say its zone")]
)
def test_a_time_that_could_mean_two_moments_is_refused(text: str, why: str) -> None:
    with pytest.raises(RestoreRefused, match=why):
        choosing.moment(text)


def test_times_are_read_as_they_are_shown() -> None:
    assert choosing.moment(choosing.shown(1_795_452_663.0)) == 1_795_452_663.0
    assert choosing.moment("2026-11-23T17:30:00+01:00") == choosing.moment("2026-11-23T16:30:00Z")


def test_what_a_restore_took_back_is_there_as_it_was_then() -> None:
    gone = [Undone(target_s=1500, at_s=3500, timeline=7)]  # at 3500, back to 1500
    assert choosing.base(SETS, 3200, NOW_S, gone).label == "at-3000"
    assert choosing.timeline(3200, gone) == 7
    assert choosing.base(SETS, 4000, NOW_S, gone).label == "at-1000"  # those of 2000 and 3000 are of the other past
    assert choosing.timeline(4000, gone) is None
    assert choosing.base(SETS, None, NOW_S, gone).label == "at-1000"


def test_a_hole_in_the_log_is_refused_whatever_timeline_it_is_on() -> None:
    whole = [segment(place) for place in (5, 6, 7)] + [segment(8, timeline=2)]
    choosing.check_whole(whole, made(1000))
    with pytest.raises(RestoreRefused, match="1 segments of the write-ahead log are missing, the first is 00000000/07"):
        choosing.check_whole([name for name in whole if name != segment(7)], made(1000))


def test_the_backup_s_own_last_segment_is_needed() -> None:
    with pytest.raises(RestoreRefused, match="missing"):
        choosing.check_whole([segment(5)], made(1000))


def test_segments_of_another_cluster_and_partial_ones_do_not_count() -> None:
    digest = "a" * 40
    files = [
        f"15-1/0000000100000000/{segment(5)}-{digest}.zst",
        f"15-2/0000000100000000/{segment(6)}-{digest}.zst",
        f"15-1/0000000100000000/{segment(7)}.partial-{digest}.zst",
        "15-1/00000002.history",
        "archive.info",
    ]
    assert choosing.segments(files, "1") == [segment(5)]


def test_a_hole_after_the_moment_does_not_matter() -> None:
    digest = "a" * 40
    files = {
        f"15-1/0000000100000000/{segment(place)}-{digest}.zst": {"time": 1000 + place} for place in (5, 6, 7, 9, 10)
    }
    files["15-1/00000002.history"] = {"time": 1}
    choosing.check_whole(choosing.needed(files, "1", 1006.5), made(1000))
    with pytest.raises(RestoreRefused, match="missing"):
        choosing.check_whole(choosing.needed(files, "1", 1008.5), made(1000))


def test_places_in_the_log() -> None:
    assert choosing.number("0000000200000001000000FF") == 511
    assert choosing.position("0/5000028") == 5 * choosing.SEGMENT_BYTES + 0x28


VERIFIED = [
    "stanza: audifi",
    "status: ok",
    "  archiveId: 15-1, total WAL checked: 2, total valid WAL: 2",
    "  backup: at-1000, status: valid, total files checked: 970, total valid files: 970",
]
FILES = [f"15-1/0000000100000000/{segment(place)}-{'a' * 40}.zst" for place in (5, 6)]


def test_a_backup_is_well_only_when_verify_says_so() -> None:
    """Taught by pgbackrest verify, which ends with 0 and says nothing when the key is wrong."""
    assert damage(made(1000), VERIFIED, FILES) == ""
    assert damage(made(1000), [], FILES) == "verify did not read it"


@pytest.mark.parametrize(
    ("found", "instead", "why"),
    [
        ("status: valid,", "status: invalid,", "status: invalid"),
        ("valid WAL: 2", "valid WAL: 1", "total valid WAL: 1"),
    ],
)
def test_damage_is_named(found: str, instead: str, why: str) -> None:
    assert why in damage(made(1000), [line.replace(found, instead) for line in VERIFIED], FILES)


def test_a_missing_segment_is_damage_although_verify_does_not_see_it() -> None:
    assert "missing" in damage(made(1000), VERIFIED, FILES[:1])
