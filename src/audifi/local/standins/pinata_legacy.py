"""Speak Pinata's legacy API, which still has regions: pinFileToIPFS, pinJSONToIPFS, pinByHash, pinList, unpin.

Between: standins.pinata (mounts it) and clients that are configured for the legacy API.
Shape: POST /pinning/{pinFileToIPFS,pinJSONToIPFS,pinByHash}, GET /pinning/pinJobs, DELETE /pinning/unpin/{cid},
GET /data/{testAuthentication,pinList,userPinnedDataTotal}.
Invariant: it lists what was uploaded here, nothing of v3.
Units: sizes in bytes; replication counts 0 to 2.
Errors: as standins.pinata.
Source: npm @pinata/sdk 2.1.0 (paths, bodies, pinList rows, customPinPolicy); outbound.md 4.1. Whether the regions still
have an effect is not known; here they are kept and shown.
"""

import json
import uuid
from typing import Any, Final, cast

from aiohttp import web

from audifi.local.standins.content.cids import parse
from audifi.local.standins.content.forms import Imported, Received, imported, received
from audifi.local.standins.content.provider import Provider, Refused, body, cid_of, number
from audifi.local.standins.content.psa import time_text
from audifi.local.standins.content.queue import Queue
from audifi.local.standins.content.records import Entry

KIND, JOB = "legacy", "legacy-job"
REGIONS: Final = {"FRA1", "NYC1"}
REPLICATION_MAX: Final = 2
PAGE, PAGE_MAX = 10, 1000
JSON_BYTES_MAX: Final = 10 * 1024 * 1024  # docs.pinata.cloud/account-management/limits


class Legacy:
    """The routes."""

    def __init__(self, provider: Provider, queue: Queue) -> None:
        self._provider, self._queue = provider, queue

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/pinning/pinFileToIPFS", self._pin_file),
            web.post("/pinning/pinJSONToIPFS", self._pin_json),
            web.post("/pinning/pinByHash", self._pin_by_hash),
            web.get("/pinning/pinJobs", self._jobs, allow_head=False),
            web.delete("/pinning/unpin/{cid}", self._unpin),
            web.get("/data/testAuthentication", self._test, allow_head=False),
            web.get("/data/pinList", self._list, allow_head=False),
            web.get("/data/userPinnedDataTotal", self._total, allow_head=False),
        ]

    async def _pin_file(self, request: web.Request) -> web.StreamResponse:
        self._begin(request)
        async with received(request, self._provider) as form:
            metadata, wishes = _object(form.fields, "pinataMetadata"), _object(form.fields, "pinataOptions")
            async with self._provider.changing:
                version = int(str(wishes.get("cidVersion") or 0))
                content = await imported(form.files, self._provider, version=version, archive=False)
                name = metadata.get("name") or form.files[0].name
                return self._pinned(content, {**metadata, "name": name}, wishes, form.files[0].content_type)

    async def _pin_json(self, request: web.Request) -> web.StreamResponse:
        self._begin(request)
        told = await body(request)
        if "pinataContent" not in told:
            raise Refused(400, "BAD_REQUEST", "pinataContent is missing")
        text = json.dumps(told["pinataContent"], separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) > JSON_BYTES_MAX:
            raise Refused(413, "TOO_LARGE", f"JSON is at most {JSON_BYTES_MAX} bytes")
        wishes = cast("dict[str, Any]", told.get("pinataOptions") or {})
        path = self._provider.incoming / str(uuid.uuid4())
        path.write_bytes(text)
        try:
            async with self._provider.changing:
                files = [Received(path, "json", "application/json", len(text))]
                version = int(str(wishes.get("cidVersion") or 0))
                content = await imported(files, self._provider, version=version, archive=False)
                return self._pinned(content, told.get("pinataMetadata") or {}, wishes, "application/json")
        finally:
            path.unlink(missing_ok=True)

    def _begin(self, request: web.Request) -> None:
        self._provider.authorize(request)
        self._provider.refuse_if_full(403, "FORBIDDEN", "Account blocked due to plan usage limit")

    def _pinned(
        self, content: Imported, metadata: dict[str, Any], wishes: dict[str, Any], mime_type: str
    ) -> web.StreamResponse:
        known = self._provider.records.entries(KIND, cid=content.root)
        shown = {"size": content.size, "metadata": metadata, "regions": _regions(wishes), "mime_type": mime_type}
        entry = known[0] if known else Entry(str(uuid.uuid4()), KIND, str(content.root), body=shown)
        self._provider.keep(entry, content.keys)
        answer = {
            "IpfsHash": self._provider.told_cid(entry.cid),
            "PinSize": content.size,
            "Timestamp": time_text(entry.created),
        }
        return web.json_response({**answer, **({"isDuplicate": True} if known else {})})

    async def _pin_by_hash(self, request: web.Request) -> web.StreamResponse:
        self._begin(request)
        told = await body(request)
        cid = cid_of(told, "hashToPin")
        wishes = cast("dict[str, Any]", told.get("pinataOptions") or {})
        metadata = cast("dict[str, Any]", told.get("pinataMetadata") or {})
        kept = {"metadata": metadata, "regions": _regions(wishes), "origins": wishes.get("hostNodes") or []}
        entry = self._queue.add(Entry(str(uuid.uuid4()), JOB, str(cid), body=kept))
        answer = {"id": entry.id, "ipfsHash": str(cid), "status": "prechecking", "name": metadata.get("name", "")}
        return web.json_response(answer)

    def done(self, entry: Entry, keys: list[str]) -> None:
        """A request was fetched: list it as a pin."""
        self._provider.records.forget(entry)
        told = self._provider.blocks.describe(parse(entry.cid))
        shown = {"size": told.size or 0, **{name: entry.body[name] for name in ("metadata", "regions")}}
        self._provider.keep(Entry(entry.id, KIND, entry.cid, body={**shown, "mime_type": ""}), keys)

    async def _jobs(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        rows = [
            {
                "id": each.id,
                "ipfs_pin_hash": each.cid,
                "date_queued": time_text(each.created),
                "name": each.body["metadata"].get("name"),
                "status": each.body["status"],
            }
            for each in self._provider.records.entries(JOB)
            if request.query.get("ipfs_pin_hash", each.cid) == each.cid
        ]
        return web.json_response({"count": len(rows), "rows": rows[: number(request, "limit", otherwise=5, most=1000)]})

    async def _unpin(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        async with self._provider.changing:
            found = self._provider.records.entries(KIND, cid=parse(request.match_info["cid"]))
            if not found:
                raise Refused(
                    404, "CURRENT_USER_HAS_NOT_PINNED_CID", "The current user has not pinned the cid provided"
                )
            self._provider.records.forget(*found)
        return web.Response(text="OK")

    async def _test(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        return web.json_response({"message": "Congratulations! You are communicating with the Pinata API!"})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        query = request.query
        found = [
            each
            for each in self._provider.records.entries(KIND)
            if query.get("hashContains", "") in each.cid
            and query.get("cid", each.cid) == each.cid
            and query.get("metadata[name]", "") in str(each.body["metadata"].get("name", ""))
            and query.get("status", "pinned") != "unpinned"
        ]
        start = number(request, "pageOffset", otherwise=0, most=10**9)
        limit = number(request, "pageLimit", otherwise=PAGE, most=PAGE_MAX)
        rows = [_row(each) for each in found[start : start + limit]]
        return web.json_response({"count": len(found), "rows": rows})

    async def _total(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        sizes = [int(each.body["size"]) for each in self._provider.records.entries(KIND, "file")]
        total = {"pin_count": len(sizes), "pin_size_total": sum(sizes), "pin_size_with_replications_total": sum(sizes)}
        return web.json_response(total)


def _row(entry: Entry) -> dict[str, Any]:
    told = entry.body["metadata"]
    return {
        "id": entry.id,
        "ipfs_pin_hash": entry.cid,
        "size": entry.body["size"],
        "user_id": "00000000-0000-4000-8000-000000000001",
        "date_pinned": time_text(entry.created),
        "date_unpinned": None,
        "metadata": {"name": told.get("name"), "keyvalues": told.get("keyvalues")},
        "regions": entry.body["regions"],
        "mime_type": entry.body["mime_type"],
        "number_of_files": 1,
    }


def _regions(wishes: dict[str, Any]) -> list[dict[str, Any]]:
    """`customPinPolicy.regions` as pinList shows it."""
    policy = cast("dict[str, Any]", wishes.get("customPinPolicy") or {})
    found: list[dict[str, Any]] = []
    for region in cast("list[dict[str, Any]]", policy.get("regions") or []):
        name, count = region.get("id"), region.get("desiredReplicationCount")
        if name not in REGIONS or not isinstance(count, int) or not 0 <= count <= REPLICATION_MAX:
            raise Refused(
                400, "BAD_REQUEST", f"a region is one of {', '.join(sorted(REGIONS))}, replicated 0 to 2 times"
            )
        found.append({"regionId": name, "currentReplicationCount": count, "desiredReplicationCount": count})
    return found or [{"regionId": "FRA1", "currentReplicationCount": 1, "desiredReplicationCount": 1}]


def _object(fields: dict[str, str], name: str) -> dict[str, Any]:
    try:
        found: Any = json.loads(fields.get(name) or "{}")
    except json.JSONDecodeError as error:
        raise Refused(400, "BAD_REQUEST", f"{name} is no JSON") from error
    if not isinstance(found, dict):
        raise Refused(400, "BAD_REQUEST", f"{name} is no JSON object")
    return cast("dict[str, Any]", found)
