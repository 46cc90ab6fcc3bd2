"""Ask the running platform as somebody outside would: through the edge by its names, or past it at a pod's own port.

Between: the probes of this folder and aiohttp.
Shape: every visitor has an address of its own, so that limits per address never meet two probes.
Invariant: certificates are verified with the local authority; no redirect is followed; answers are read whole.
Units: *_s seconds.
Errors: aiohttp.ClientError for what is not answered at all.
"""

import json
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from audifi.drills.journey.stage import Stage, own_address
from audifi.local import resolution
from audifi.local.certificates import authority_directory
from audifi.local.ports import LOOPBACK
from audifi.sdk.resolver import LocalhostResolver

PATIENCE_S: Final = 10.0


@dataclass(frozen=True)
class Answer:
    """A response, read."""

    status: int
    headers: Mapping[str, str]  # names in any case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Visitor:
    """A program outside."""

    stage: Stage
    http: aiohttp.ClientSession

    async def ask(
        self, domain: str, path: str, method: str = "GET", *, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> Answer:
        """Ask through the edge, by HTTPS."""
        url = resolution.public_url(self.stage.instance, self.stage.topology, domain, path)
        return await self._sent(method, url, headers, body)

    async def past(
        self, pod: str, path: str, method: str = "GET", *, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> Answer:
        """Ask a pod at its own port, by plain HTTP: nothing in front of it protects it."""
        return await self._sent(method, f"http://{LOOPBACK}:{self.stage.port(pod, 'http')}{path}", headers, body)

    async def _sent(self, method: str, url: str, headers: Mapping[str, str] | None, body: Any) -> Answer:
        asked = self.http.request(method, url, headers=headers or {}, json=body, allow_redirects=False)
        async with asked as response:
            return Answer(response.status, response.headers, await response.read())


@asynccontextmanager
async def visiting(stage: Stage, *, from_here: bool = False) -> AsyncGenerator[Visitor]:
    """Be a visitor; from here: without an address of one's own, for ports that only loopback's own address reaches."""
    connector = aiohttp.TCPConnector(
        ssl=trust(stage),
        resolver=LocalhostResolver(),
        limit=0,
        local_addr=None if from_here else (own_address(), 0),
    )
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        yield Visitor(stage, http)


def authority(stage: Stage) -> Path:
    """The certificate of the local authority."""
    return authority_directory(stage.instance.path) / "ca.pem"


def trust(stage: Stage) -> ssl.SSLContext:
    """What a browser verifies certificates with."""
    return ssl.create_default_context(cafile=str(authority(stage)))
