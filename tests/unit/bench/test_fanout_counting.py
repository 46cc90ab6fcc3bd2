"""Count what viewers read: percentiles, what is missing or doubled, and that the C program counts the same.

Between: benchmarks.fanout.counting, harness/wsload.c where there is a compiler, and made-up deliveries.
"""

import json
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from benchmarks.fanout import counting
from benchmarks.fanout.generator import compiled
from benchmarks.harness.wrk import Unusable
from hypothesis import given
from hypothesis import strategies as st

SEEN = counting.Seen(
    seconds=2,
    delivered=6,
    duplicates=0,
    missing=0,
    lost=0,
    cpu_s=0.1,
    latency=[(100, 5), (1000, 1)],
    slowest_ms=[1.0, 3.0, 2.0],
    ack=[],
    acks=0,
    errors=0,
    joined=[],
    refused=0,
    codes={},
)


def _bucket(us: int) -> int:
    """wsload.c: bucket."""
    shift = 0 if us < counting.LINEAR else us.bit_length() - 7
    return shift * counting.OCTAVE + (us >> shift)


@given(st.integers(0, 10**9))
def test_a_bucket_stands_for_what_fell_into_it(us: int) -> None:
    assert counting.middle_ms(_bucket(us)) == pytest.approx(us / 1000, rel=0.01, abs=0.0006)


@given(st.lists(st.integers(0, 10**6), min_size=1), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_percentiles_of_a_histogram_are_those_of_its_values(values: list[int], share: float) -> None:
    buckets = sorted(_bucket(value) for value in values)
    histogram = [(bucket, buckets.count(bucket)) for bucket in sorted(set(buckets))]

    exact = counting.nearest_rank([value / 1000 for value in values], share)

    assert counting.percentile_ms(histogram, share) == pytest.approx(exact, rel=0.01, abs=0.0006)


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(Unusable, match="nothing was counted"):
        counting.percentile_ms([], 0.99)
    with pytest.raises(Unusable, match="nothing was counted"):
        counting.nearest_rank([], 0.99)


def test_delivery_tells_the_slowest_viewer_apart() -> None:
    assert counting.delivery(SEEN) == {
        "p50_ms": 0.1,
        "p99_ms": counting.middle_ms(1000).__round__(2),
        "slowest_p50_ms": 2.0,
        "slowest_max_ms": 3.0,
    }


@pytest.mark.parametrize(
    "change", [{"delivered": 5}, {"delivered": 7}, {"duplicates": 1}, {"missing": 1}, {"lost": 1, "codes": {"1013": 1}}]
)
def test_a_round_in_which_somebody_missed_something_does_not_count(change: dict[str, Any]) -> None:
    assert counting.sound(SEEN, published=3, viewers=2) is SEEN

    with pytest.raises(Unusable, match="of 6 were delivered"):
        counting.sound(replace(SEEN, **change), published=3, viewers=2)


def judged(lines: list[tuple[int, int, int, int]], viewers: int) -> counting.Seen:
    """What wsload counts of these deliveries (viewer, number, published ns, read ns)."""
    text = "\n".join(" ".join(map(str, line)) for line in lines)
    program = str(compiled("wsload"))
    told = subprocess.run([program, "judge", str(viewers)], input=text, capture_output=True, text=True, check=True)
    return counting.read(json.loads(told.stdout))


needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="the viewers are a C program: no compiler here")


@needs_compiler
def test_viewers_that_read_everything_miss_nothing() -> None:
    seen = judged([(0, 1, 0, 1_000_000), (1, 1, 0, 3_000_000), (1, 2, 0, 2_000_000), (0, 2, 0, 2_500_000)], 2)

    assert (seen.delivered, seen.duplicates, seen.missing) == (4, 0, 0)
    assert seen.slowest_ms == [3.0, 2.5]
    assert counting.percentile_ms(seen.latency, 1) == pytest.approx(3.0, rel=0.01)
    assert [bucket for bucket, _ in seen.latency] == [_bucket(us) for us in (1000, 2000, 2500, 3000)]


@needs_compiler
def test_a_hole_is_missing_and_a_repetition_is_a_duplicate() -> None:
    seen = judged([(0, 1, 0, 1000), (0, 4, 0, 1000), (0, 4, 0, 1000), (0, 3, 0, 1000), (1, 1, 0, 1000)], 2)

    assert (seen.delivered, seen.duplicates, seen.missing) == (3, 2, 2)
    assert len(seen.slowest_ms) == 1  # only the first message reached both


@needs_compiler
def test_who_joins_late_has_missed_nothing_yet() -> None:
    seen = judged([(0, 7, 0, 1000), (0, 8, 0, 1000)], 1)

    assert (seen.delivered, seen.missing) == (2, 0)
