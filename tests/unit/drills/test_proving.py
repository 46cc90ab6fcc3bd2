"""A plan hands out each item once, the longest first, and probes to the first platform only."""

from audifi.drills import catalogue, probes
from audifi.drills.proving import Item, Plan


def _plan() -> Plan:
    drill = next(iter(catalogue.drills().values()))
    probe = next(iter(probes.areas().values()))[0]
    return Plan(
        [
            Item("short", ("a",), 1.0, drill=drill),
            Item("long", ("b",), 9.0, drill=drill),
            Item("seen", ("c",), 2.0, probe=probe, area="front"),
        ]
    )


def _names(plan: Plan, *turns: bool) -> list[str]:
    handed_out = [plan.next(is_first=is_first) for is_first in turns]
    return [item.name for item in handed_out if item is not None]


def test_platforms_share_the_drills_and_the_first_takes_the_probes() -> None:
    assert _names(_plan(), False, True, False, False) == ["long", "seen", "short"]


def test_the_first_takes_drills_too_when_its_probes_are_done() -> None:
    assert _names(_plan(), True, True, True, True) == ["seen", "long", "short"]


def test_what_is_left_is_what_has_not_ended() -> None:
    plan = _plan()
    plan.ended.add("long")
    assert plan.left_s == 3.0
