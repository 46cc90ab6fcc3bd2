"""List what cannot hold, before anything is rendered or started.

Between: cli.check (prints, exits 1 on an error), targets (refuse to render on an error), tests.
Shape: notes sorted by severity, worst first, then in the order of the rules.
Invariant: pure: the same topology gives the same notes.
Errors: none; what is wrong is a note.
Source: architecture.md 3 (audit), 6 (the nine faults); Omicron's blippy (a linter for blueprints).
"""

from typing import Final

from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, Rule, Severity
from audifi.topology.rules import arrows, design, facing, keeping, outside, pods, promised, telling

RULES: Final[tuple[Rule, ...]] = (
    *arrows.RULES,
    *pods.RULES,
    *keeping.RULES,
    *facing.RULES,
    *outside.RULES,
    *telling.RULES,
    *promised.RULES,
    *design.RULES,
)
_ORDER: Final = tuple(Severity)


def audit(topology: Topology) -> tuple[Note, ...]:
    """Every note on a topology, worst first."""
    notes = [note for rule in RULES for note in rule(topology)]
    return tuple(sorted(notes, key=lambda note: _ORDER.index(note.severity)))


def has_errors(notes: tuple[Note, ...]) -> bool:
    """Whether anything must be mended before a render."""
    return any(note.severity is Severity.ERROR for note in notes)
