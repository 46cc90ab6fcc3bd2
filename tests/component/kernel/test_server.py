"""A pod's end: not ready first, then the requests in flight, then exit 0; a second signal ends it at once."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from audifi.kernel.settings import ServiceSettings, variables
from audifi.local.waiting import NotReady, wait_for
from audifi.wire import environment

pytestmark = pytest.mark.asyncio
PROGRAM = Path(__file__).with_name("served.py")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def told(port: int, drain_s: float) -> dict[str, str]:
    """The environment of a service that reaches nothing."""
    unused = dict.fromkeys((name for name, is_required in variables(ServiceSettings).items() if is_required), "unused")
    return {
        **unused,
        environment.ENVIRONMENT: "local",
        environment.REPLICAS: "1",
        environment.LOG_LEVEL: "info",
        environment.HTTP_HOST: "127.0.0.1",
        environment.HTTP_PORT: str(port),
        environment.METRICS_PORT: "0",
        environment.DRAIN_S: str(drain_s),
        environment.DATABASE_PREPARED_STATEMENTS: "false",
        environment.TRUSTED_PROXY_NETWORKS: "127.0.0.0/8",
    }


@dataclass
class Pod:
    """A running service."""

    process: asyncio.subprocess.Process
    port: int
    http: aiohttp.ClientSession
    said: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.http.get(f"http://127.0.0.1:{self.port}{path}") as reply:
            return reply.status, await reply.json()

    async def is_ready(self, status: int) -> None:
        try:
            seen = await self.get("/ready")
        except aiohttp.ClientError as error:
            raise NotReady(f"{error}; it said {self.said}") from error
        if seen[0] != status:
            raise NotReady(str(seen))

    async def refuses(self) -> None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return
        writer.close()
        raise NotReady("the port is open")

    async def has_said(self, message: str) -> None:
        if message not in [line["message"] for line in self.said]:
            raise NotReady(f"{self.said}")

    async def listen(self) -> None:
        assert self.process.stdout is not None, "a pipe was asked for"
        async for line in self.process.stdout:
            self.said.append(json.loads(line))

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 10)


@pytest_asyncio.fixture(params=[30.0])
async def pod(request: pytest.FixtureRequest) -> AsyncGenerator[Pod]:
    """A pod that answers, with a request to /slow under way in most tests; `params` is its DRAIN_S."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), env=told(port, request.param), stdout=asyncio.subprocess.PIPE
    )
    async with aiohttp.ClientSession() as http:
        pod = Pod(process, port, http)
        listening = asyncio.create_task(pod.listen())
        try:
            await wait_for(lambda: pod.is_ready(200), within_s=30, saying="the pod is ready")
            yield pod
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await listening


async def slow(pod: Pod) -> "asyncio.Task[tuple[int, Any]]":
    """A request that is being handled."""
    task = asyncio.create_task(pod.get("/slow"))
    await wait_for(lambda: pod.has_said("slow began"), within_s=10, saying="the request is in flight")
    return task


@pytest.mark.parametrize("pod", [3.0], indirect=True)
async def test_a_draining_pod_is_not_ready_but_serves_and_then_ends_with_0(pod: Pod) -> None:
    asked = await slow(pod)
    pod.process.send_signal(signal.SIGTERM)
    await wait_for(lambda: pod.is_ready(503), within_s=3, saying="not ready")
    async with pod.http.get(f"http://127.0.0.1:{pod.port}/openapi.json") as reply:
        assert (reply.status, reply.headers["Connection"]) == (200, "close")
    pod.process.send_signal(signal.SIGUSR1)
    assert await asked == (200, {"data": {"isDone": True}})
    assert await pod.ended() == 0
    await wait_for(lambda: pod.has_said("closed"), within_s=5, saying="the lifespan ended")


@pytest.mark.parametrize("pod", [0.0], indirect=True)
async def test_a_request_in_flight_is_answered_after_the_port_is_closed(pod: Pod) -> None:
    asked = await slow(pod)
    pod.process.send_signal(signal.SIGTERM)
    await wait_for(pod.refuses, within_s=5, saying="the port is closed")
    assert pod.process.returncode is None
    pod.process.send_signal(signal.SIGUSR1)
    assert await asked == (200, {"data": {"isDone": True}})
    assert await pod.ended() == 0


async def test_sigint_does_not_wait_for_balancers(pod: Pod) -> None:
    pod.process.send_signal(signal.SIGINT)
    assert await pod.ended() == 0


async def test_a_second_signal_ends_it_at_once(pod: Pod) -> None:
    asked = await slow(pod)
    pod.process.send_signal(signal.SIGTERM)
    await wait_for(lambda: pod.is_ready(503), within_s=5, saying="not ready")
    pod.process.send_signal(signal.SIGTERM)
    assert await pod.ended() == 1
    with pytest.raises(aiohttp.ClientError):
        await asked


async def test_a_port_in_use_is_said_and_ends_with_1(pod: Pod) -> None:
    second = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), env=told(pod.port, 0), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(second.communicate(), 20)
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{pod.port}" in output.decode()


async def test_wrong_settings_are_all_listed_and_end_with_2() -> None:
    wrong = {**told(0, 0), environment.HTTP_PORT: "many", environment.REPLICAS: "0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), env=wrong, stderr=asyncio.subprocess.PIPE
    )
    _, output = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert environment.HTTP_PORT in output.decode()
    assert environment.REPLICAS in output.decode()
