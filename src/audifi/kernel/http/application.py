"""Turn a table of operations into the ASGI application of a service."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette

from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.database import Database
from audifi.kernel.http.operation import Operation
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.internal import InternalTokens
from audifi.kernel.limits import Limit
from audifi.kernel.sessions import Sessions
from audifi.kernel.settings import ServiceSettings


@dataclass(kw_only=True)
class Kernel:
    """What the pipeline works with; `server.boot` makes it, tests may leave stores out."""

    settings: ServiceSettings
    deps: Any  # call.deps of every handler: the service's own object
    verifier: TokenVerifier
    database: Database | None = None  # None: no idempotency keys
    cache: Cache | None = None  # None: no sessions, limits in process
    sessions: Sessions | None = None
    internal: InternalTokens | None = None
    clock: Clock = field(default_factory=SystemClock)
    limits: tuple[Limit, ...] = ()  # counted for every operation, before the operation's own


def application(operations: Sequence[Operation], *, kernel: Kernel, title: str, version: str) -> Starlette:
    """Return the ASGI application: routing, validation, identity, limits, idempotency, envelope, telemetry."""
    raise NotImplementedError
