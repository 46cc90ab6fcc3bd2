"""Speak to a pinning stand-in as a client would.

Between: the tests here and real sockets.
Shape: an Answer keeps what came over the wire: status, headers, bytes.
Units: *_s seconds.
Errors: aiohttp's own: what a cut connection looks like is what some tests are about.
"""

import asyncio
import io
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from audifi.local import knobs, probes
from audifi.local.held import Held
from audifi.local.ports import Ports
from audifi.local.standins.content import car, unixfs
from audifi.local.standins.content.cids import Cid
from audifi.local.waiting import NotReady, wait_for


@dataclass(frozen=True)
class Answer:
    """A response, read."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Pinning:
    """One stand-in."""

    name: str
    session: aiohttp.ClientSession
    http: int
    control: int
    token: str
    gateway_token: str = ""

    @classmethod
    def of(cls, outside: Held, name: str) -> "Pinning":
        return cls(
            name,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)),
            outside.port(f"{name}-1", "http"),
            outside.port(f"{name}-1", "control"),
            outside.secret(f"{name}-token"),
            outside.secret("pinata-gateway-token") if name == "pinata" else "",
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    async def send(self, method: str, path: str, *, token: str | None = None, **more: Any) -> Answer:
        """One request with the provider's token, or another."""
        given = self.token if token is None else token
        headers = {"Authorization": f"Bearer {given}", "x-pinata-gateway-token": self.gateway_token}
        headers.update(more.pop("headers", {}))
        async with self.session.request(method, f"{self.url}{path}", headers=headers, **more) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.send("GET", path, **more)

    async def upload(self, content: bytes, name: str = "a.txt", **fields: str) -> Answer:
        """Pinata's v3 upload, public."""
        form = aiohttp.FormData()
        for key, value in {"network": "public", **fields}.items():
            form.add_field(key, value)
        form.add_field("file", io.BytesIO(content), filename=name, content_type="text/plain")
        return await self.send("POST", "/v3/files", data=form)

    async def faults(self, **faults: Any) -> None:
        await knobs.set_faults(self.control, **faults)

    async def counts(self) -> dict[str, Any]:
        async with self.session.get(f"http://127.0.0.1:{self.control}/counts") as answer:
            return await answer.json()

    async def pin(self, cid: str, **more: Any) -> Any:
        """Ask by the pinning service's API; returns the status object."""
        answer = await self.send("POST", "/pins", json={"cid": cid, **more})
        assert answer.status == 202, answer
        return answer.json

    async def becomes(self, requestid: str, status: str, *, within_s: float = 10) -> Any:
        """Wait until the pin has this status."""

        async def probe() -> Any:
            seen = (await self.get(f"/pins/{requestid}")).json
            if seen["status"] != status:
                raise NotReady(str(seen))
            return seen

        return await wait_for(probe, within_s=within_s, saying=f"{self.name} says {status}")


def archive(content: bytes, profile: unixfs.Profile = unixfs.UNIXFS_2025) -> tuple[Cid, bytes]:
    """The root and the CAR of this content."""
    blocks: dict[str, tuple[Cid, bytes]] = {}

    def put(cid: Cid, data: bytes) -> None:
        blocks[cid.key] = (cid, data)

    root = unixfs.import_file(io.BytesIO(content), profile, put).link.cid
    return root, car.header([root]) + b"".join(car.section(cid, data) for cid, data in blocks.values())


async def kill(outside: Held, pod: str) -> None:
    """End the process without a word, and wait until the supervisor has started it again."""
    pid = (await outside.units())[pod]["pid"]
    os.kill(pid, signal.SIGKILL)

    async def back() -> None:
        unit = (await outside.units())[pod]
        if unit["pid"] in {None, pid} or unit["state"] != "ready":
            raise NotReady(str(unit))

    await wait_for(back, within_s=20, saying=f"{pod} is back")


@asynccontextmanager
async def alone(outside: Held, directory: Path, module: str, *options: str) -> AsyncGenerator[Pinning]:
    """A stand-in of its own, with other options than `audifi up` gives and no peers."""
    token = directory / "token"
    token.write_text("the.token")
    ports = Ports(outside.instance.path / f"{module}-alone.json")
    http, control = ports.of(module, "http"), ports.of(module, "control")
    listening = ("--http", str(http), "--control", str(control), "--directory", str(directory / "data"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"audifi.local.standins.{module}", *listening),
        *("--token-file", str(token), *options),
    )
    provider = Pinning(module, aiohttp.ClientSession(), http, control, "the.token")
    try:
        await wait_for(lambda: probes.http_get(control, "/health"), within_s=10, saying=f"{module} starts")
        yield provider
    finally:
        await provider.session.close()
        os.kill(process.pid, signal.SIGTERM)
        assert await process.wait() == 0
