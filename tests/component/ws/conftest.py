"""Run a gateway process over the real Redis Cluster, for the tests of this folder.

Between: tests, the `stores` fixture, driver.
Invariant: after each test nobody is connected, and nothing was logged as an error.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest_asyncio
from aiohttp import web
from tests.component.ws import driver
from tests.component.ws.driver import Neighbours, Pod

from audifi.gateways.ws.settings import GatewaySettings
from audifi.kernel.cache import Cache
from audifi.kernel.settings import parse
from audifi.local.held import Held
from audifi.local.waiting import wait_for
from audifi.wire import environment as names

POD = "ws-gateway-1"
ORIGIN = "https://app.audifi.localhost"


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])


def told(environment: dict[str, str], peer: str) -> dict[str, str]:
    """What a pod of this place is told, but for its ports and its neighbours."""
    return environment | {
        names.HTTP_HOST: "127.0.0.1",
        names.HTTP_PORT: free_port(),
        names.METRICS_PORT: free_port(),
        names.PEERS: f"vstudio-service={peer}",
        names.JWKS_URL: f"{peer}/.well-known/jwks.json",
        names.CORS_ORIGINS: ORIGIN,
    }


def settings_of(environment: dict[str, str], peer: str) -> GatewaySettings:
    return parse(GatewaySettings, told(environment, peer))


@asynccontextmanager
async def running(stores: Held, *, drain_s: str = "0") -> AsyncGenerator[Pod]:
    """A pod of one's own."""
    async with AsyncExitStack() as stack:
        neighbours = Neighbours()
        runner = web.AppRunner(neighbours.application(), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listening).start()
        peer = f"http://127.0.0.1:{listening.getsockname()[1]}"
        environment = told(stores.environment(POD), peer) | {names.DRAIN_S: drain_s}
        cache = await Cache.open(parse(GatewaySettings, environment))
        stack.push_async_callback(cache.close)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        pod = await driver.started(environment, cache, neighbours, http)
        listening_task = asyncio.create_task(pod.listen())
        try:
            await wait_for(pod.is_ready, within_s=30, saying="the pod is ready")
            yield pod
        finally:
            await pod.part()
            if pod.process.returncode is None:
                pod.process.kill()
            await pod.process.wait()
            await listening_task


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(stores: Held) -> AsyncGenerator[Pod]:
    """One pod for everything that leaves it as it was."""
    async with running(stores) as pod:
        yield pod


@pytest_asyncio.fixture(loop_scope="session")
async def pod(shared: Pod) -> AsyncGenerator[Pod]:
    """The shared pod, with neighbours that behave."""
    neighbours = shared.neighbours
    neighbours.refusal, neighbours.failures, neighbours.held = None, 0, None
    for kept in (neighbours.asked, neighbours.votes, neighbours.chats, neighbours.commands, shared.said):
        kept.clear()
    shared.received_before = (await shared.metrics())["ws_messages_received_total"]
    yield shared
    await shared.part()
    await shared.active(0)
    assert shared.alarms() == []
