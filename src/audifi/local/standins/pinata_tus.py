"""Take Pinata's resumable uploads: what is larger than 90 MiB comes in pieces.

Between: standins.pinata (mounts it, keeps the content) and `<directory>/tus/`.
Shape: POST /v3/files with Upload-Length and Upload-Metadata → 201 and Location; PATCH there at Upload-Offset → 204,
the last with `upload-cid`; HEAD tells the offset. State: `<id>` (the bytes so far) and `<id>.json` beside it.
Invariant: what arrived before a cut stays, so that the caller goes on where HEAD says; a finished upload answers its
last PATCH again with the same CID.
Units: bytes.
Errors: 404, 409 for another offset, 413, 415, 423 while another PATCH is under way.
Source: tus.io/protocols/resumable-upload 1.0.0 (core, creation); npm pinata 2.5.6 (which sends no Tus-Resumable).
"""

import base64
import binascii
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from audifi.local.standins.content.forms import Form, Received
from audifi.local.standins.content.provider import Provider, Refused
from audifi.local.standins.content.records import Entry

VERSION: Final = "1.0.0"
UPLOAD_BYTES_MAX: Final = 25 * 1024**3  # docs.pinata.cloud/account-management/limits
PART_BYTES: Final = 256 * 1024
IDENTIFIER: Final = re.compile(r"[0-9a-f-]{36}")

type_of_finish = Callable[[Form], Awaitable[tuple[Entry, bool]]]


class Resumable:
    """The routes."""

    def __init__(self, provider: Provider, finish: type_of_finish) -> None:
        self._provider, self._finish = provider, finish
        self._directory = provider.options.directory / "tus"
        self._directory.mkdir(exist_ok=True)
        self._under_way: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        return [web.head("/v3/files/{id}", self._tell), web.patch("/v3/files/{id}", self._append)]

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Begin an upload; standins.pinata has checked the token."""
        length = request.headers.get("Upload-Length", "")
        if not length.isdecimal():
            raise Refused(400, "BAD_REQUEST", "Upload-Length is a number of bytes")
        if int(length) > UPLOAD_BYTES_MAX:
            raise Refused(413, "TOO_LARGE", f"uploads are at most {UPLOAD_BYTES_MAX} bytes")
        self._provider.refuse_if_full(403, "FORBIDDEN", "Account blocked due to plan usage limit")
        identifier = str(uuid.uuid4())
        told = {"length": int(length), "metadata": _metadata(request.headers.get("Upload-Metadata", ""))}
        (self._directory / identifier).touch()
        self._write(identifier, told)
        location = f"{request.scheme}://{request.host}/v3/files/{identifier}"
        return web.Response(status=201, headers={"Location": location, "Tus-Resumable": VERSION})

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        identifier, told = self._known(request)
        return web.Response(status=200, headers=self._headers(identifier, told))

    async def _append(self, request: web.Request) -> web.StreamResponse:
        self._provider.authorize(request)
        identifier, told = self._known(request)
        if request.content_type != "application/offset+octet-stream":
            raise Refused(415, "BAD_REQUEST", "a piece is application/offset+octet-stream")
        if identifier in self._under_way:
            raise Refused(423, "LOCKED", "another piece of this upload is under way")
        self._under_way.add(identifier)
        try:
            if request.headers.get("Upload-Offset") != str(self._offset(identifier, told)):
                raise Refused(409, "CONFLICT", f"the offset is {self._offset(identifier, told)}")
            if "cid" not in told:
                await self._receive(request, identifier, told)
            return web.Response(status=204, headers=self._headers(identifier, told))
        finally:
            self._under_way.discard(identifier)

    async def _receive(self, request: web.Request, identifier: str, told: dict[str, Any]) -> None:
        path = self._directory / identifier
        offset, trouble = self._offset(identifier, told), self._provider.trouble
        with path.open("ab") as file:
            async for piece in request.content.iter_chunked(PART_BYTES):
                offset += len(piece)
                if offset > told["length"]:
                    raise Refused(413, "TOO_LARGE", "more bytes than Upload-Length said")
                file.write(piece)
                file.flush()
                trouble.counts["bytes_received"] += len(piece)
                await trouble.pace(len(piece))
        if offset == told["length"]:
            await self._complete(path, identifier, told)

    async def _complete(self, path: Path, identifier: str, told: dict[str, Any]) -> None:
        fields: dict[str, str] = dict(told["metadata"])
        name = fields.pop("filename", "file")
        kind = fields.pop("filetype", "") or "application/octet-stream"
        form = Form({"name": name, **fields}, [Received(path, name.replace("/", "_"), kind, told["length"])])
        entry, _ = await self._finish(form)
        told["cid"] = entry.cid
        self._write(identifier, told)
        (self._directory / identifier).unlink()  # a name, not the bytes

    def _headers(self, identifier: str, told: dict[str, Any]) -> dict[str, str]:
        finished = {"upload-cid": self._provider.told_cid(told["cid"])} if "cid" in told else {}
        return {
            "Tus-Resumable": VERSION,
            "Upload-Offset": str(self._offset(identifier, told)),
            "Upload-Length": str(told["length"]),
            "Cache-Control": "no-store",
            **finished,
        }

    def _offset(self, identifier: str, told: dict[str, Any]) -> int:
        return told["length"] if "cid" in told else (self._directory / identifier).stat().st_size

    def _known(self, request: web.Request) -> tuple[str, dict[str, Any]]:
        identifier = request.match_info["id"]
        path = self._directory / f"{identifier}.json"
        if not IDENTIFIER.fullmatch(identifier) or not path.exists():
            raise Refused(404, "NOT_FOUND", "there is no such upload")
        return identifier, json.loads(path.read_text())

    def _write(self, identifier: str, told: dict[str, Any]) -> None:
        beside = self._directory / f"{identifier}.new"
        beside.write_text(json.dumps(told))
        beside.replace(self._directory / f"{identifier}.json")


def _metadata(given: str) -> dict[str, str]:
    """`filename aGk=,network cHVibGlj`: keys, each with its value in base64."""
    found: dict[str, str] = {}
    for pair in filter(None, given.split(",")):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Refused(400, "BAD_REQUEST", f"Upload-Metadata: {key} is no base64 of text") from error
    return found
