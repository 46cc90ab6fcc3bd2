"""Turn the knobs, move the clock, replay webhooks, read the counts: on a port of its own.

Between: local.knobs (tests, drills, the command line) and faults, sending, billing, world.
Shape: GET /health; GET, PUT, DELETE /faults; GET, DELETE /counts; GET /clock, POST /clock {"advance_s"} → {"now"};
GET /webhooks → {"waiting"}; POST /webhooks/replay {"times"} → {"deliveries"}.
Units: seconds.
Invariant: moving the clock lets everything due happen, in order, each at its own moment; it never goes back.
Errors: 400 says what is wrong.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from audifi.local.standins.stripe.billing import Billing
from audifi.local.standins.stripe.checkout import Checkout
from audifi.local.standins.stripe.faults import Faults, Trouble
from audifi.local.standins.stripe.sending import Sender
from audifi.local.standins.stripe.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HOSTS: Final = {"127.0.0.1", "localhost"}


class _Advance(msgspec.Struct, forbid_unknown_fields=True):
    advance_s: float


class _Replay(msgspec.Struct, forbid_unknown_fields=True):
    times: int = 1


class Clock:
    """Let time pass."""

    def __init__(self, world: World, billing: Billing, checkout: Checkout) -> None:
        self._world, self._billing, self._checkout = world, billing, checkout

    def catch_up(self) -> None:
        """Do what is due by now."""
        self._until(self._world.now())
        self._checkout.expire_due()

    def advance(self, seconds: float) -> None:
        """Let so much time pass at once."""
        target = self._world.now() + seconds
        self._until(int(target))
        self._world.set_clock(target)
        self._checkout.expire_due()

    def _until(self, target: int) -> None:
        while (due := self._billing.due()) is not None and due[0] <= target:
            moment, subscription = due
            if moment > self._world.now():
                self._world.set_clock(moment)
                self._checkout.expire_due()
            self._billing.happen(subscription)


class Control:
    """The control port."""

    def __init__(self, world: World, trouble: Trouble, sender: Sender, clock: Clock) -> None:
        self._world, self._trouble, self._sender, self._clock = world, trouble, sender, clock

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health", self._health),
            web.get("/faults", self._show),
            web.put("/faults", self._put),
            web.delete("/faults", self._clear),
            web.get("/counts", self._counts),
            web.delete("/counts", self._forget),
            web.get("/clock", self._now),
            web.post("/clock", self._advance),
            web.get("/webhooks", self._webhooks),
            web.post("/webhooks/replay", self._replay),
        ]

    async def _health(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "healthy"})

    async def _show(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(msgspec.to_builtins(self._trouble.faults))

    async def _put(self, request: web.Request) -> web.StreamResponse:
        try:
            faults = msgspec.json.decode(await request.read(), type=Faults)
        except msgspec.DecodeError as error:
            return _wrong(str(error))
        if problem := faults.problem():
            return _wrong(problem)
        return self._taken(faults)

    async def _clear(self, _: web.Request) -> web.StreamResponse:
        return self._taken(Faults())

    def _taken(self, faults: Faults) -> web.StreamResponse:
        self._trouble.take(faults)
        self._sender.wake()
        return web.json_response(msgspec.to_builtins(faults))

    async def _counts(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"objects": self._world.records.counts(), **self._trouble.counts})

    async def _forget(self, _: web.Request) -> web.StreamResponse:
        self._trouble.counts.clear()
        return web.Response(status=204)

    async def _now(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"now": self._world.now()})

    async def _advance(self, request: web.Request) -> web.StreamResponse:
        try:
            told = msgspec.json.decode(await request.read(), type=_Advance)
        except msgspec.DecodeError as error:
            return _wrong(str(error))
        if told.advance_s < 0:
            return _wrong("advance_s is not negative: time does not go back")
        self._clock.advance(told.advance_s)
        return await self._now(request)

    async def _webhooks(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"waiting": self._sender.waiting()})

    async def _replay(self, request: web.Request) -> web.StreamResponse:
        try:
            told = msgspec.json.decode(await request.read() or b"{}", type=_Replay)
        except msgspec.DecodeError as error:
            return _wrong(str(error))
        return web.json_response({"deliveries": self._sender.replay(told.times)})


def _wrong(why: str) -> web.StreamResponse:
    return web.json_response({"error": why}, status=400)


@web.middleware
async def loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page on the internet must not reach us by pointing a name of its own at this machine."""
    if request.url.host not in HOSTS:
        return web.json_response({"error": f"this stand-in is not called {request.url.host}"}, status=400)
    return await handler(request)
