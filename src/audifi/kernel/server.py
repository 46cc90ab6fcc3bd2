"""Run a service's pod: start, say when it is ready, and stop without dropping a request."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeVar

from audifi.kernel.http.application import Kernel
from audifi.kernel.http.operation import Operation
from audifi.kernel.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)
Check = Callable[[], Awaitable[None]]  # returns when usable, raises otherwise


@dataclass(kw_only=True)
class Service:
    """What a service hands to the server, made inside its lifespan."""

    kernel: Kernel
    operations: Sequence[Operation]
    checks: dict[str, Check]  # for /ready, e.g. {"database": database.ping, "redis": cache.ping}
    loops: Sequence[Callable[[], Awaitable[None]]] = ()  # run until cancelled; restarted with backoff when they raise


Lifespan = Callable[[S], AbstractAsyncContextManager[Service]]


def run(settings_type: type[S], lifespan: Lifespan[S], *, title: str) -> None:
    """Be the `main()` of a service: parse settings (exit 2), uvloop, logs, serve until SIGTERM or SIGINT.

    @asynccontextmanager
    async def lifespan(settings: AuthSettings) -> AsyncIterator[Service]:
        async with opened(settings) as stores: ...
            yield Service(...)

    run(AuthSettings, lifespan, title="auth-service")
    """
    raise NotImplementedError
