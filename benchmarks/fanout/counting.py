"""Read what the viewers counted: percentiles of a histogram, of the slowest viewer, and nothing lost or doubled.

Between: the reports of harness/wsload.c and whoever judges them.
Shape: a histogram is [(bucket, count)], 64 buckets an octave of µs (wsload.c: bucket); a percentile is the middle of
the bucket that holds it, so at most 1 % off.
Units: *_ms milliseconds; seconds.
Invariant: `sound` refuses a round in which a message was missing, doubled or still under way, or a viewer was lost: its
latencies would be those of the lucky ones.
Errors: Unusable.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.wrk import Unusable

Histogram = Sequence[tuple[int, int]]
LINEAR = 128  # buckets of one µs each, before they widen
OCTAVE = 64


def middle_ms(bucket: int) -> float:
    """The value a bucket stands for."""
    if bucket < LINEAR:
        return (bucket + 0.5) / 1000
    shift = bucket // OCTAVE - 1
    return ((bucket - shift * OCTAVE + 0.5) * 2**shift) / 1000


def percentile_ms(histogram: Histogram, share: float) -> float:
    """Nearest rank: the smallest value that at least `share` of all are not above."""
    rank = math.ceil(share * sum(count for _, count in histogram))
    reached = 0
    for bucket, count in histogram:
        reached += count
        if reached >= rank and reached > 0:
            return middle_ms(bucket)
    raise Unusable("nothing was counted")


def nearest_rank(values: Sequence[float], share: float) -> float:
    """The same of single values."""
    if not values:
        raise Unusable("nothing was counted")
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What all viewers together saw since they were told to count."""

    seconds: float
    delivered: int
    duplicates: int
    missing: int
    lost: int
    cpu_s: float
    latency: Histogram
    slowest_ms: Sequence[float]  # per message, the viewer that was last
    ack: Histogram
    acks: int
    errors: int
    joined: Histogram  # how long each took to be let in
    refused: int
    codes: Mapping[str, int]


def read(report: Mapping[str, Any]) -> Seen:
    """One report."""
    return Seen(
        seconds=report["seconds"],
        delivered=report["delivered"],
        duplicates=report["duplicates"],
        missing=report["missing"],
        lost=report["lost"],
        cpu_s=report["cpu_s"],
        latency=[(bucket, count) for bucket, count in report["latency"]],
        slowest_ms=report["slowest_ms"],
        ack=[(bucket, count) for bucket, count in report["ack"]],
        acks=report["acks"],
        errors=report["errors"],
        joined=[(bucket, count) for bucket, count in report["join"]],
        refused=report["refused"],
        codes=report["codes"],
    )


def sound(seen: Seen, *, published: int, viewers: int) -> Seen:
    """Return it if every viewer read every message exactly once."""
    due = published * viewers
    if seen.delivered != due or seen.duplicates or seen.missing or seen.lost:
        raise Unusable(
            f"{seen.delivered} of {due} were delivered, {seen.duplicates} twice, {seen.missing} skipped, "
            f"{seen.lost} viewers lost ({dict(seen.codes)})"
        )
    return seen


def delivery(seen: Seen) -> dict[str, float]:
    """From publish to viewer: all deliveries, and the last viewer of each message."""
    return {
        "p50_ms": round(percentile_ms(seen.latency, 0.5), 2),
        "p99_ms": round(percentile_ms(seen.latency, 0.99), 2),
        "slowest_p50_ms": round(nearest_rank(seen.slowest_ms, 0.5), 2),
        "slowest_max_ms": round(max(seen.slowest_ms), 2),
    }
