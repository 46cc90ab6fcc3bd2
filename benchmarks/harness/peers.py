"""Start the peers we compare with.

Between: questions and benchmarks/peers.
Shape: one process, on the platform's own PgBouncer and Redis, told what auth-service is told.
Invariant: its packages are exactly those of package-lock.json; it ends with the block that started it.
Errors: RuntimeError with its last output when it does not start.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey

from audifi.local.ports import LOOPBACK
from audifi.local.waiting import NotReady, wait_for
from audifi.wire import environment as env
from benchmarks.harness.arguments import say
from benchmarks.harness.running import Platform

FASTIFY = Path(__file__).parents[1] / "peers" / "fastify"
KEY_BITS = 2048  # auth-service's own (services/auth/signing.py)
STARTS_WITHIN_S = 20.0


@dataclass(frozen=True)
class Peer:
    """One that runs."""

    url: str
    pid: int


def install() -> dict[str, str]:
    """Install the locked packages if they are missing, and return the versions that matter."""
    if not (FASTIFY / "node_modules").exists():
        say("installing the peer's packages (benchmarks/peers/fastify/package-lock.json)")
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=FASTIFY, check=True)
    locked = json.loads((FASTIFY / "package-lock.json").read_text())["packages"]
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    names = ("fastify", "pg", "ioredis", "fast-jwt")
    return {"node": node, **{name: locked[f"node_modules/{name}"]["version"] for name in names}}


@asynccontextmanager
async def fastify(told: Mapping[str, str], *, port: int, key_set: Mapping[str, str], log: Path) -> AsyncGenerator[Peer]:
    """Run the Fastify peer in auth-service's place."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    names = (
        "DATABASE_WRITER_URL",
        "DATABASE_PASSWORD",
        "REDIS_NODES",
        "REDIS_PASSWORD",
        "TOKEN_ISSUER",
        "TOKEN_AUDIENCE",
    )
    environment = {
        "PATH": os.defpath,
        "NODE_ENV": "production",
        "HTTP_PORT": str(port),
        "PEER_PUBLIC_KEYS": json.dumps(key_set),
        "PEER_SIGNING_KEY": pem.decode(),
        **{name: told[name] for name in names},
    }
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "node", "server.js", cwd=FASTIFY, env=environment, stdout=output, stderr=output
        )
    try:
        url = f"http://{LOOPBACK}:{port}"
        await wait_for(lambda: _answers(url, process, log), within_s=STARTS_WITHIN_S, saying="the Fastify peer answers")
        yield Peer(url, process.pid)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def unpooled(platform: Platform, *, log: Path) -> AsyncGenerator[Peer]:
    """Run one more pod of auth-service that keeps prepared statements and goes to PostgreSQL past PgBouncer.

    What a read costs where PgBouncer is 1.21 or newer and passes prepared statements on: Debian 12's 1.18 does not.
    """
    port, metrics_port = (platform.instance.ports.of("bench-unpooled-1", name) for name in ("http", "metrics"))
    address = platform.instance.ports.address("postgres-services-1", "writer")
    told = {
        **platform.told("auth-service-1"),
        env.HTTP_PORT: str(port),
        env.METRICS_PORT: str(metrics_port),
        env.DATABASE_WRITER_URL: f"postgresql://auth@{address}/audifi_dev",
        env.DATABASE_READER_URL: f"postgresql://auth@{address}/audifi_dev",
        env.DATABASE_PREPARED_STATEMENTS: "true",
    }
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "audifi.services.auth", env={"PATH": os.defpath, **told}, stdout=output, stderr=output
        )
    try:
        url = f"http://{LOOPBACK}:{port}"
        await wait_for(lambda: _answers(url, process, log), within_s=STARTS_WITHIN_S, saying="the unpooled pod answers")
        yield Peer(url, process.pid)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _answers(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    if process.returncode is not None:
        raise RuntimeError(f"the peer ended with {process.returncode}:\n{_tail(log)}")
    try:
        async with aiohttp.ClientSession() as http, http.get(f"{url}/health") as reply:
            await reply.read()
    except aiohttp.ClientError as error:
        raise NotReady(str(error)) from error


def _tail(log: Path) -> str:
    return log.read_text()[-2000:]


async def key_set(url: str) -> dict[str, str]:
    """Return the platform's public keys as PEM by kid, read from its JWKS."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/.well-known/jwks.json") as reply:
        found = json.loads(await reply.read())
    keys = found["keys"] if "keys" in found else found["data"]["keys"]
    return {key["kid"]: RSAKey.import_key(key).as_pem(private=False).decode() for key in keys}
