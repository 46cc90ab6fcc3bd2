"""Stand in for NFT.Storage as it is since 2024: a preservation copy, registered by CID after mint.

    python -m audifi.local.standins.nft_storage --http PORT --control PORT --directory DIR --token-file FILE
        [--peer URL]… [--give-up-s SECONDS]

Between: our client (`http`), tests and drills (`control`, on loopback), the other stand-ins (it fetches from them).
Shape: `http` below /api/v1: POST collection/create_collection, POST collection/add_tokens (form: collectionID and a CSV
`tokenID,cid`), GET collection/list_collections, GET collection/list_tokens?collectionID=&lastKey= (500 at a time,
oldest first), GET collection/deal_status?cid=, GET user/get_balance. What the classic service took (upload, store,
pins, check) answers 410. There is no gateway and no upload: that is the product.
Invariant: a token is `active` only when its whole content was fetched and checked; what nobody has fails.
Units: *_s seconds.
Errors: {"error": {"reason", "details"}}; the classic paths in the classic shape, {"ok": false, "error": …}.
Source: app.nft.storage/v1/docs/client/http-api; github.com/nftstorage/nft.storage issues 2710, 2785, 2787. They name
paths, parameters, "Collection Created" and "Tokens added"; the JSON of lists is documented nowhere and is ours, so is
the 410.
"""

import asyncio
import csv
import io
import uuid
from typing import Any, Final

from aiohttp import web

from audifi.local.standins.content.cids import BadCid, parse
from audifi.local.standins.content.forms import Form, received
from audifi.local.standins.content.provider import Options, Provider, Refused, body, options
from audifi.local.standins.content.psa import time_text
from audifi.local.standins.content.queue import Queue, Words
from audifi.local.standins.content.records import Entry

COLLECTION, TOKEN = "collection", "token"
WORDS: Final = Words("queued", "processing", "failed")
DONE: Final = "active"
BASE: Final = "/api/v1"
PAGE: Final = 500
NO_CONTENT: Final = (
    "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"  # an empty file: collections have none
)
HEADER: Final = ["tokenID", "cid"]
DEAD: Final = ("/upload", "/store", "/check/{cid}", "/pins", "/pins/{id}", "/{cid:baf[a-z2-7]+}")
GONE: Final = "NFT.Storage Classic no longer takes uploads since 2024-06-30: upload elsewhere, then add_tokens"


class NftStorage:
    """The preservation API."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.queue = Queue(provider, {TOKEN: WORDS}, self._done)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(f"{BASE}/collection/create_collection", self._create),
            web.post(f"{BASE}/collection/add_tokens", self._add),
            web.get(f"{BASE}/collection/list_collections", self._collections, allow_head=False),
            web.get(f"{BASE}/collection/list_tokens", self._tokens, allow_head=False),
            web.get(f"{BASE}/collection/deal_status", self._deals, allow_head=False),
            web.get(f"{BASE}/user/get_balance", self._balance, allow_head=False),
            *(web.route("*", path, _gone) for path in DEAD),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        told = await body(request)
        shown = {name: told.get(name) for name in ("collectionName", "contractAddress", "chainID", "network")}
        if shown["network"] != "Solana" and not shown["contractAddress"]:
            raise Refused(400, "BAD_REQUEST", "contractAddress is missing")
        if self._same(shown) is not None:
            raise Refused(409, "CONFLICT", "this account has a collection of that contract already")
        self.provider.records.keep(Entry(str(uuid.uuid4()), COLLECTION, NO_CONTENT, body=shown))
        return web.json_response("Collection Created")

    def _same(self, shown: dict[str, Any]) -> Entry | None:
        names = ("contractAddress", "chainID", "network")
        wanted = [shown[name] for name in names]
        found = self.provider.records.entries(COLLECTION)
        return next((each for each in found if [each.body[name] for name in names] == wanted), None)

    async def _add(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        self.provider.refuse_if_full(402, "PAYMENT_REQUIRED", "The balance of this account is used up")
        async with received(request, self.provider) as form:
            collection = self._collection(form.fields.get("collectionID", ""))
            for token, cid in await asyncio.to_thread(_rows, form):
                self._keep(collection, token, cid)
        return web.json_response("Tokens added")

    def _keep(self, collection: Entry, token: str, cid: str) -> None:
        content = parse(cid)
        duplicate = bool(self.provider.records.entries(TOKEN, cid=content))
        shown = {"collectionID": collection.id, "tokenID": token, "isDuplicate": duplicate}
        self.queue.add(Entry(str(uuid.uuid4()), TOKEN, self.provider.told_cid(cid), body=shown))

    def _done(self, entry: Entry, keys: list[str]) -> None:
        entry.body.update(status=DONE, details="")
        self.provider.keep(entry, keys)

    async def _collections(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        found = reversed(self.provider.records.entries(COLLECTION))
        shown = [{"collectionID": each.id, **each.body, "createdAt": time_text(each.created)} for each in found]
        return web.json_response(shown)

    async def _tokens(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        collection = self._collection(request.query.get("collectionID", ""))
        entries = reversed(self.provider.records.entries(TOKEN))
        found = [each for each in entries if each.body["collectionID"] == collection.id]
        last = request.query.get("lastKey", "undefined")
        if last not in {"", "undefined"}:
            places = [place for place, each in enumerate(found) if each.id == last]
            if not places:
                raise Refused(400, "BAD_REQUEST", "lastKey is the id of no token of this collection")
            found = found[places[0] + 1 :]
        return web.json_response([_token(each) for each in found[:PAGE]])

    async def _deals(self, request: web.Request) -> web.StreamResponse:
        cid = request.query.get("cid", "")
        found = self.provider.records.entries(TOKEN, cid=parse(cid))
        if not found:
            raise Refused(404, "NOT_FOUND", "no token has this CID")
        return web.json_response({"cid": cid, "status": found[-1].body["status"]})

    async def _balance(self, request: web.Request) -> web.StreamResponse:
        self.provider.authorize(request)
        return web.json_response({"balance": 0 if self.provider.trouble.faults.full else 1_000_000})

    def _collection(self, identifier: str) -> Entry:
        found = self.provider.records.entry(identifier, COLLECTION)
        if found is None:
            raise Refused(404, "NOT_FOUND", f"there is no collection {identifier!r}")
        return found


def _rows(form: Form) -> list[tuple[str, str]]:
    """The rows of the CSV, all of them checked before one is taken."""
    if not form.files:
        raise Refused(400, "BAD_REQUEST", "the CSV file is missing")
    rows = list(csv.reader(io.StringIO(form.files[0].path.read_text(errors="replace"))))
    if not rows or [name.strip() for name in rows[0]] != HEADER:
        raise Refused(400, "BAD_REQUEST", f"the first line is {','.join(HEADER)}")
    found: list[tuple[str, str]] = []
    for line, row in enumerate(rows[1:], start=2):
        if not any(row):
            continue
        if len(row) != len(HEADER) or not row[0].strip():
            raise Refused(400, "BAD_REQUEST", f"line {line}: a token id and a CID are wanted")
        try:
            parse(row[1].strip())
        except BadCid as error:
            raise Refused(400, "BAD_REQUEST", f"line {line}: {error}") from error
        found.append((row[0].strip(), row[1].strip()))
    return found


def _token(entry: Entry) -> dict[str, Any]:
    told = {name: entry.body[name] for name in ("tokenID", "collectionID", "status", "isDuplicate")}
    return {"id": entry.id, "cid": entry.cid, **told, "createdAt": time_text(entry.created)}


async def _gone(_: web.Request) -> web.StreamResponse:
    return web.json_response({"ok": False, "error": {"name": "HTTP Error", "message": GONE}}, status=410)


async def serve(found: Options) -> None:
    """Serve until told to stop."""
    api = NftStorage(Provider(found))
    working = asyncio.create_task(api.queue.run())
    try:
        await api.provider.serve(api.routes())
    finally:
        working.cancel()


def main() -> None:
    """Read the options and serve."""
    parser, read = options("NFT.Storage stand-in")
    asyncio.run(serve(read(parser.parse_args())))


if __name__ == "__main__":
    main()
