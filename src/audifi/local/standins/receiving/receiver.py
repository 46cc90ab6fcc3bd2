"""Be one receiver of alerts: keep what arrives, show it, misbehave on request, on two HTTP ports.

Between: standins.slack and standins.pagerduty (their own APIs on top) and receiving.faults.
Shape: the control port has GET /health; GET /messages?after= → {"data": [{id, receivedAt, …}]}, oldest first;
DELETE /messages; GET, PUT, DELETE /faults; GET, DELETE /counts. `<directory>/messages.jsonl` keeps what arrived.
Units: `receivedAt` in milliseconds since the epoch.
Invariant: listens on loopback only; a message is kept before it is acknowledged, and survives a restart.
Errors: a wrong fault is answered 400 with what is wrong.
"""

import argparse
import asyncio
import json
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from audifi.local.standins.receiving.faults import Faults, Trouble, cut

HOST: Final = "127.0.0.1"
HOSTS: Final = frozenset({"127.0.0.1", "localhost"})
KEPT_MAX: Final = 5000
STOP_WITHIN_S: Final = 1.0
BODY_BYTES_MAX: Final = 512 * 1024  # PagerDuty's own limit for an event

type_of_take = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Options:
    """What a receiver is started with."""

    http: int
    control: int
    directory: Path
    secret: str  # what a sender must know


class Receiver:
    """What arrived, newest last, and how to misbehave."""

    def __init__(self, options: Options, limited: web.Response) -> None:
        self.options = options
        self.trouble = Trouble()
        self._limited = limited  # the vendor's own words for 429
        self._file = options.directory / "messages.jsonl"
        self._messages: deque[dict[str, Any]] = deque(maxlen=KEPT_MAX)
        self._load()

    def _load(self) -> None:
        if not self._file.exists():
            return
        for line in self._file.read_text().splitlines():
            try:
                self._messages.append(json.loads(line))
            except json.JSONDecodeError:
                continue  # cut short by a crash: it was never acknowledged

    @property
    def messages(self) -> list[dict[str, Any]]:
        return list(self._messages)

    def keep(self, message: dict[str, Any]) -> None:
        """Number the message, write it down, then show it."""
        number = self._messages[-1]["id"] + 1 if self._messages else 1
        numbered = {"id": number, "receivedAt": int(time.time() * 1000), **message}
        with self._file.open("a") as file:
            file.write(json.dumps(numbered) + "\n")
        self._messages.append(numbered)
        self.trouble.counts["messages"] += 1

    def misbehaving(self, take: type_of_take) -> type_of_take:
        """Put the faults around what takes a message."""

        async def answer(request: web.Request) -> web.StreamResponse:
            trouble = self.trouble
            if not await trouble.before(request):
                return cut(request)
            if trouble.happens("error_rate"):
                return web.Response(status=500, text="internal error on request")
            if trouble.happens("rate_limit_rate"):
                headers = {**self._limited.headers, "Retry-After": "1"}
                return web.Response(status=429, text=self._limited.text, headers=headers)
            answered = await take(request)
            return cut(request) if trouble.happens("drop_after_rate") else answered

        return answer

    def control(self) -> list[web.RouteDef]:
        return [
            web.get("/health", self._health),
            web.get("/messages", self._show),
            web.delete("/messages", self._clear),
            web.get("/faults", self._faults),
            web.put("/faults", self._set_faults),
            web.delete("/faults", self._clear_faults),
            web.get("/counts", self._counts),
            web.delete("/counts", self._clear_counts),
        ]

    async def _health(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "healthy", "messages": len(self._messages)})

    async def _show(self, request: web.Request) -> web.StreamResponse:
        after = int(request.query.get("after", "0"))
        return web.json_response({"data": [each for each in self._messages if each["id"] > after]})

    async def _clear(self, _: web.Request) -> web.StreamResponse:
        self._messages.clear()
        self._file.write_text("")
        return web.Response(status=204)

    async def _faults(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(msgspec.to_builtins(self.trouble.faults))

    async def _set_faults(self, request: web.Request) -> web.StreamResponse:
        try:
            faults = msgspec.json.decode(await request.read(), type=Faults)
        except msgspec.DecodeError as error:
            return web.json_response({"error": str(error)}, status=400)
        if problem := faults.problem():
            return web.json_response({"error": problem}, status=400)
        self.trouble.take(faults)
        return web.json_response(msgspec.to_builtins(faults))

    async def _clear_faults(self, _: web.Request) -> web.StreamResponse:
        self.trouble.take(Faults())
        return web.json_response(msgspec.to_builtins(self.trouble.faults))

    async def _counts(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(dict(sorted(self.trouble.counts.items())))

    async def _clear_counts(self, _: web.Request) -> web.StreamResponse:
        self.trouble.counts.clear()
        return web.Response(status=204)

    async def serve(self, routes: list[web.RouteDef], more_control: list[web.RouteDef]) -> None:
        """Serve both ports until told to stop."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        runners: list[web.AppRunner] = []
        try:
            for each, port in (
                (routes, self.options.http),
                ([*self.control(), *more_control], self.options.control),
            ):
                application = web.Application(middlewares=[_loopback_only], client_max_size=BODY_BYTES_MAX)
                application.add_routes(each)
                runner = web.AppRunner(application, access_log=None, shutdown_timeout=STOP_WITHIN_S)
                runners.append(runner)
                await runner.setup()
                await web.TCPSite(runner, HOST, port).start()
            await stop.wait()
        finally:
            for runner in runners:
                await runner.cleanup()


@web.middleware
async def _loopback_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A page on the internet must not reach us by pointing a name of its own at this machine."""
    if request.url.host not in HOSTS:
        return web.json_response({"error": f"this stand-in is not called {request.url.host}"}, status=400)
    return await handler(request)


def options(description: str) -> Options:
    """Read the options every receiver has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--http", type=int, required=True)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--secret-file", type=Path, required=True)
    found = parser.parse_args()
    return Options(found.http, found.control, found.directory, found.secret_file.read_text().strip())
