"""Misbehave on request: the knobs of the pinning stand-ins, what they count, and the control port.

Between: tests and drills (HTTP on loopback) and the provider's own HTTP (a middleware in front of every route).
Shape: GET, PUT, DELETE /faults (see Faults); GET, DELETE /counts; GET /health;
GET /ipfs/{cid} (blocks for other stand-ins: the network).
Units: *_ms milliseconds, *_s seconds, rates 0 to 1, rate_limit requests a minute.
Invariant: a fault changes what is sent or kept from now on, never how a block is checked; faults are forgotten by a
restart, counts as well.
Errors: a wrong fault is answered 400 with what is wrong.
Source: domain.md 2.8; outbound.md 4.1 (Pinata: 180 requests a minute).
"""

import asyncio
import itertools
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import msgspec
from aiohttp import web

from audifi.local.standins.content.cids import BadCid, Cid, parse

WINDOW_S: Final = 60.0
LOOKS_EVERY_S: Final = 0.05  # how often a hanging answer looks whether its caller has gone
HOSTS: Final = {"127.0.0.1", "localhost"}
READING: Final = {"GET", "HEAD"}
LISTS: Final = ("lose_pin", "lose_blocks", "wrong_bytes")


class Refusal(msgspec.Struct, forbid_unknown_fields=True):
    """Answer this instead."""

    status: int
    body: str = ""  # sent as it is
    headers: dict[str, str] = {}
    rate: float = 1.0


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """How it misbehaves; the defaults: not at all."""

    refuse: Refusal | None = None
    latency_ms: int = 0  # before anything is done
    slow_bytes_per_s: int = 0  # bodies, both ways
    hang: bool = False  # no answer while the caller waits
    drop_before: float = 0.0  # the connection is cut, nothing was done
    drop_after: float = 0.0  # the connection is cut after a write was done: the caller cannot know
    lose_pin: list[str] | float = 0.0  # CIDs: lost now, once; a rate: of new ones, acknowledged all the same
    lose_blocks: list[str] = []  # CIDs whose blocks are lost now, once, while the pin is still listed
    wrong_bytes: list[str] | float = 0.0  # CIDs: they and all blocks below; a rate: of the gateway's answers
    wrong_cid: float = 0.0  # of answers to uploads: another CID than was kept
    full: bool = False  # the plan's limit is reached: nothing new is taken
    rate_limit: int = 0  # requests a minute; 0: none
    retry_after_s: int = 0  # told with a 429; 0: not told
    stuck_queue: bool = False  # what was asked to be fetched stays queued
    only: list[str] = []  # the first seven apply to paths that begin so; empty: to all
    seed: int = 0

    def problem(self) -> str | None:
        """Say what is wrong with these numbers."""
        for name in ("drop_before", "drop_after", "lose_pin", "wrong_bytes", "wrong_cid"):
            value: Any = getattr(self, name)
            if not isinstance(value, list) and not 0 <= value <= 1:
                return f"{name} lies between 0 and 1" + (" or lists CIDs" if name in LISTS else "")
        for name in ("latency_ms", "slow_bytes_per_s", "rate_limit", "retry_after_s"):
            if getattr(self, name) < 0:
                return f"{name} is not negative"
        if self.refuse and not (400 <= self.refuse.status <= 599 and 0 <= self.refuse.rate <= 1):
            return "refuse.status lies between 400 and 599, refuse.rate between 0 and 1"
        if any(not path.startswith("/") for path in self.only):
            return "only lists beginnings of paths, each with its leading /"
        return self._bad_cid()

    def listed(self, name: str) -> list[str]:
        """The CIDs that a fault lists; none if it is a rate."""
        value: Any = getattr(self, name)
        return cast("list[str]", value) if isinstance(value, list) else []

    def _bad_cid(self) -> str | None:
        for each in itertools.chain(*(self.listed(name) for name in LISTS)):
            try:
                parse(each)
            except BadCid as error:
                return str(error)
        return None


class Trouble:
    """The faults in force, the dice, and the counts."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.counts: Counter[str] = Counter()
        self._dice = random.Random(0)  # noqa: S311  # dice
        self._recent: deque[float] = deque()

    def take(self, faults: Faults) -> None:
        self.faults = faults
        self._dice = random.Random(faults.seed)  # noqa: S311  # dice
        self._recent.clear()

    def happens(self, rate: float, what: str) -> bool:
        """Throw the dice; what happens is counted."""
        if rate <= 0 or self._dice.random() >= rate:
            return False
        self.counts[f"faults.{what}"] += 1
        return True

    async def pace(self, length: int) -> None:
        """Wait as long as this many bytes take."""
        if self.faults.slow_bytes_per_s:
            await asyncio.sleep(length / self.faults.slow_bytes_per_s)

    def loses_new(self) -> bool:
        """Whether a pin just acknowledged is forgotten."""
        rate = self.faults.lose_pin
        return isinstance(rate, float) and self.happens(rate, "lose_pin")

    def listed_wrong(self) -> set[str]:
        """The keys of the CIDs whose bytes are altered."""
        return {parse(each).key for each in self.faults.listed("wrong_bytes")}

    def limited(self) -> bool:
        """Count this request against the limit."""
        if not self.faults.rate_limit:
            return False
        now = time.monotonic()
        while self._recent and self._recent[0] < now - WINDOW_S:
            self._recent.popleft()
        if len(self._recent) >= self.faults.rate_limit:
            self.counts["faults.rate_limit"] += 1
            return True
        self._recent.append(now)
        return False

    def remaining(self) -> int:
        return max(self.faults.rate_limit - len(self._recent), 0)

    def concerns(self, path: str) -> bool:
        return not self.faults.only or path.startswith(tuple(self.faults.only))


type_of_handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def cut(request: web.Request) -> web.StreamResponse:
    """Reset the connection."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)  # nobody reads it


async def _hang(request: web.Request) -> web.StreamResponse:
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110  # aiohttp has no event for it
        await asyncio.sleep(LOOKS_EVERY_S)
    return cut(request)


def middleware(trouble: Trouble, limited: type_of_handler) -> Any:
    """Put the faults in front of every route; `limited` is the provider's own 429."""

    @web.middleware
    async def misbehave(request: web.Request, handler: type_of_handler) -> web.StreamResponse:
        trouble.counts[f"requests.{request.method} {_route(request)}"] += 1
        if not trouble.concerns(request.path):
            return await handler(request)
        if (instead := await _instead(trouble, request)) is not None:
            return instead
        if trouble.limited():
            return _limit_told(trouble, await limited(request))
        answer = _limit_told(trouble, await handler(request))
        if request.method not in READING and answer.status < 400:
            return cut(request) if trouble.happens(trouble.faults.drop_after, "drop_after") else answer
        return answer

    return misbehave


async def _instead(trouble: Trouble, request: web.Request) -> web.StreamResponse | None:
    """What is answered instead of doing anything."""
    faults = trouble.faults
    if faults.latency_ms:
        await asyncio.sleep(faults.latency_ms / 1000)
    if faults.hang:
        trouble.counts["faults.hang"] += 1
        return await _hang(request)
    if trouble.happens(faults.drop_before, "drop_before"):
        return cut(request)
    if faults.refuse and trouble.happens(faults.refuse.rate, "refuse"):
        headers = {"Content-Type": "application/json", **faults.refuse.headers}
        return web.Response(status=faults.refuse.status, body=faults.refuse.body.encode(), headers=headers)
    return None


def _limit_told(trouble: Trouble, answer: web.StreamResponse) -> web.StreamResponse:
    if trouble.faults.rate_limit and not answer.prepared:
        answer.headers["X-RateLimit-Limit"] = str(trouble.faults.rate_limit)
        answer.headers["X-RateLimit-Remaining"] = str(trouble.remaining())
        if answer.status == 429 and trouble.faults.retry_after_s:
            answer.headers["Retry-After"] = str(trouble.faults.retry_after_s)
    return answer


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


@web.middleware
async def loopback_only(request: web.Request, handler: type_of_handler) -> web.StreamResponse:
    """A page on the internet must not reach us by pointing a name of its own at this machine."""
    if request.url.host not in HOSTS:
        return web.json_response({"error": f"this stand-in is not called {request.url.host}"}, status=400)
    return await handler(request)


type_of_lose = Callable[[Cid, bool], Awaitable[bool]]  # (content, the entry too) → whether it was there
type_of_state = Callable[[], dict[str, Any]]


class Control:
    """The routes of the control port."""

    def __init__(self, trouble: Trouble, lose: type_of_lose, state: type_of_state) -> None:
        self._trouble, self._lose, self._state = trouble, lose, state

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health", self._health),
            web.get("/faults", self._show),
            web.put("/faults", self._put),
            web.delete("/faults", self._clear),
            web.get("/counts", self._counts),
            web.delete("/counts", self._forget_counts),
        ]

    async def _health(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "healthy"})

    async def _show(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(msgspec.to_builtins(self._trouble.faults))

    async def _put(self, request: web.Request) -> web.StreamResponse:
        try:
            faults = msgspec.json.decode(await request.read(), type=Faults)
        except msgspec.DecodeError as error:
            return web.json_response({"error": str(error)}, status=400)
        if problem := faults.problem():
            return web.json_response({"error": problem}, status=400)
        self._trouble.take(faults)
        for name, also_pin in (("lose_pin", True), ("lose_blocks", False)):
            for each in faults.listed(name):
                self._trouble.counts[f"faults.{name}"] += await self._lose(parse(each), also_pin)
        return web.json_response(msgspec.to_builtins(faults))

    async def _clear(self, _: web.Request) -> web.StreamResponse:
        self._trouble.take(Faults())
        return web.json_response(msgspec.to_builtins(self._trouble.faults))

    async def _counts(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({**self._state(), **dict(sorted(self._trouble.counts.items()))})

    async def _forget_counts(self, _: web.Request) -> web.StreamResponse:
        self._trouble.counts.clear()
        return web.Response(status=204)
