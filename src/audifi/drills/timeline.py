"""Make the timeline of one run from what its clients saw and what its deeds marked; and write it in words.

Between: drills.under_load (makes it), drills.report and cli.drill (tell it); pure.
Units: *_us microseconds since the epoch; told in seconds after the fault was injected.
Errors: none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from audifi.drills import checks
from audifi.drills.checks import Window
from audifi.drills.drill import Timeline
from audifi.drills.history import Attempt, Ended
from audifi.drills.timing import US

MOMENTS = ("detected_us", "failed_over_us", "first_failure_us", "last_failure_us", "healed_us", "recovered_us")


def drawn(attempts: Iterable[Attempt], window: Window, moments: Mapping[str, int]) -> Timeline:
    """Draw it: moments are injected, detected, failed_over, healed and recovered, as far as they are known."""
    counted = [each for each in attempts if window.has(each)]
    failures = [each for each in counted if each.ended is not Ended.OK]
    kinds = sorted({each.kind for each in counted})
    return Timeline(
        injected_us=moments.get("injected"),
        detected_us=moments.get("detected"),
        failed_over_us=moments.get("failed_over"),
        healed_us=moments.get("healed"),
        recovered_us=moments.get("recovered"),
        first_failure_us=min((each.started_us for each in failures), default=None),
        last_failure_us=max((each.ended_us for each in failures), default=None),
        outage_s=max(
            (checks.outage_s((each for each in counted if each.kind == kind), window) for kind in kinds), default=0.0
        ),
    )


def in_words(timeline: Timeline) -> str:
    """One line: "detected +0.4 s, failed over +2.1 s, recovered +6.0 s, outage 2.3 s"."""
    if timeline.injected_us is None:
        return f"outage {timeline.outage_s:.2f} s"
    told = asdict(timeline)
    parts = [
        f"{name.removesuffix('_us').replace('_', ' ')} {(told[name] - timeline.injected_us) / US:+.1f} s"
        for name in MOMENTS
        if told[name] is not None
    ]
    return ", ".join([*parts, f"outage {timeline.outage_s:.2f} s"])
