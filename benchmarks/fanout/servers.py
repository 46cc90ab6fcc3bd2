"""Start the peers: the floor, `ws`, `websockets` and Socket.IO with its Redis adapter, one process each or three.

Between: the parts of vote_fanout and benchmarks/peers/sockets, harness/wsfloor.c.
Shape: a Server is its ports, its processes and one who publishes. Pinned to a core it is compared per core.
Invariant: what is installed is exactly what package-lock.json and requirements.lock say; processes end with the block.
Errors: RuntimeError with its last words when one does not start.
"""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audifi.local.ports import LOOPBACK
from audifi.local.waiting import NotReady, wait_for
from benchmarks.fanout.generator import compiled
from benchmarks.fanout.publishers import PADDING, Each, Publishing, Socket
from benchmarks.harness.arguments import say
from benchmarks.harness.result import ROOT

PEERS: Final = ROOT / "benchmarks" / "peers" / "sockets"
WEBSOCKETS: Final = ROOT / ".audifi" / "bench-websockets"
UV: Final = ROOT / ".audifi" / "uv" / "bin" / "uv"
STARTS_WITHIN_S: Final = 20.0
FLOOR, WS, PYTHON, SOCKETIO = "floor", "ws", "websockets", "socketio"
SOCKETIO_PATH: Final = "/socket.io/?EIO=4&transport=websocket"


@dataclass(frozen=True, kw_only=True)
class Server:
    """One candidate that runs."""

    name: str
    ports: Sequence[int]
    pids: Sequence[int]
    publishing: Publishing
    dialect: str = "plain"
    paths: Path | None = None
    redis: Sequence[int] = ()  # processes of what lies between its pods
    session_id: str = ""  # ours only


def install() -> dict[str, str]:
    """Install what is missing, and return the versions that are measured."""
    if not (PEERS / "node_modules").exists():
        say("installing the JavaScript peers (benchmarks/peers/sockets/package-lock.json)")
        subprocess.run(["npm", "ci", "--ignore-scripts", "--loglevel=error"], cwd=PEERS, check=True)
    lock, python = PEERS / "requirements.lock", WEBSOCKETS / "bin" / "python"
    if not python.exists():
        say("installing the Python peer (benchmarks/peers/sockets/requirements.lock)")
        subprocess.run(
            [str(UV), "venv", "-q", "--no-project", "--python", "/usr/bin/python3", str(WEBSOCKETS)], check=True
        )
    subprocess.run([str(UV), "pip", "sync", "-q", "--python", str(python), "--require-hashes", str(lock)], check=True)
    locked = json.loads((PEERS / "package-lock.json").read_text())["packages"]
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    python_peers = dict(re.findall(r"^(websockets|uvloop)==(\S+)", lock.read_text(), re.MULTILINE))
    names = ("socket.io", "@socket.io/redis-adapter", "ws")
    return {"node": node, **python_peers, **{name: locked[f"node_modules/{name}"]["version"] for name in names}}


def _program(name: str, port: int) -> list[str]:
    return {
        FLOOR: [str(compiled("wsfloor")), str(port)],
        WS: ["node", str(PEERS / "ws.js")],
        PYTHON: [str(WEBSOCKETS / "bin" / "python"), str(PEERS / "plain_websockets.py"), str(port)],
        SOCKETIO: ["node", str(PEERS / "socketio.js")],
    }[name]


@asynccontextmanager
async def peer(
    name: str, ports: Sequence[int], *, folder: Path, core: int | None = None, told: Mapping[str, str] | None = None,
    padding: str = PADDING,
) -> AsyncGenerator[Server]:  # fmt: skip
    """Run one process of a peer per port."""
    processes: list[asyncio.subprocess.Process] = []
    paths = None
    if name == SOCKETIO:
        paths = folder / "socketio.paths"
        paths.write_text(f"{SOCKETIO_PATH}\n" * 10_000)
    try:
        for port in ports:
            process = await _started(name, port, folder / f"{name}-{port}.log", core, told or {})
            processes.append(process)
        sockets = [await Socket.open(port, is_socketio=name == SOCKETIO, padding=padding) for port in ports]
        # With an adapter one node tells the others; without one each must be told.
        speaking = sockets[:1] if name == SOCKETIO else sockets
        yield Server(
            name=name,
            ports=ports,
            pids=[process.pid for process in processes],
            publishing=Each(*speaking),
            dialect="socketio" if name == SOCKETIO else "plain",
            paths=paths,
        )
        for socket in sockets:
            await socket.close()
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _started(
    name: str, port: int, log: Path, core: int | None, told: Mapping[str, str]
) -> asyncio.subprocess.Process:
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *pinned, *_program(name, port), env={"PATH": os.defpath, "NODE_ENV": "production", **told,
                                                 "HTTP_PORT": str(port)},
            stdout=output, stderr=output,
        )  # fmt: skip

    async def listens() -> None:
        if process.returncode is not None:
            raise RuntimeError(f"{name} ended with {process.returncode}: {_tail(log)}")
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError as error:
            raise NotReady(str(error)) from error
        writer.close()

    await wait_for(listens, within_s=STARTS_WITHIN_S, saying=f"{name} listens")
    return process


def _tail(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-2000:]
