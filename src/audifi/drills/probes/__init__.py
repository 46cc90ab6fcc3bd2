"""Measure promises that are no fault on the running platform, from outside.

Between: cli.prove (takes them), drills.ledger (judges), topology.sentences (a promise whose proof is "probe").
Shape: one file per area, each with its `PROBES`, found by themselves: a new area is one new file. A probe has the name
of its promise; results/probes/<area>.json has what it found.
Invariant: names are unique.
Errors: none.
"""

import pkgutil
from collections.abc import Sequence
from importlib import import_module

from audifi.drills.probes.probe import Probe


def areas() -> dict[str, Sequence[Probe]]:
    """Every probe, by area."""
    found: dict[str, Sequence[Probe]] = {}
    for area in sorted(each.name for each in pkgutil.iter_modules(__path__)):
        declared: Sequence[Probe] | None = getattr(import_module(f"{__name__}.{area}"), "PROBES", None)
        if declared is not None:
            found[area] = declared
    names = [probe.name for probes in found.values() for probe in probes]
    assert len(names) == len(set(names)), f"two probes of one promise: {sorted(names)}"
    return found
