"""Speak the IPFS Pinning Service API 1.0.0.

Between: any of its clients and content.queue.
Shape: {prefix}/pins: POST adds (202), GET lists ({count, results}, newest first, 10 unless `limit` says more);
{prefix}/pins/{requestid}: GET, POST replaces (202, a new requestid), DELETE (202).
Invariant: `count` is of all that match, `results` of one page; pages follow each other by `before`, for no two pins
are created in the same millisecond.
Errors: {"error": {"reason", "details"}} with 400, 401, 404, 409 as the specification lists them.
Source: github.com/ipfs/pinning-services-api-spec v1.0.0 (ipfs-pinning-service.yaml), frozen 2026-07-31.
"""

import datetime as dt
import json
import uuid
from collections.abc import Callable
from typing import Any, Final, cast

from aiohttp import web

from audifi.local.standins.content.cids import BadCid, Cid, parse
from audifi.local.standins.content.provider import Provider, Refused, body, cid_of, number
from audifi.local.standins.content.queue import Queue, Words
from audifi.local.standins.content.records import Entry

KIND: Final = "psa"
WORDS: Final = Words("queued", "pinning", "failed")
STATUSES: Final = {"queued", "pinning", "pinned", "failed"}
NAME_MAX, ORIGINS_MAX, CIDS_MAX, META_MAX = 255, 20, 10, 1000
LIMIT_MAX: Final = 1000
LIMIT: Final = 10
MATCHES: Final[dict[str, Callable[[str, str], bool]]] = {
    "exact": lambda name, wanted: name == wanted,
    "iexact": lambda name, wanted: name.lower() == wanted.lower(),
    "partial": lambda name, wanted: wanted in name,
    "ipartial": lambda name, wanted: wanted.lower() in name.lower(),
}


class PinningServiceApi:
    """The routes."""

    def __init__(self, provider: Provider, queue: Queue, prefix: str = "") -> None:
        self._provider, self._queue, self._prefix = provider, queue, prefix

    def routes(self) -> list[web.RouteDef]:
        one = self._prefix + "/pins/{requestid}"
        return [
            web.post(f"{self._prefix}/pins", self._add),
            web.get(f"{self._prefix}/pins", self._list, allow_head=False),
            web.get(one, self._get, allow_head=False),
            web.post(one, self._replace),
            web.delete(one, self._delete),
        ]

    async def _add(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        return self._added(await body(request))

    def _added(self, told: dict[str, Any]) -> web.StreamResponse:
        self._provider.refuse_if_full(409, "INSUFFICIENT_FUNDS", "Unable to process request due to the lack of funds")
        pin = _pin(told)
        entry = Entry(str(uuid.uuid4()), KIND, pin["cid"], body={"pin": pin, "origins": pin.get("origins", [])})
        shown = self._shown(self._queue.add(entry))
        shown["pin"]["cid"] = self._provider.told_cid(entry.cid)
        return web.json_response(shown, status=202)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        wanted, cids = _filter(request), _cids(request)
        only = next(iter(cids)) if len(cids) == 1 else None
        found = [entry for entry in self._provider.records.entries(KIND, cid=only) if wanted(entry)]
        limit = number(request, "limit", otherwise=LIMIT, most=LIMIT_MAX)
        if limit == 0:
            raise Refused(400, "BAD_REQUEST", f"limit lies between 1 and {LIMIT_MAX}")
        return web.json_response({"count": len(found), "results": [self._shown(each) for each in found[:limit]]})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        return web.json_response(self._shown(self._entry(request)))

    async def _replace(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        told, old = await body(request), self._entry(request)
        answer = self._added(told)
        self._forget(old)
        return answer

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        async with self._provider.changing:
            self._forget(self._entry(request))
        return web.Response(status=202)

    def _forget(self, entry: Entry) -> None:
        self._queue.cancel(entry.id)
        self._provider.records.forget(entry)

    def _entry(self, request: web.Request) -> Entry:
        found = self._provider.records.entry(request.match_info["requestid"], KIND)
        if found is None:
            raise Refused(404, "NOT_FOUND", "The specified resource was not found")
        return found

    def _shown(self, entry: Entry) -> dict[str, Any]:
        details = entry.body.get("details")
        return {
            "requestid": entry.id,
            "status": entry.body["status"],
            "created": time_text(entry.created),
            "pin": dict(entry.body["pin"]),
            "delegates": [f"/ip4/127.0.0.1/tcp/{self._provider.options.control}/http"],
            **({"info": {"status_details": details}} if details else {}),
        }


def done(provider: Provider, entry: Entry, keys: list[str]) -> None:
    """The content is here: hold it."""
    entry.body.update(status="pinned", details="")
    provider.keep(entry, keys)


def _pin(told: dict[str, Any]) -> dict[str, Any]:
    """The pin object of a body, checked."""
    cid_of(told, "cid")
    pin: dict[str, Any] = {"cid": told["cid"]}  # in the caller's own writing
    name, origins, meta = told.get("name"), told.get("origins"), told.get("meta")
    if name is not None:
        if not isinstance(name, str) or len(name) > NAME_MAX:
            raise Refused(400, "BAD_REQUEST", f"name is text of at most {NAME_MAX} characters")
        pin["name"] = name
    if origins is not None:
        if not _texts(origins) or len(origins) > ORIGINS_MAX:
            raise Refused(400, "BAD_REQUEST", f"origins lists at most {ORIGINS_MAX} multiaddrs")
        pin["origins"] = origins
    if meta is not None:
        if not isinstance(meta, dict) or not _texts(list(cast("dict[str, Any]", meta).values())):
            raise Refused(400, "BAD_REQUEST", "meta has text values only")
        pin["meta"] = meta
    return pin


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in cast("list[Any]", value))


def _filter(request: web.Request) -> Callable[[Entry], bool]:
    """What the query asks for."""
    statuses = set(_split(request, "status")) or {"pinned"}
    if not statuses <= STATUSES:
        raise Refused(400, "BAD_REQUEST", f"status is one of {', '.join(sorted(STATUSES))}")
    keys = {cid.key for cid in _cids(request)}
    matches = MATCHES.get(request.query.get("match", "exact"))
    if matches is None:
        raise Refused(400, "BAD_REQUEST", f"match is one of {', '.join(MATCHES)}")
    name, meta = request.query.get("name"), _meta(request)
    before, after = _moment(request, "before"), _moment(request, "after")

    def wanted(entry: Entry) -> bool:
        pin: dict[str, Any] = entry.body["pin"]
        return (
            entry.body["status"] in statuses
            and (not keys or parse(entry.cid).key in keys)
            and (name is None or matches(pin.get("name") or "", name))
            and (before is None or entry.created < before)
            and (after is None or entry.created > after)
            and meta.items() <= pin.get("meta", {}).items()
        )

    return wanted


def _split(request: web.Request, name: str) -> list[str]:
    """`a,b` and repeated parameters alike."""
    return [each for value in request.query.getall(name, []) for each in value.split(",") if each]


def _cids(request: web.Request) -> set[Cid]:
    given = _split(request, "cid")
    if len(given) > CIDS_MAX:
        raise Refused(400, "BAD_REQUEST", f"cid lists at most {CIDS_MAX}")
    try:
        return {parse(each) for each in given}
    except BadCid as error:
        raise Refused(400, "BAD_REQUEST", str(error)) from error


def _meta(request: web.Request) -> dict[str, str]:
    given = request.query.get("meta")
    if not given:
        return {}
    try:
        found: Any = json.loads(given)
    except json.JSONDecodeError as error:
        raise Refused(400, "BAD_REQUEST", "meta is a JSON object") from error
    if not isinstance(found, dict):
        raise Refused(400, "BAD_REQUEST", "meta is a JSON object")
    return cast("dict[str, str]", found)


def _moment(request: web.Request, name: str) -> int | None:
    given = request.query.get(name)
    if not given:
        return None
    try:
        moment = dt.datetime.fromisoformat(given)
    except ValueError as error:
        raise Refused(400, "BAD_REQUEST", f"{name} is no RFC 3339 time") from error
    if moment.tzinfo is None:
        raise Refused(400, "BAD_REQUEST", f"{name} has no time zone")
    return round(moment.timestamp() * 1000)


def time_text(created: int) -> str:
    moment = dt.datetime.fromtimestamp(created / 1000, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
