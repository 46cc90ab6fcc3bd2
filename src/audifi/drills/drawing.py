"""Draw what happened in the runs of a drill: one line a run, from the fault to the recovery.

Between: drills.sheet (puts the drawings into the page) and the timelines of results/drills/*.json.
Shape: SVG, 640 wide; all runs of a drill share one scale; colours come from the page's classes.
Units: seconds after the fault was injected; timelines have microseconds since the epoch.
Invariant: a moment nobody saw is not drawn; a run without a fault is left out.
Errors: none.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

US: Final = 1_000_000
WIDTH: Final = 640
LEFT: Final = 8
RIGHT: Final = 56
ROW: Final = 22
TOP: Final = 20
MOMENTS: Final = (("detected", "d"), ("failed_over", "f"), ("healed", "h"), ("recovered", "r"))
STEPS_S: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
TICKS_MAX: Final = 8


def drawing(timelines: Sequence[Mapping[str, Any]]) -> str:
    """One picture of all runs; nothing when no run had a fault."""
    runs = [_seconds(each) for each in timelines if each.get("injected_us") is not None]
    if not runs:
        return ""
    last_s = max((moment for run in runs for moment in run.values()), default=1.0) or 1.0
    height = TOP + ROW * len(runs) + 4
    lines = "".join(_run(run, place, last_s) for place, run in enumerate(runs))
    label = escape(f"{len(runs)} runs, {last_s:.1f} s from the fault to the end")
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{_scale(last_s, height)}{lines}</svg>'


def _seconds(timeline: Mapping[str, Any]) -> dict[str, float]:
    """Moments after the fault, and the longest outage as "outage_s"."""
    began = timeline["injected_us"]
    names = ("detected", "failed_over", "healed", "recovered", "first_failure", "last_failure")
    found = {name: (timeline[f"{name}_us"] - began) / US for name in names if timeline.get(f"{name}_us") is not None}
    return {**found, "outage_s": float(timeline.get("outage_s") or 0.0)}


def _run(run: Mapping[str, float], place: int, last_s: float) -> str:
    y = TOP + ROW * place + ROW // 2
    end_s = max((value for name, value in run.items() if name != "outage_s"), default=0.0)
    parts = [f'<path class="l" d="M{_x(0, last_s)} {y}H{_x(end_s, last_s)}"/>']
    if "first_failure" in run and "last_failure" in run:
        since, until = max(run["first_failure"], 0.0), max(run["last_failure"], 0.0)
        parts.append(f'<path class="x" d="M{_x(since, last_s)} {y}H{_x(until, last_s)}"/>')
    parts += [
        f'<circle class="{style}" cx="{_x(run[name], last_s)}" cy="{y}" r="4"><title>'
        f"{name.replace('_', ' ')} {run[name]:.2f} s</title></circle>"
        for name, style in MOMENTS
        if name in run
    ]
    parts.append(f'<text x="{WIDTH}" y="{y + 4}" text-anchor="end">{run["outage_s"]:.2f} s</text>')
    return "".join(parts)


def _scale(last_s: float, height: int) -> str:
    step = next((each for each in STEPS_S if last_s / each <= TICKS_MAX), STEPS_S[-1])
    marks = [step * number for number in range(int(last_s / step) + 1)]
    return "".join(
        f'<path class="t" d="M{_x(mark, last_s)} {TOP - 4}V{height}"/>'
        f'<text x="{_x(mark, last_s)}" y="12" text-anchor="middle">{mark:g}</text>'
        for mark in marks
    )


def _x(seconds: float, last_s: float) -> int:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * min(max(seconds, 0.0) / last_s, 1.0))
