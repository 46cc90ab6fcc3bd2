"""Run a service's pod: start, say when it is ready, and stop without dropping a request.

Between: services' `__main__` (calls `run`) and the supervisor or Kubernetes (signals, probes).

    parse settings (exit 2) → logs → lifespan opens stores → metrics port → HTTP port → loops
    SIGTERM: not ready, answers say `Connection: close`, DRAIN_S goes by while requests still come and are served;
             then the port closes, requests in flight finish (at most FINISH_S), loops stop, stores close, exit 0.
    SIGINT: the same without the wait. A second signal: exit 1 at once.

Why wait: balancers need a moment to see that the pod is not ready; closing the port at once would drop what they send
meanwhile. A store that is away does not keep the pod from starting: it is just not ready.
Units: *_s seconds. Errors: a port in use, a lifespan that fails: one log line, exit 1.
Source: Kubernetes "Termination of Pods"; domain.md 6.6.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import msgspec
import uvicorn
import uvloop
from prometheus_client import start_http_server

from audifi.kernel import logs, purging
from audifi.kernel.context import PROCESS
from audifi.kernel.health import Check, Health
from audifi.kernel.http.application import Application, Scope, Send, application
from audifi.kernel.http.kernel import Kernel
from audifi.kernel.http.operation import Operation
from audifi.kernel.http.pipeline import Receive
from audifi.kernel.logs import log
from audifi.kernel.metrics import gauge
from audifi.kernel.settings import ServiceSettings, parse_or_exit
from audifi.kernel.traces import Exporter
from audifi.wire import metrics

FINISH_S: Final = 25  # under Kubernetes' 30 s grace period together with a DRAIN_S of 5 at most
BACKLOG: Final = 2048
_RESTART_FIRST_S: Final = 0.2
_RESTART_MAX_S: Final = 10.0

S = TypeVar("S", bound=ServiceSettings)
Loop = Callable[[], Awaitable[None]]


@dataclass(kw_only=True)
class Service:
    """What a service hands to the server, made inside its lifespan."""

    kernel: Kernel
    operations: Sequence[Operation]
    checks: dict[str, Check]  # for /ready, e.g. {"database": database.ping, "redis": cache.ping}
    loops: Sequence[Loop] = field(default=())  # run until cancelled; restarted with backoff when they raise


Lifespan = Callable[[S], AbstractAsyncContextManager[Service]]


def run(settings_type: type[S], lifespan: Lifespan[S], *, title: str) -> None:
    """Be the `main()` of a service: parse settings (exit 2), uvloop, logs, serve until SIGTERM or SIGINT.

    @asynccontextmanager
    async def lifespan(settings: AuthSettings) -> AsyncIterator[Service]:
        database = await Database.open(settings)
        try:
            yield Service(kernel=Kernel(...), operations=OPERATIONS, checks={"database": database.ping})
        finally:
            await database.close()

    run(AuthSettings, lifespan, title="auth-service")
    """
    settings = parse_or_exit(settings_type)
    PROCESS.service, PROCESS.pod, PROCESS.version = settings.service, settings.pod, settings.version
    logs.configure(settings.log_level)
    try:
        code = uvloop.run(serve(settings, lifespan, title=title))
    except Exception as error:  # noqa: BLE001  # the process boundary: say why it ends, then end
        log.critical("the process cannot run", error=error)
        code = 1
    log.sink.flush()
    raise SystemExit(code)


async def serve(settings: S, lifespan: Lifespan[S], *, title: str) -> int:
    """Serve until a signal; return the exit code."""
    listening = _listen(settings.http_host, settings.http_port)
    async with contextlib.AsyncExitStack() as stack:
        service = await stack.enter_async_context(lifespan(settings))
        health = Health(service.checks)
        served = application(service.operations, kernel=service.kernel, title=title, version=settings.version)
        front = Front(served, health)
        stack.callback(serve_metrics(settings))
        loops = [*service.loops, *_own_loops(settings, service.kernel)]
        stack.push_async_callback(stop, [asyncio.create_task(keep(loop)) for loop in loops])
        server = _Server(_configuration(front))
        _on_signals(server, health, settings.drain_s)
        log.info("listening", port=listening.getsockname()[1], pod=settings.pod, version=settings.version)
        await server.serve(sockets=[listening])
    log.info("stopped")
    return 1 if server.is_forced else 0


def _own_loops(settings: ServiceSettings, kernel: Kernel) -> list[Loop]:
    loops: list[Loop] = []
    if settings.otlp_url:
        loops.append(Exporter(settings.otlp_url).run)
    if kernel.database is not None:
        loops.append(purging.loop_over(kernel.database))
    return loops


class Front:
    """The outermost ASGI application: probes first, then the service; says goodbye while draining."""

    def __init__(self, served: Application, health: Health) -> None:
        self._served = served
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "/health":
            await _probe(send, 200, self._health.alive())
        elif path == "/ready":
            await _probe(send, *await self._health.ready())
        elif self._health.is_draining:
            await self._served(scope, receive, _closing(send))
        else:
            await self._served(scope, receive, send)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: ours drain first."""

    is_forced = False

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _configuration(front: Front) -> uvicorn.Config:
    served: Any = front
    return uvicorn.Config(
        served,
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,  # longer than the gateway keeps idle connections, so that it closes first
        timeout_graceful_shutdown=FINISH_S,
        backlog=BACKLOG,
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        raise RuntimeError(f"cannot listen on {host}:{port} (HTTP_HOST, HTTP_PORT): {error.strerror}") from error


class Process(Protocol):
    """What `serve_metrics` reads of the settings."""

    @property
    def service(self) -> str: ...
    @property
    def pod(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def http_host(self) -> str: ...
    @property
    def metrics_port(self) -> int: ...


def serve_metrics(settings: Process) -> Callable[[], None]:
    """Open the metrics port; return what closes it."""
    try:
        server, thread = start_http_server(settings.metrics_port, addr=settings.http_host)
    except OSError as error:
        raise RuntimeError(f"cannot listen on METRICS_PORT {settings.metrics_port}: {error.strerror}") from error
    gauge(metrics.PROCESS_STARTED).labels(settings.service, settings.pod, settings.version).set(1)

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join(timeout=1)

    return close


def _on_signals(server: _Server, health: Health, drain_s: float) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = PROCESS.is_stopping = True

    def received(number: signal.Signals) -> None:
        if health.is_draining:
            server.is_forced = server.force_exit = server.should_exit = True
            return
        health.is_draining = True
        log.info("stopping", signal=number.name, drain_s=drain_s if number is signal.SIGTERM else 0)
        loop.call_later(drain_s if number is signal.SIGTERM else 0, stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received, number)


async def keep(loop: Loop) -> None:
    """Run a background loop for ever; when it raises, log and start it again, a little later each time."""
    pause_s = _RESTART_FIRST_S
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await loop()
        except Exception as error:  # noqa: BLE001  # the supervisor of loops
            log.error("a background loop failed and is started again", loop=_name(loop), error=error)
        else:
            return
        if asyncio.get_running_loop().time() - started > _RESTART_MAX_S:
            pause_s = _RESTART_FIRST_S
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _RESTART_MAX_S)


async def stop(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel loops and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _probe(send: Send, status: int, body: dict[str, Any]) -> None:
    data = msgspec.json.encode(body)
    head = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    head.append((b"content-length", str(len(data)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": data})


def _closing(send: Send) -> Send:
    async def closing(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"].append((b"connection", b"close"))
        await send(message)

    return closing


def _name(loop: Loop) -> str:
    return getattr(loop, "__qualname__", type(loop).__qualname__)
