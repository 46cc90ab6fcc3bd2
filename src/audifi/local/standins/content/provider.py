"""Be one pinning provider: its blocks, its records, its faults, its network, and two HTTP ports.

Between: local.standins.{pinata,pinning_service,nft_storage} (their own APIs on top) and content.*.
Shape: `<directory>/{blocks,incoming}/`, `records.sqlite`; the control port also gives blocks to the other stand-ins
(GET /ipfs/{cid}), for on the real network they travel by Bitswap and not through a provider's gateway.
Invariant: blocks are kept, then the entry, then the caller is answered. Keeping and forgetting take turns, so that
nobody forgets a block that another is about to need.
Units: *_s seconds.
Errors: Refused is answered as {"error": {"reason", "details"}}, the shape Pinata and the Pinning Service API share.
"""

import argparse
import asyncio
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientPayloadError, web

from audifi.local.standins.content import car, faults, gateway
from audifi.local.standins.content.blocks import Blocks, Missing
from audifi.local.standins.content.cids import RAW, BadCid, Cid, of, parse
from audifi.local.standins.content.network import Network
from audifi.local.standins.content.records import Entry, Records
from audifi.local.standins.content.unixfs import BadBlock
from audifi.local.standins.keys import Keys

HOST: Final = "127.0.0.1"
BODY_BYTES_MAX: Final = 16 * 1024 * 1024  # bodies that are read whole; uploads are streamed
STOP_WITHIN_S: Final = 1.0


class Refused(Exception):
    """The provider says no."""

    def __init__(self, status: int, reason: str, details: str) -> None:
        super().__init__(details)
        self.status, self.reason, self.details = status, reason, details


@dataclass(frozen=True)
class Options:
    """What a provider is started with."""

    http: int
    control: int
    directory: Path
    tokens: Keys
    peers: tuple[str, ...]
    give_up_s: float


class Provider:
    """What every provider has."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.incoming = options.directory / "incoming"
        self.incoming.mkdir(parents=True, exist_ok=True)
        for half in self.incoming.iterdir():
            half.unlink()
        self.blocks = Blocks(options.directory / "blocks")
        self.records = Records(options.directory / "records.sqlite", self.blocks)
        self.trouble = faults.Trouble()
        self.gateway = gateway.Gateway(self.blocks, self.records, self.trouble)
        self.network = Network(options.peers, self.incoming)
        self.changing = asyncio.Lock()

    def authorize(self, request: web.Request) -> None:
        """Demand the provider's token."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused(401, "INVALID_CREDENTIALS", "No Authentication method provided")
        if not self.options.tokens.accept(token):
            raise Refused(401, "INVALID_CREDENTIALS", "Invalid/expired credentials")

    def keep(self, entry: Entry, tree: Iterable[str]) -> Entry:
        """Hold content; a fault may forget it at once, and it is acknowledged all the same."""
        entry.held = True
        kept = self.records.keep(entry, tree)
        if self.trouble.loses_new():
            self.records.forget(kept)  # nobody can look between this and the acknowledgement
        return kept

    async def lose(self, cid: Cid, also_pin: bool) -> bool:
        """Forget content, and with `also_pin` that it was ever asked for."""
        async with self.changing:
            if not also_pin:
                return self.records.lose_tree(cid)
            lost = [entry for entry in self.records.entries(*self.kinds_held(), cid=cid) if entry.held]
            self.records.forget(*lost)
            return bool(lost)

    def kinds_held(self) -> tuple[str, ...]:
        return ("file", "legacy", "psa", "token")

    def told_cid(self, cid: str) -> str:
        """The CID that is answered: another one if a fault says so."""
        if self.trouble.happens(self.trouble.faults.wrong_cid, "wrong_cid"):
            return str(of(RAW, b"another content than " + cid.encode()))
        return cid

    def refuse_if_full(self, status: int, reason: str, details: str) -> None:
        if self.trouble.faults.full:
            self.trouble.counts["faults.full"] += 1
            raise Refused(status, reason, details)

    async def read(self, request: web.Request, *, faulty: bool = True) -> web.StreamResponse:
        """The gateway."""
        try:
            wanted = gateway.wanted(request)
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        return await self.gateway.answer(request, wanted, faulty=faulty)

    def _state(self) -> dict[str, Any]:
        return {"held": len(self.records.held_cids()), "blocks": self.blocks.count()}

    def _control(self) -> web.Application:
        async def share(request: web.Request) -> web.StreamResponse:
            return await self.read(request, faulty=False)

        application = web.Application(middlewares=[faults.loopback_only])
        application.add_routes(faults.Control(self.trouble, self.lose, self._state).routes())
        application.router.add_get("/ipfs/{cid}", share)
        return application

    def _public(self, routes: Iterable[web.AbstractRouteDef]) -> web.Application:
        misbehave = faults.middleware(self.trouble, _limited)
        application = web.Application(
            middlewares=[faults.loopback_only, misbehave, _explain], client_max_size=BODY_BYTES_MAX
        )
        application.add_routes(routes)
        return application

    async def serve(self, routes: Iterable[web.AbstractRouteDef]) -> None:
        """Serve both ports until told to stop."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        ports = ((self._public(routes), self.options.http), (self._control(), self.options.control))
        runners: list[web.AppRunner] = []
        await self.network.open()
        try:
            for application, port in ports:
                runner = web.AppRunner(application, access_log=None, shutdown_timeout=STOP_WITHIN_S)
                runners.append(runner)
                await runner.setup()
                await web.TCPSite(runner, HOST, port).start()
            await stop.wait()
        finally:
            for runner in runners:
                await runner.cleanup()
            await self.network.close()
            self.records.close()


def refusal(status: int, reason: str, details: str) -> web.Response:
    return web.json_response({"error": {"reason": reason, "details": details}}, status=status)


async def _limited(_: web.Request) -> web.StreamResponse:
    return refusal(429, "RATE_LIMITED", "Rate limit exceeded")


@web.middleware
async def _explain(request: web.Request, handler: faults.type_of_handler) -> web.StreamResponse:
    """Answer what cannot be done."""
    try:
        return await handler(request)
    except Refused as error:
        return refusal(error.status, error.reason, error.details)
    except (BadCid, car.BadCar, BadBlock, Missing) as error:
        return refusal(400, "BAD_REQUEST", str(error))
    except (ConnectionResetError, ClientPayloadError):  # the caller went away in the middle: nobody reads an answer
        return faults.cut(request)


def text(request: web.Request, name: str, otherwise: str = "") -> str:
    return request.query.get(name, otherwise)


def number(request: web.Request, name: str, *, otherwise: int, most: int) -> int:
    """A whole number from the query, from 1 (0 for offsets) to the most."""
    given = request.query.get(name, str(otherwise))
    if not given.isdecimal() or int(given) > most:
        raise Refused(400, "BAD_REQUEST", f"{name} is a number up to {most}, not {given[:20]!r}")
    return int(given)


async def body(request: web.Request) -> dict[str, Any]:
    """A JSON object."""
    try:
        found: Any = await request.json()
    except ValueError as error:
        raise Refused(400, "BAD_REQUEST", f"the body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Refused(400, "BAD_REQUEST", "the body is no JSON object")
    return found  # pyright: ignore[reportUnknownVariableType]  # JSON


def cid_of(told: dict[str, Any], name: str) -> Cid:
    """The CID in a body."""
    given = told.get(name)
    if not isinstance(given, str):
        raise Refused(400, "BAD_REQUEST", f"{name} is missing")
    return parse(given)


def options(description: str) -> tuple[argparse.ArgumentParser, Any]:
    """The options every provider has, and how to read them."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--http", type=int, required=True)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--peer", action="append", default=[], help="control URL of another stand-in")
    parser.add_argument("--give-up-s", type=float, default=60.0, help="after which content nobody has is given up")

    def read(found: argparse.Namespace) -> Options:
        peers = tuple(each.rstrip("/") for each in found.peer)
        return Options(found.http, found.control, found.directory, Keys(found.token_file), peers, found.give_up_s)

    return parser, read
