"""Start the edge, both gateways and three tiny services in auth-service's place, once for all tests here.

Between: audifi.local.components (the pods as `audifi up` starts them), upstream.py, the tests.
Shape: `gate` answers requests by HTTPS through the edge and by HTTP at a gateway; `services` kills and starts pods.
Invariant: everything listens on 127.0.0.1 with allocated ports; nothing runs after the session.
"""

import json
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.abc import AbstractResolver, ResolveResult
from joserfc import jwt
from joserfc.jwk import RSAKey

from audifi.local import certificates, probes, resolution, spawning
from audifi.local.components import PodSpec, api_gateway, edge
from audifi.local.files import remove_tree, write_text
from audifi.local.state import Instance
from audifi.local.waiting import wait_for
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology
from audifi.wire import environment

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("auth-service-1", "auth-service-2", "auth-service-3")
READY_WITHIN_S = 20


class Loopback(AbstractResolver):
    """Every name is this machine: *.localhost is not in every resolver."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        del family
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        return


@dataclass(frozen=True)
class Answer:
    """A response, read."""

    status: int
    headers: Any  # case-insensitive multi-mapping
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


@dataclass(frozen=True)
class Gate:
    """How tests reach the edge and a gateway."""

    session: aiohttp.ClientSession
    https_port: int
    http_port: int
    gateway_port: int
    authority: Path
    instance: Instance

    async def ask(
        self, path: str, method: str = "GET", *, host: str = "api", at_gateway: bool = False, **options: Any
    ) -> Answer:
        """Send a request through the edge, or straight to the first gateway."""
        base = f"https://{self.name(host)}:{self.https_port}"
        if at_gateway:
            base = f"http://127.0.0.1:{self.gateway_port}"
        async with self.session.request(method, base + path, allow_redirects=False, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    def name(self, host: str) -> str:
        return "audifi.localhost" if host == "apex" else f"{host}.audifi.localhost"


@dataclass
class Tokens:
    """Sign what a test needs."""

    issuer: str
    audience: str
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"}))

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.audience, "sub": "user", "iat": now, "exp": now + 900}
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    def token(self, *, key: RSAKey | None = None, alg: str = "RS256", **changes: Any) -> str:
        return jwt.encode({"alg": alg, "kid": "one"}, self.claims(**changes), key or self.key, algorithms=[alg])

    def bearer(self, **changes: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(**changes)}"}


class Services:
    """The pods behind the gateway."""

    def __init__(self, instance: Instance, topology: Topology, keys: Path) -> None:
        self._instance = instance
        self._running: dict[str, spawning.Child] = {}
        self.specs = {name: self._spec(topology, name, keys) for name in SERVICES}
        self.gateways = api_gateway.pods(instance, topology)

    def _spec(self, topology: Topology, name: str, keys: Path) -> PodSpec:
        port = resolution.port(self._instance, topology, name, "http")

        async def ready() -> str:
            return await probes.http_get(port, "/ready")

        script = str(Path(__file__).with_name("upstream.py"))
        return PodSpec(
            name=name,
            component="auth-service",
            argv=(sys.executable, script, str(port), str(keys), name),
            ready=ready,
            ports={"http": port},
        )

    async def start(self, spec: PodSpec) -> None:
        spec.prepare()
        self._running[spec.name] = spawning.start(self._instance, spec)
        await wait_for(spec.ready, within_s=READY_WITHIN_S, saying=f"{spec.name} ready")

    async def kill(self, name: str) -> None:
        child = self._running.pop(name)
        child.kill_group()
        await child.exited()

    async def stop(self) -> None:
        for name in reversed(list(self._running)):
            await self.kill(name)

    def port(self, name: str) -> int:
        return self.specs[name].ports["http"]


@pytest.fixture(scope="session")
def topology() -> Topology:
    return platform("local")


@pytest.fixture(scope="session")
def instance(request: pytest.FixtureRequest) -> Iterator[Instance]:
    found = Instance.at(ROOT / ".audifi" / f"test-gateway-{os.getpid()}")
    found.create()
    for name in ("https", "http"):
        found.ports.of("edge-1", name)  # allocated, not 443 and 80: those belong to whoever runs `audifi up`
    failed_before = request.session.testsfailed
    yield found
    if request.session.testsfailed == failed_before:
        remove_tree(found.path)


@pytest.fixture(scope="session")
def tokens(instance: Instance, topology: Topology) -> Tokens:
    told = resolution.environment(instance, topology, "auth-service-1")
    return Tokens(told[environment.TOKEN_ISSUER], told[environment.TOKEN_AUDIENCE])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def services(instance: Instance, topology: Topology, tokens: Tokens) -> AsyncIterator[Services]:
    keys = write_text(instance.path / "jwks.json", json.dumps({"keys": [tokens.key.as_dict(private=False)]}))
    found = Services(instance, topology, keys)
    try:
        for spec in found.specs.values():
            await found.start(spec)
        for spec in (*found.gateways, *edge.pods(instance, topology)):
            await found.start(spec)
        yield found
    finally:
        await found.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stranger(gate: Gate) -> AsyncIterator[Gate]:
    """The same gate, reached from 127.0.0.2: an address the edge does not trust, as on the internet."""
    trusted = ssl.create_default_context(cafile=str(gate.authority))
    connector = aiohttp.TCPConnector(ssl=trusted, resolver=Loopback(), limit=200, local_addr=("127.0.0.2", 0))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield replace(gate, session=session)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gate(instance: Instance, services: Services) -> AsyncIterator[Gate]:
    authority = certificates.authority_directory(instance.path) / "ca.pem"
    trusted = ssl.create_default_context(cafile=str(authority))
    connector = aiohttp.TCPConnector(ssl=trusted, resolver=Loopback(), limit=200)
    async with aiohttp.ClientSession(connector=connector) as session:
        ports = instance.ports
        yield Gate(
            session,
            ports.of("edge-1", "https"),
            ports.of("edge-1", "http"),
            ports.of("api-gateway-1", "http"),
            authority,
            instance,
        )
