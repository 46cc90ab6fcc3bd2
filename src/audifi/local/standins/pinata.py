"""Stand in for Pinata: the v3 API with resumable uploads, the legacy API, its pinning service, a dedicated gateway.

    python -m audifi.local.standins.pinata --http PORT --control PORT --directory DIR --token-file FILE
        [--gateway-token-file FILE] [--peer URL]… [--give-up-s SECONDS]

Between: our client, or Pinata's own SDK (`http`: api, uploads and gateway hosts are one here); tests, drills and the
other stand-ins (`control`, on loopback).
Shape: `http`: /v3/files… (here), tus uploads (pinata_tus), /pinning, /data (pinata_legacy), /psa/pins (content.psa),
/ipfs/{cid} (content.gateway); `control`: content.faults.
Invariant: v3 and legacy list their own files only, as people report of Pinata. A gateway with a token is open to
whoever shows it; without one it is restricted: it serves root CIDs of this account, not the blocks below. Private
files are served to nobody.
Units: *_s seconds; sizes in bytes.
Errors: {"error": {"reason", "details"}}; a full plan is 403 FORBIDDEN, while testAuthentication stays green.
Source: outbound.md 4.1; npm pinata 2.5.6; docs.pinata.cloud (limits, gateway-access-controls, pin_by_cid). Not
confirmed anywhere: which chunker it uses without `car` (Kubo's here), and its rate-limit headers. The real open
gateway would also fetch what it does not hold; this one does not, so that lost content is seen to be lost.
"""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from audifi.local.standins.content import psa
from audifi.local.standins.content.cids import parse
from audifi.local.standins.content.forms import Form, Imported, imported, received
from audifi.local.standins.content.provider import Options, Provider, Refused, body, cid_of, number, options
from audifi.local.standins.content.psa import time_text
from audifi.local.standins.content.queue import Queue, Words
from audifi.local.standins.content.records import Entry
from audifi.local.standins.keys import Keys
from audifi.local.standins.pinata_legacy import JOB as LEGACY_JOB
from audifi.local.standins.pinata_legacy import Legacy
from audifi.local.standins.pinata_tus import Resumable

FILE, JOB = "file", "job"
WORDS: Final = Words("prechecking", "retrieving", "expired")
USER: Final = "00000000-0000-4000-8000-000000000001"
NETWORKS: Final = {"public", "private"}
LIMIT, LIMIT_MAX = 10, 1000
QUEUE_MAX: Final = 250  # docs.pinata.cloud/account-management/limits
TRUE: Final = {"true", "1"}


class Pinata:
    """The v3 API."""

    def __init__(self, provider: Provider, gateway_tokens: Keys | None) -> None:
        self.provider, self._gateway_tokens = provider, gateway_tokens
        words = {psa.KIND: psa.WORDS, JOB: WORDS, LEGACY_JOB: WORDS}
        self.queue = Queue(provider, words, self._done)
        self._legacy = Legacy(provider, self.queue)

    def routes(self) -> list[web.RouteDef]:
        jobs = "/v3/files/public/pin_by_cid"
        return [
            web.post("/v3/files", self._upload),
            web.post(jobs, self._pin_by_cid),
            web.get(jobs, self._jobs, allow_head=False),
            web.delete(f"{jobs}/{{id}}", self._cancel),
            web.get("/v3/files/{network}", self._list, allow_head=False),
            web.get("/v3/files/{network}/{id}", self._get, allow_head=False),
            web.put("/v3/files/{network}/{id}", self._update),
            web.delete("/v3/files/{network}/{id}", self._delete),
            *Resumable(self.provider, self.finish).routes(),
            *self._legacy.routes(),
            *psa.PinningServiceApi(self.provider, self.queue, "/psa").routes(),
            web.get("/ipfs/{cid}", self._gateway),
            web.get("/ipfs/{cid}/{path:.*}", self._gateway),
        ]

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        if "Upload-Length" in request.headers:
            return await Resumable(self.provider, self.finish).create(request)
        refuse_if_full(self.provider)
        async with received(request, self.provider) as form:
            entry, known = await self.finish(form)
        shown = {**_shown(entry), "cid": self.provider.told_cid(entry.cid)}
        return web.json_response({"data": {**shown, **({"is_duplicate": True} if known else {})}})

    async def finish(self, form: Form) -> tuple[Entry, bool]:
        """Keep what was uploaded; the second value tells whether this account had it already."""
        told = form.fields
        network = told.get("network", "private")  # v3's own default
        if network not in NETWORKS:
            raise Refused(400, "BAD_REQUEST", "network is public or private")
        version = 0 if told.get("cid_version", "v1").lower() in {"0", "v0"} else 1
        async with self.provider.changing:
            content = await imported(
                form.files, self.provider, version=version, archive=told.get("car", "").lower() in TRUE
            )
            known = [
                each
                for each in self.provider.records.entries(FILE, cid=content.root)
                if each.body["network"] == network
            ]
            entry = known[0] if known else _file(form, content, network)
            return self.provider.keep(entry, content.keys), bool(known)

    async def _pin_by_cid(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        refuse_if_full(self.provider)
        told = await body(request)
        cid = cid_of(told, "cid")
        if len(self.provider.records.entries(JOB)) >= QUEUE_MAX:
            raise Refused(400, "BAD_REQUEST", f"{QUEUE_MAX} requests are queued, which is the most")
        shown: dict[str, Any] = {
            "name": told.get("name") or told["cid"],
            "keyvalues": told.get("keyvalues") or {},
            "host_nodes": told.get("host_nodes") or [],
            "group_id": told.get("group_id"),
        }
        entry = Entry(str(uuid.uuid4()), JOB, str(cid), body={**shown, "origins": shown["host_nodes"]})
        self.queue.add(entry)
        answered = {**_job(entry), "cid": self.provider.told_cid(entry.cid), "status": WORDS.waiting}
        return web.json_response({"data": answered})

    def _done(self, entry: Entry, keys: list[str]) -> None:
        """Fetched: a request of the pinning service stays one, the others turn into files."""
        if entry.kind == psa.KIND:
            psa.done(self.provider, entry, keys)
        elif entry.kind == LEGACY_JOB:
            self._legacy.done(entry, keys)
        else:
            self._fetched(entry, keys)

    def _fetched(self, entry: Entry, keys: list[str]) -> None:
        self.provider.records.forget(entry)
        mine = self.provider.records.entries(FILE, cid=parse(entry.cid))
        if any(not each.private for each in mine):
            return
        held = {name: entry.body[name] for name in ("name", "keyvalues", "group_id")}
        shown = {**_described(self.provider, entry.cid), **held}
        self.provider.keep(Entry(entry.id, FILE, entry.cid, body=shown), keys)

    async def _jobs(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        query = request.query
        found = [
            each
            for each in self.provider.records.entries(JOB)
            if query.get("status", each.body["status"]) == each.body["status"]
            and query.get("cid", each.cid) == each.cid
        ]
        if query.get("order") == "ASC" or query.get("sort") == "ASC":
            found.reverse()
        page, token = _page(request, found)
        return web.json_response({"data": {"jobs": [_job(each) for each in page], "next_page_token": token}})

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        entry = self._entry(request, JOB)
        self.queue.cancel(entry.id)
        self.provider.records.forget(entry)
        return web.json_response({"data": None})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        network = _network(request)
        cid = parse(request.query["cid"]) if "cid" in request.query else None
        found = [each for each in self.provider.records.entries(FILE, cid=cid) if _matches(request, each, network)]
        if request.query.get("order") == "ASC":
            found.reverse()
        page, token = _page(request, found)
        return web.json_response({"data": {"files": [_shown(each) for each in page], "next_page_token": token}})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        return web.json_response({"data": _shown(self._entry(request, FILE))})

    async def _update(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        entry, told = self._entry(request, FILE), await body(request)
        entry.body.update({name: told[name] for name in ("name", "keyvalues", "expires_at") if name in told})
        return web.json_response({"data": _shown(self.provider.records.keep(entry))})

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        async with self.provider.changing:
            self.provider.records.forget(self._entry(request, FILE))
        return web.json_response({"data": None})

    def _entry(self, request: web.Request, kind: str) -> Entry:
        found = self.provider.records.entry(request.match_info["id"], kind)
        if found is None or (kind == FILE and found.body["network"] != _network(request)):
            raise Refused(404, "NOT_FOUND", "File not found" if kind == FILE else "Request not found")
        return found

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        if self._gateway_tokens is not None:
            shown = request.headers.get("x-pinata-gateway-token") or request.query.get("pinataGatewayToken", "")
            if not self._gateway_tokens.accept(shown):
                return web.Response(status=403, text="ERR_ID:00024 - the gateway token is missing or wrong\n")
        elif not self._owns(request.match_info["cid"]):
            return web.Response(status=403, text="ERR_ID:00006 - this content is not pinned to the owner's account\n")
        return await self.provider.read(request)

    def _owns(self, text: str) -> bool:
        return self.provider.records.holds_root(parse(text))


def refuse_if_full(provider: Provider) -> None:
    provider.refuse_if_full(403, "FORBIDDEN", "Account blocked due to plan usage limit")


def _file(form: Form, content: Imported, network: str) -> Entry:
    told = form.fields
    shown = {
        "name": told.get("name") or form.files[0].name,
        "size": content.size,
        "number_of_files": content.files,
        "mime_type": form.files[0].content_type if content.files == 1 else "directory",
        "group_id": told.get("group_id"),
        "keyvalues": _keyvalues(told.get("keyvalues")),
        "network": network,
        **({"expires_at": told["expires_at"]} if "expires_at" in told else {}),
    }
    return Entry(str(uuid.uuid4()), FILE, str(content.root), body=shown, private=network == "private")


def _described(provider: Provider, cid: str) -> dict[str, Any]:
    """A file that came over the network: its kind is not known."""
    told = provider.blocks.describe(parse(cid))
    size = told.size if told.size is not None else 0
    return {"size": size, "number_of_files": 1, "mime_type": "application/octet-stream", "network": "public"}


def _keyvalues(given: str | None) -> dict[str, Any]:
    if not given:
        return {}
    try:
        found: Any = json.loads(given)
    except json.JSONDecodeError as error:
        raise Refused(400, "BAD_REQUEST", "keyvalues is a JSON object") from error
    if not isinstance(found, dict):
        raise Refused(400, "BAD_REQUEST", "keyvalues is a JSON object")
    return found  # pyright: ignore[reportUnknownVariableType]  # JSON


def _network(request: web.Request) -> str:
    network = request.match_info["network"]
    if network not in NETWORKS:
        raise Refused(404, "NOT_FOUND", f"there is no network {network}")
    return network


def _matches(request: web.Request, entry: Entry, network: str) -> bool:
    query, told = request.query, entry.body
    wanted = {name[10:-1]: value for name, value in query.items() if name.startswith("keyvalues[")}
    group = query.get("group")
    return (
        told["network"] == network
        and query.get("name", "") in told["name"]
        and query.get("mimeType", told["mime_type"]) == told["mime_type"]
        and (group is None or (told["group_id"] or "null") == group)
        and all(str(told["keyvalues"].get(name)) == value for name, value in wanted.items())
    )


def _page(request: web.Request, found: list[Entry]) -> tuple[list[Entry], str]:
    """One page and where the next begins: after an entry, so that new ones do not shift it."""
    limit = number(request, "limit", otherwise=LIMIT, most=LIMIT_MAX)
    token = request.query.get("pageToken")
    if token:
        places = [place for place, entry in enumerate(found) if entry.id == token]
        if not places:
            raise Refused(400, "BAD_REQUEST", "pageToken is of no page that is left")
        found = found[places[0] + 1 :]
    page = found[: max(limit, 1)]
    return page, page[-1].id if len(found) > len(page) else ""


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "cid": entry.cid,
        **entry.body,
        "created_at": time_text(entry.created),
        "user_id": USER,
        "vectorized": False,
    }


def _job(entry: Entry) -> dict[str, Any]:
    hidden = {"origins", "details"}
    shown = {name: value for name, value in entry.body.items() if name not in hidden}
    return {"id": entry.id, "cid": entry.cid, **shown, "date_queued": time_text(entry.created)}


async def serve(found: Options, gateway_tokens: Keys | None) -> None:
    """Serve until told to stop."""
    pinata = Pinata(Provider(found), gateway_tokens)
    working = asyncio.create_task(pinata.queue.run())
    try:
        await pinata.provider.serve(pinata.routes())
    finally:
        working.cancel()


def main() -> None:
    """Read the options and serve."""
    parser, read = options("Pinata stand-in")
    parser.add_argument("--gateway-token-file", type=Path)
    found = parser.parse_args()
    gateway_tokens = Keys(found.gateway_token_file) if found.gateway_token_file else None
    asyncio.run(serve(read(found), gateway_tokens))


if __name__ == "__main__":
    main()
