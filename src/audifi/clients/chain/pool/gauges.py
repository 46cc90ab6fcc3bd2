"""Count what the pool does, with labels that are bounded and children that are bound once.

Between: clients.chain and the metrics port.
Errors: never raises.
Source: domain.md 6.2; outbound.md 3 "Metrics".
"""

from collections.abc import Iterable
from functools import cache
from typing import Final

from audifi.clients.chain.pool.endpoint import Endpoint
from audifi.clients.chain.pool.health import Standing
from audifi.clients.chain.pool.verdicts import Verdict
from audifi.kernel.metrics import counter, gauge, histogram
from audifi.wire import metrics

_CIRCUIT: Final = {Standing.GOOD: 0, Standing.SLOW: 1, Standing.NEW: 1}
_OPEN: Final = 2


class Gauges:
    """The metrics of one chain."""

    def __init__(self, network: str) -> None:
        self._network = network
        self._latency = histogram(metrics.RPC_LATENCY).labels(network)
        self.coalesced = counter(metrics.RPC_COALESCED).labels(network)
        self.cache_hits = counter(metrics.RPC_CACHE_HITS).labels(network)
        self.hedges = counter(metrics.RPC_HEDGES).labels(network)
        self._called = cache(counter(metrics.RPC_REQUESTS).labels)
        self._failed = cache(counter(metrics.RPC_ERRORS).labels)
        self._upstream = cache(counter(metrics.RPC_UPSTREAM).labels)
        self._failovers = cache(counter(metrics.RPC_FAILOVERS).labels)
        self._stale = cache(counter(metrics.RPC_STALE).labels)

    def called(self, method: str) -> None:
        self._called(self._network, method).inc()

    def took(self, seconds: float) -> None:
        self._latency.observe(seconds)

    def failed(self, error: str) -> None:
        self._failed(self._network, error).inc()

    def upstream(self, provider: str, verdict: Verdict) -> None:
        self._upstream(self._network, provider, verdict.value).inc()

    def lost(self, provider: str) -> None:
        self._upstream(self._network, provider, "lost").inc()

    def failover(self, provider: str) -> None:
        self._failovers(self._network, provider).inc()

    def stale(self, provider: str) -> None:
        self._stale(self._network, provider).inc()

    def standings(self, endpoints: Iterable[Endpoint]) -> None:
        """Publish each endpoint's circuit."""
        for endpoint in endpoints:
            state = _CIRCUIT.get(endpoint.health.standing(), _OPEN)
            gauge(metrics.CIRCUIT_STATE).labels(f"rpc-{self._network}-{endpoint.name}").set(state)

    def active(self, endpoints: Iterable[Endpoint], used: Endpoint | None) -> None:
        """Publish which endpoint the next read goes to."""
        for endpoint in endpoints:
            gauge(metrics.RPC_PROVIDER_ACTIVE).labels(self._network, endpoint.name).set(endpoint is used)

    def heads(self, provider: str, number: int, lag: int, budget_left: float | None) -> None:
        gauge(metrics.RPC_HEAD).labels(self._network, provider).set(number)
        gauge(metrics.RPC_LAG).labels(self._network, provider).set(lag)
        if budget_left is not None:
            gauge(metrics.RPC_BUDGET_LEFT).labels(provider).set(budget_left)
