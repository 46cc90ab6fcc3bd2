"""Say which third parties we use, for what, and what stands in for them on one machine.

Between: topology.providers (fills it), topology.audit (knows the dead ones), clients (configured from it).
Invariant: a use with a fallback lists the primary first.
Errors: none.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """A third party. `component` is the box that stands for it in the graph."""

    name: str
    component: str
    vendor: str
    use: str  # rpc | pinning | preservation | payment | mail | chat | paging | edge | dns | hosting
    role: str  # primary | fallback | second copy
    offers: tuple[str, ...]
    operation: str  # what we ask of it, e.g. "upload": the audit knows which are closed
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """A blockchain, by its id."""

    name: str
    chain_id: int
    providers: tuple[str, ...]  # primary first
    networks: tuple[tuple[str, str], ...]  # provider → what it calls this chain
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RpcPolicy:
    """How calls to chains fail over."""

    pooled: bool
    failover: bool
    on_rate_limit: str
    retries: int
    breaker_failures: int
    breaker_probe_ms: int  # an open breaker is closed by probes, not by a timer: one at a time, so far apart
    source: str
