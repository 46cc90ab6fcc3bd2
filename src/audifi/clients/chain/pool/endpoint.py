"""Hold what the pool knows of one provider's endpoint for one chain.

Between: clients.chain.providers (makes them) and roster, flights, probes, broadcast (use them).
Invariant: the URL is inside the transport as a Secret; an endpoint is shown by its provider's name.
Units: seconds of the event loop's clock.
Errors: none.
Source: outbound.md 1.2 (UNSUPPORTED is remembered for 10 minutes).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from audifi.clients.chain.pool import methods
from audifi.clients.chain.pool.budget import Bucket
from audifi.clients.chain.pool.codec import Item
from audifi.clients.chain.pool.health import Health
from audifi.clients.chain.pool.transport import Transport

UNSUPPORTED_S: Final = 600.0


class Endpoint:
    """One provider's URL for one chain."""

    __slots__ = (
        "_secrets",
        "bucket",
        "health",
        "is_probing",
        "last_problem",
        "name",
        "place",
        "probe_at_s",
        "requests",
        "transport",
        "unsupported",
        "verified",
    )

    def __init__(
        self, name: str, transport: Transport, bucket: Bucket | None = None, *, secrets: Sequence[str] = ()
    ) -> None:
        """`secrets` are cut out of whatever the provider says: some repeat the key in their refusals."""
        self._secrets = tuple(secrets)
        self.name = name
        self.transport = transport
        self.bucket = bucket or Bucket()
        self.health = Health()
        self.unsupported: dict[str, float] = {}
        self.requests = 0
        self.last_problem = ""
        self.place = "level"  # against the others' heads, as it was said last
        self.probe_at_s = float("-inf")
        self.is_probing = False
        self.verified: tuple[int, float] = (-1, float("-inf"))  # the transport's connections then, and when

    def has_budget(self, method: str, now_s: float) -> bool:
        return self.bucket.per_s is None or self.bucket.has(methods.cost_of(self.name, method), now_s)

    def lacks(self, method: str, now_s: float) -> bool:
        """Say whether it told lately that it does not know this method."""
        if not self.unsupported:
            return False
        until_s = self.unsupported.get(method)
        return until_s is not None and now_s < until_s

    def charge(self, items: Sequence[Item]) -> None:
        """Pay for a request that is about to be sent."""
        self.requests += 1
        if self.bucket.per_s is not None:
            cost = sum(methods.cost_of(self.name, item.method) for item in items)
            extra = methods.batch_cost(self.name) if len(items) > 1 else 0
            self.bucket.pay(cost + extra, asyncio.get_running_loop().time())

    def redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text

    def __repr__(self) -> str:
        return f"Endpoint({self.name})"
