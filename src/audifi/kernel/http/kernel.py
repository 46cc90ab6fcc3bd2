"""Gather what the pipeline works with, in one object the service makes.

Between: services' `app.py` (makes it) and kernel.http.pipeline.
Errors: none.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.database import Database
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.internal import InternalTokens
from audifi.kernel.limits import Limit, Standing
from audifi.kernel.sessions import Sessions
from audifi.kernel.settings import ServiceSettings


@dataclass(kw_only=True)
class Kernel:
    """What the pipeline works with; tests may leave stores out."""

    settings: ServiceSettings
    deps: Any  # call.deps of every handler: the service's own object
    verifier: TokenVerifier
    database: Database | None = None  # None: no idempotency keys
    cache: Cache | None = None  # None: limits are counted in process
    sessions: Sessions | None = None  # None: tokens are believed by their signature alone
    internal: InternalTokens | None = None
    clock: Clock = field(default_factory=SystemClock)
    limits: tuple[Limit, ...] = ()  # counted for every operation, before the operation's own
    on_limit_hit: Callable[[Any, Standing], Awaitable[None]] | None = None  # told of the call and of what refused it

    @property
    def is_production(self) -> bool:
        return self.settings.environment == "production"
