"""Run the backups of one instance: the schedule, and a port that says how they are.

    python -m audifi.local.recovery INSTANCE PORT

Between: local.components.backups (starts us), kinds (do the work), Prometheus, recovery.asking, tests and drills.
Shape: GET /health · GET /metrics · GET /backups → what is known of each kind · GET, PUT /clock {"ahead_s": 86400} ·
POST /now {"kind", "how"} → the entry made · POST /verify {"kind"} → {label: what is wrong}.
Invariant: listens on loopback only; ready as soon as it listens: the first backup is made in the background.
Errors: 400 for what cannot be read or does not exist; 503 with what the kind said for a backup that failed.
"""

import asyncio
import logging
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from audifi.local.errors import LocalError
from audifi.local.plan import chosen
from audifi.local.ports import LOOPBACK
from audifi.local.recovery.catalogue import Catalogue, How
from audifi.local.recovery.clock import Clock
from audifi.local.recovery.figures import exposition
from audifi.local.recovery.keeping import Keeping
from audifi.local.recovery.kinds import Kind, kinds
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, TimedOut
from audifi.topology.declaration import platform


class Control:
    """What the port answers."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health", self._health),
            web.get("/metrics", self._metrics),
            web.get("/backups", self._backups),
            web.get("/clock", self._clock),
            web.put("/clock", self._move_clock),
            web.post("/now", self._now),
            web.post("/verify", self._verify),
        ]

    async def _health(self, _: web.Request) -> web.Response:
        facts = self._keeping.facts()
        return web.json_response({"status": "healthy", "kinds": {fact["kind"]: fact["count"] for fact in facts}})

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(text=exposition(self._keeping.facts()), content_type="text/plain")

    async def _backups(self, _: web.Request) -> web.Response:
        return web.json_response(self._keeping.facts())

    async def _clock(self, _: web.Request) -> web.Response:
        clock = self._keeping.clock
        return web.json_response({"ahead_s": clock.ahead_s, "now_s": clock.now_s()})

    async def _move_clock(self, request: web.Request) -> web.Response:
        told = await _told(request, "ahead_s")
        if not isinstance(told["ahead_s"], int | float):
            raise web.HTTPBadRequest(text='say how far ahead: {"ahead_s": 86400}')
        self._keeping.clock.ahead_s = float(told["ahead_s"])
        return await self._clock(request)

    async def _now(self, request: web.Request) -> web.Response:
        told = await _told(request, "kind", "how")
        kind = self._kind(told["kind"])
        if told["how"] not in set(How):
            raise web.HTTPBadRequest(text=f"how is one of {', '.join(How)}")
        try:
            entry = await self._keeping.make(kind, How(told["how"]))
        except (LocalError, NotReady, TimedOut, OSError) as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        return web.json_response(asdict(entry))

    async def _verify(self, request: web.Request) -> web.Response:
        kind = self._kind((await _told(request, "kind"))["kind"])
        try:
            return web.json_response(await self._keeping.verify(kind))
        except (LocalError, NotReady, TimedOut, OSError) as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error

    def _kind(self, name: Any) -> Kind:
        for kind in self._keeping.kinds:
            if kind.backup.name == name:
                return kind
        known = ", ".join(kind.backup.name for kind in self._keeping.kinds)
        raise web.HTTPBadRequest(text=f"no backup {name!r} is made here; there are: {known}")


async def _told(request: web.Request, *names: str) -> dict[str, Any]:
    """The body, which must have these names."""
    try:
        found = msgspec.json.decode(await request.read(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=f"the body cannot be read: {error}") from error
    if set(found) != set(names):
        raise web.HTTPBadRequest(text=f"say {', '.join(names)}, and nothing else")
    return found


async def serve(instance: Instance, port: int) -> None:
    """Until told to stop."""
    topology, state = platform("local"), instance.running()
    found = kinds(instance, topology, chosen(topology, state.only if state else ()))
    keeping = Keeping(found, Catalogue.of(instance), Clock())
    application = web.Application()
    application.add_routes(Control(keeping).routes())
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    working = asyncio.create_task(keeping.keep())
    stopping = asyncio.create_task(ended.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await runner.cleanup()
    if not working.done():
        working.cancel()
        return
    working.result()  # a bug: end with its traceback, and be started again


def main() -> None:
    """Read the arguments and serve."""
    path, port = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(serve(Instance.at(Path(path)), int(port)))


if __name__ == "__main__":
    main()
