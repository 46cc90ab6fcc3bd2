"""Hold every drill: one file per area, each with its `DRILLS`.

Between: drills.engine's callers (cli.drill, cli.prove, tests) and drills.drill.
Shape: the files of this folder are found by themselves, so that a new area is one new file; one without `DRILLS` is a
part of another.
Invariant: names are unique.
Errors: LocalError names the nearest drill when a name is not known.
"""

import pkgutil
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module

from audifi.drills.drill import Drill
from audifi.local.errors import LocalError


def drills() -> dict[str, Drill]:
    """Every drill by name, area by area."""
    found: dict[str, Drill] = {}
    for area in sorted(each.name for each in pkgutil.iter_modules(__path__)):
        declared: Sequence[Drill] = getattr(import_module(f"{__name__}.{area}"), "DRILLS", ())
        for drill in declared:
            assert drill.name not in found, f"two drills are called {drill.name}"
            found[drill.name] = drill
    return found


def named(names: Sequence[str]) -> list[Drill]:
    """The drills of these names."""
    known = drills()
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "./audifi drill list shows them"
            raise LocalError(f"there is no drill {name!r}; {hint}")
    return [known[name] for name in names]
