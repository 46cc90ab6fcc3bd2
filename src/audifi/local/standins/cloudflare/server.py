"""Answer at Cloudflare's addresses, below /client/v4.

Between: the official SDK, octoDNS and people on one side; the modules that judge and keep on the other.
Invariant: loopback only; every request but none shows the token (403, 9109); nothing is proxied.
Errors: answers.Refused becomes the envelope of a refusal; an address that does not exist is 404, 7000.
Source: developers.cloudflare.com/api/.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from audifi.local.standins.cloudflare import kinds, records, rulesets, settings
from audifi.local.standins.cloudflare.account import Account, Zone
from audifi.local.standins.cloudflare.answers import Refused, body_of, done, page, refusal
from audifi.local.standins.cloudflare.certificates import Authority
from audifi.local.standins.cloudflare.collection import Collection, Kind
from audifi.local.standins.keys import Keys

PREFIX = "/client/v4"
type_of_handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(account: Account, keys: Keys) -> web.Application:
    """The whole API."""

    @web.middleware
    async def guarded(request: web.Request, handler: type_of_handler) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.url.host not in {"127.0.0.1", "localhost"} or not keys.accept(shown):
            return refusal(Refused(403, 9109, "Invalid access token"))
        try:
            return await handler(request)
        except Refused as error:
            return refusal(error)
        except web.HTTPNotFound:
            return refusal(Refused(404, 7000, f"No route for that URI: {request.method} {request.path}"))

    made = web.Application(middlewares=[guarded])
    made.add_routes([web.route(each.method, PREFIX + each.path, each.handler) for each in Server(account).routes()])
    return made


class Server:
    """The addresses."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._authority = Authority()

    def routes(self) -> list[web.RouteDef]:
        one = "/zones/{zone}"
        return [
            web.get("/user/tokens/verify", self._verify),
            web.get("/zones", self._zones),
            web.post("/zones", self._add_zone),
            web.get(one, self._zone),
            web.get(f"{one}/settings", self._settings),
            web.get(f"{one}/settings/{{name}}", self._setting),
            web.patch(f"{one}/settings/{{name}}", self._edit_setting),
            web.get(f"{one}/bot_management", self._bots),
            web.put(f"{one}/bot_management", self._put_bots),
            web.get(f"{one}/pagerules", self._no_page_rules),
            web.get(f"{one}/ssl/certificate_packs", self._edge_certificates),
            web.post(f"{one}/ssl/certificate_packs/order", self._order_edge_certificate),
            web.get(f"{one}/rulesets", self._rulesets),
            web.get(f"{one}/rulesets/phases/{{phase}}/entrypoint", self._phase),
            web.put(f"{one}/rulesets/phases/{{phase}}/entrypoint", self._put_phase),
            *(route for kind in self._kinds() for route in Collection(self._account, kind).routes()),
        ]

    def _kinds(self) -> list[Kind]:
        account = self._account
        inside = f"/accounts/{account.id}"
        return [
            Kind(
                path="/zones/{zone}/dns_records",
                items=lambda request: self._of(request).records,
                judge=lambda request, body, own: records.judged(self._of(request), body, own),
                filters=("type", "name", "content"),
            ),
            Kind(
                path=f"{inside}/rules/lists",
                items=lambda _: account.lists,
                judge=lambda _, body, own: kinds.address_list(account, body, own),
            ),
            Kind(
                path=f"{inside}/load_balancers/monitors",
                items=lambda _: account.monitors,
                judge=lambda _, body, _own: kinds.monitor(body),
                may_go=lambda _, item: kinds.monitor_may_go(account, item),
            ),
            Kind(
                path=f"{inside}/load_balancers/pools",
                items=lambda _: account.pools,
                judge=lambda _, body, _own: kinds.pool(account, body),
                may_go=lambda _, item: kinds.pool_may_go(account, item),
            ),
            Kind(
                path="/zones/{zone}/load_balancers",
                items=lambda request: self._of(request).balancers,
                judge=lambda request, body, _own: kinds.balancer(account, self._of(request), body),
            ),
            Kind(
                path="/certificates",
                items=lambda _: account.certificates,
                judge=lambda _, body, own: self._authority.sign(account, body, own),
            ),
        ]

    def _of(self, request: web.Request) -> Zone:
        return self._account.zone(request.match_info["zone"])

    async def _verify(self, _: web.Request) -> web.StreamResponse:
        return done({"id": "0" * 32, "status": "active"})

    async def _zones(self, request: web.Request) -> web.StreamResponse:
        name = request.query.get("name")
        found = [zone for zone in self._account.zones.values() if name in {None, zone.name}]
        return page([self._account.shown(zone) for zone in found], request.query)

    async def _add_zone(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = await body_of(request)
        return done(self._account.shown(self._account.add_zone(str(body.get("name", "")))))

    async def _zone(self, request: web.Request) -> web.StreamResponse:
        return done(self._account.shown(self._of(request)))

    async def _settings(self, request: web.Request) -> web.StreamResponse:
        return done(settings.everything(self._of(request)))

    async def _setting(self, request: web.Request) -> web.StreamResponse:
        return done(settings.found(self._of(request), request.match_info["name"]))

    async def _edit_setting(self, request: web.Request) -> web.StreamResponse:
        return done(settings.edit(self._of(request), request.match_info["name"], await body_of(request)))

    async def _bots(self, request: web.Request) -> web.StreamResponse:
        return done(self._of(request).bots)

    async def _put_bots(self, request: web.Request) -> web.StreamResponse:
        return done(kinds.bots(self._of(request), await body_of(request)))

    async def _no_page_rules(self, _: web.Request) -> web.StreamResponse:
        return done([])

    async def _edge_certificates(self, request: web.Request) -> web.StreamResponse:
        return page(list(self._of(request).edge_certificates.values()), request.query)

    async def _order_edge_certificate(self, request: web.Request) -> web.StreamResponse:
        zone, identifier = self._of(request), self._account.new_id()
        made = kinds.edge_certificate(zone, await body_of(request))
        zone.edge_certificates[identifier] = {"id": identifier, **made}
        return done(zone.edge_certificates[identifier])

    async def _rulesets(self, request: web.Request) -> web.StreamResponse:
        found = self._of(request).rulesets.values()
        return done([{key: value for key, value in each.items() if key != "rules"} for each in found])

    async def _phase(self, request: web.Request) -> web.StreamResponse:
        return done(rulesets.found(self._of(request), request.match_info["phase"]))

    async def _put_phase(self, request: web.Request) -> web.StreamResponse:
        zone, phase = self._of(request), request.match_info["phase"]
        return done(rulesets.put(self._account, zone, phase, await body_of(request)))
