"""Break the running platform on purpose, and put it right again.

Between: drills.catalogue (names what is broken) and the processes, links and files of one instance.
Shape: one module per kind of fault; each offers functions that return a Deed (drills.drill).
Invariant: entering proves that the fault is there; leaving undoes it, and so does `audifi drill heal` when nobody came
to leave.
Errors: NeedsRoot when this user may not do it: the outcome is then unproven, with that reason.
"""

from audifi.local.errors import LocalError


class NeedsRoot(LocalError):
    """This fault needs root."""
