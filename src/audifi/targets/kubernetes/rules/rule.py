"""Say what a rule over a rendered set is: a sentence, what it looked at, and what it found there.

Between: the modules of this folder (write rules), lint.py (asks them), checklist.py (prints what they saw).
Shape: a rule yields a pair for every object it looks at: where, and what is wrong there; an empty text: it holds.
Invariant: a rule that looked at nothing proves nothing: lint.py counts that as a fault.
Errors: none.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from audifi.targets.kubernetes.reading import Objects
from audifi.topology.model.whole import Topology

Seen = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One sentence that a rendered set keeps."""

    name: str
    says: str
    remedy: str
    look: Callable[[Objects, Topology], Iterator[Seen]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a rule saw in a set."""

    rule: Rule
    seen: tuple[Seen, ...]

    @property
    def wrong(self) -> tuple[Seen, ...]:
        """Where it does not hold."""
        return tuple(each for each in self.seen if each[1])
