"""Put a WebSocket pod together, say whether it is ready, and stop it without a stampede.

Between: __main__ (runs it), the supervisor or Kubernetes (signals, probes), picows (hands over handshakes).

    parse settings (exit 2) → logs → stores → metrics port → HTTP port → heart
    SIGTERM: not ready, handshakes are declined (503), everybody is sent elsewhere over a window (draining); DRAIN_S
             goes by at least, so that balancers notice; then the port closes, exit 0.
    SIGINT: the same with everybody at once. A second signal: exit 1.

/health and /ready are answered on the same port as sockets: picows takes any GET, and its answer is given at once, so
what /ready says is at most READY_EVERY_S old (a draining pod says so immediately). /metrics has its own port.
Handshakes are admitted by a bucket: a storm of reconnects is told to come back (503, Retry-After) before it starves
those who are watching.
Units: *_s seconds. Errors: a port in use: one log line, exit 1.
Source: realtime.md 3; domain.md 3, 6.6.
"""

import asyncio
import contextlib
import gc
import logging
import math
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import msgspec
import picows
import uvloop

from audifi.gateways.ws import draining, handshake, rooms
from audifi.gateways.ws.admitting import Admitting
from audifi.gateways.ws.connection import Connection
from audifi.gateways.ws.dialects import Dialect
from audifi.gateways.ws.gateway import Gateway
from audifi.gateways.ws.handshake import Declined
from audifi.gateways.ws.limits import HANDSHAKES_AT_ONCE, HANDSHAKES_PER_S, Bucket
from audifi.gateways.ws.settings import GatewaySettings
from audifi.kernel import logs
from audifi.kernel.cache import Cache
from audifi.kernel.context import PROCESS
from audifi.kernel.health import Health
from audifi.kernel.http.address import client_address
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.ids import request_id
from audifi.kernel.internal import InternalTokens
from audifi.kernel.jwks import RemoteKeys
from audifi.kernel.logs import log
from audifi.kernel.peers import Peers
from audifi.kernel.problems import envelope
from audifi.kernel.server import keep, serve_metrics, stop
from audifi.kernel.settings import parse_or_exit
from audifi.kernel.traces import Exporter
from audifi.wire import problems
from audifi.wire.live import addresses, protocol

BACKLOG: Final = 4096
SEND_BUFFER_BYTES: Final = 64 * 1024  # the default hides slow readers in megabytes of kernel memory (realtime.md 2.8)
READ_BUFFER_BYTES: Final = 1024
HANDSHAKE_S: Final = 10.0
READY_EVERY_S: Final = 1.0
_FULL: Final = logging.CRITICAL + 1
_PROBLEMS: Final[dict[int, type[problems.Problem]]] = {
    403: problems.Forbidden,
    404: problems.NotFound,
    503: problems.Unavailable,
}


def main() -> None:
    """Parse settings, serve until a signal."""
    settings = parse_or_exit(GatewaySettings)
    PROCESS.service, PROCESS.pod, PROCESS.version = settings.service, settings.pod, settings.version
    logs.configure(settings.log_level)
    logging.getLogger("picows").setLevel(_FULL)  # a client that breaks the protocol is no error of ours
    try:
        code = uvloop.run(serve(settings))
    except Exception as error:  # noqa: BLE001  # the process boundary: say why it ends, then end
        log.critical("the process cannot run", error=error)
        code = 1
    log.sink.flush()
    raise SystemExit(code)


async def serve(settings: GatewaySettings) -> int:
    """Serve until a signal; return the exit code."""
    at = listening(settings.http_host, settings.http_port)
    async with AsyncExitStack() as stack:
        cache = await Cache.open(settings)
        stack.push_async_callback(cache.close)
        gateway = await stack.enter_async_context(opened(settings, cache))
        health = Health({"redis": cache.ping})
        front = Front(gateway, health, frozenset(settings.cors_origins))
        stack.callback(serve_metrics(settings))
        loops = [gateway.heart.run, front.run]
        if settings.otlp_url:
            loops.append(Exporter(settings.otlp_url).run)
        stack.push_async_callback(stop, [asyncio.create_task(keep(loop)) for loop in loops])
        stopping = Stopping(health)
        server = await sockets(front, at)
        gc.freeze()  # what is here now stays: the collector need not look at it again
        log.info("listening", port=at.getsockname()[1], pod=settings.pod, version=settings.version)
        await stopping.asked.wait()
        await _drained(gateway, stopping, settings.drain_s)
        server.close()
    log.info("stopped")
    return 1 if stopping.is_forced else 0


@asynccontextmanager
async def opened(settings: GatewaySettings, cache: Cache) -> AsyncGenerator[Gateway, None]:
    """Open what the connections share."""
    async with AsyncExitStack() as stack:
        internal = InternalTokens(
            service=settings.service,
            signing_key_jwk=settings.internal_signing_key.reveal(),
            caller_keys_jwks='{"keys": []}',  # nobody calls a pod
        )
        peers = Peers.open(settings, internal)
        stack.push_async_callback(peers.close)
        verifier = TokenVerifier(
            issuer=settings.token_issuer, audience=settings.token_audience, source=RemoteKeys(settings.jwks_url)
        )
        open_rooms = await stack.enter_async_context(rooms.opened(settings, cache, peers))
        yield Gateway(
            rooms=open_rooms,
            admitting=Admitting(cache, verifier, peers),
            peers=peers,
            client_address=client_address(settings.trusted_proxy_networks),
        )


class Front:
    """Take handshakes and probes."""

    def __init__(self, gateway: Gateway, health: Health, origins: frozenset[str]) -> None:
        self._gateway = gateway
        self._health = health
        self._origins = origins
        self._bucket = Bucket(HANDSHAKES_PER_S, HANDSHAKES_AT_ONCE)
        self._ready: tuple[int, dict[str, Any]] = (503, {"status": "starting"})

    async def run(self) -> None:
        """Look at what we depend on, for ever."""
        while True:
            self._ready = await self._health.ready()
            await asyncio.sleep(READY_EVERY_S)

    def take(self, request: picows.WSUpgradeRequest) -> picows.WSUpgradeResponseWithListener:
        """Answer one request: 101 with a connection, or anything else without."""
        if request.path == b"/health":
            return _answered(200, self._health.alive())
        if request.path == b"/ready":
            status, body = self._ready
            return (
                _answered(503, body | {"status": "draining"}) if self._health.is_draining else _answered(status, body)
            )
        wait_s = 1.0 if self._health.is_draining else self._bucket.take(self._gateway.loop.time())
        if wait_s:
            self._gateway.errors("overload")
            return _declined(Declined(503, "Come back later.", (("Retry-After", str(math.ceil(wait_s))),)))
        wanted = handshake.wanted(request.path, request.headers, self._origins)
        if isinstance(wanted, Declined):
            self._gateway.errors(f"http_{wanted.status}")
            return _declined(wanted)
        request.headers["Connection"] = "upgrade"  # picows takes no other word beside it, and Firefox sends one
        spoken = {} if wanted.dialect is Dialect.FLAT else {"Sec-WebSocket-Protocol": protocol.ENVELOPE}
        response = picows.WSUpgradeResponse.create_101_response({addresses.POD_HEADER: PROCESS.pod} | spoken)
        return picows.WSUpgradeResponseWithListener(response, Connection(self._gateway, wanted))


class Stopping:
    """What signals ask for."""

    def __init__(self, health: Health) -> None:
        self.asked = asyncio.Event()
        self.forced = asyncio.Event()
        self.is_at_once = False
        self._health = health
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._received, number)

    @property
    def is_forced(self) -> bool:
        return self.forced.is_set()

    def _received(self, number: signal.Signals) -> None:
        if self.asked.is_set():
            self.forced.set()
            return
        self.is_at_once = number is signal.SIGINT
        self._health.is_draining = True
        log.info("stopping", signal=number.name)
        self.asked.set()


async def _drained(gateway: Gateway, stopping: Stopping, drain_s: float) -> None:
    await gateway.rooms.withdraw()
    over_s = 0.0 if stopping.is_at_once else draining.window_s(len(gateway.connections))
    work = [asyncio.create_task(draining.drain(gateway.connections, over_s=over_s))]
    if not stopping.is_at_once:
        work.append(asyncio.create_task(asyncio.sleep(drain_s)))
    forced = asyncio.create_task(stopping.forced.wait())
    done = asyncio.ensure_future(asyncio.gather(*work))
    await asyncio.wait((forced, done), return_when=asyncio.FIRST_COMPLETED)
    for task in (forced, done):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def sockets(front: Front, at: socket.socket) -> asyncio.Server:
    """Take handshakes on a listening socket."""
    quiet = logging.LoggerAdapter(logging.getLogger("picows"), {})  # shared: a Logger of its own is 1 KiB a connection
    create: Any = vars(picows)["ws_create_server"]  # its annotations leave create_server's keywords untyped
    return await create(
        front.take,
        sock=at,
        use_aiofastnet=False,  # 14.1 KiB a connection instead of 8.8, for faster writes: ours are our own
        backlog=BACKLOG,
        logger_name=quiet,
        websocket_handshake_timeout=HANDSHAKE_S,
        enable_auto_pong=False,  # client's pings are counted
        max_frame_size=protocol.FRAME_BYTES,
        read_buffer_init_size=READ_BUFFER_BYTES,
    )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # accepted sockets inherit it
        made.bind((host, port))
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise RuntimeError(f"cannot listen on {host}:{port} (HTTP_HOST, HTTP_PORT): {error.strerror}") from error
    return made


def _answered(status: int, body: dict[str, Any]) -> picows.WSUpgradeResponseWithListener:
    head = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    data = msgspec.json.encode(body)
    if status < 400:
        return picows.WSUpgradeResponseWithListener(picows.WSUpgradeResponse.create_ok_response(data, head), None)
    response = picows.WSUpgradeResponse.create_error_response(status, data, head)
    return picows.WSUpgradeResponseWithListener(response, None)


def _declined(declined: Declined) -> picows.WSUpgradeResponseWithListener:
    problem = _PROBLEMS.get(declined.status, problems.Invalid)(declined.text)
    body = envelope(problem, request_id(), is_production=False)  # the text is ours: nothing of the inside is in it
    head = (("Content-Type", "application/json"), ("Cache-Control", "no-store"), *declined.headers)
    response = picows.WSUpgradeResponse.create_error_response(declined.status, body, head)
    return picows.WSUpgradeResponseWithListener(response, None)
