"""Count what reached a provider and what became of it, exactly.

Between: gate (tells of every request) and control (shows it to drills and benchmarks).
Shape: `{"requests": {chain: n}, "in_flight": {chain: n}, "calls": [{chain, method, fault, status, count}]}`; a request
is one HTTP request, a call one JSON-RPC call (a batch holds several). `fault` is the name of the knob that decided
the answer, or unauthorized (a wrong key), unsupported (a method no provider has), node (the node was away), or "".
`status` 0: nothing was answered, or nobody was there to read it.
Invariant: once nothing is in flight, the calls of a chain are those its requests held: none twice, none lost. A clear
forgets everything that arrived before it, also what is still in flight.
Errors: none.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Counts:
    """Since the last clear."""

    requests: Counter[str] = field(default_factory=Counter[str])
    in_flight: Counter[str] = field(default_factory=Counter[str])
    calls: Counter[tuple[str, str, str, int]] = field(default_factory=Counter[tuple[str, str, str, int]])

    def arrived(self, chain: str) -> None:
        self.requests[chain] += 1
        self.in_flight[chain] += 1

    def ended(self, chain: str, calls: Iterable[tuple[str, str]], status: int) -> None:
        """A request ended: per call, its method and the fault it met."""
        self.in_flight[chain] -= 1
        for method, fault in calls:
            self.calls[chain, method, fault, status] += 1

    def shown(self) -> dict[str, Any]:
        rows = [
            {"chain": chain, "method": method, "fault": fault, "status": status, "count": count}
            for (chain, method, fault, status), count in sorted(self.calls.items())
        ]
        return {"requests": dict(self.requests), "in_flight": dict(+self.in_flight), "calls": rows}
