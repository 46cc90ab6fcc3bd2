"""Serve content by CID: whole files for people, raw blocks and CARs for those who check.

Between: whoever reads (our client, other stand-ins, a browser) and content.blocks.
Shape: GET or HEAD /ipfs/{cid}[/path] with `?format=raw|car` or the Accept header; ranges of plain files; CARs in
depth-first order without duplicates, `dag-scope=all|entity|block`; directories show index.html or a list.
Invariant: only content that is held is served; bytes are altered only where a fault says so.
Units: bytes.
Errors: 400 for no CID, 404 for what is not held, 416 for a range outside.
Source: specs.ipfs.tech/http-gateways/{trustless,path}-gateway; RFC 9110 sections 13, 14. `entity-bytes` is ignored,
which answers more blocks than asked: IPIP-402 allows that.
"""

import html
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from audifi.local.standins.content import car, unixfs
from audifi.local.standins.content.blocks import Blocks, Missing, NoSuchName, links
from audifi.local.standins.content.cids import RAW, BadCid, Cid, parse
from audifi.local.standins.content.faults import Trouble
from audifi.local.standins.content.records import Records
from audifi.local.standins.content.unixfs import BadBlock

RAW_TYPE: Final = "application/vnd.ipld.raw"
CAR_TYPE: Final = "application/vnd.ipld.car"
CAR_FULL_TYPE: Final = f"{CAR_TYPE}; version=1; order=dfs; dups=n"
FOREVER: Final = "public, max-age=29030400, immutable"  # content never changes; the number is the specification's
SCOPES: Final = {"all", "entity", "block"}
RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
PART_BYTES: Final = 64 * 1024  # so that slow_bytes_per_s is smooth


@dataclass(frozen=True)
class Wanted:
    """What a request asks for."""

    root: Cid
    names: list[str]
    form: str  # "raw", "car" or "" for the content itself
    scope: str


class Gateway:
    """The reading side of one provider."""

    def __init__(self, blocks: Blocks, records: Records, trouble: Trouble) -> None:
        self._blocks, self._records, self._trouble = blocks, records, trouble

    async def answer(self, request: web.Request, wanted: Wanted, *, faulty: bool = True) -> web.StreamResponse:
        """Answer a request for content; without faults on the network between providers."""
        path = "/".join([f"/ipfs/{wanted.root}", *wanted.names])
        if wanted.root.inline is None and not self._records.holds(wanted.root):
            return _missing(f"failed to resolve {path}: nobody here holds it")
        try:
            way = self._blocks.resolve(wanted.root, wanted.names)
            if not wanted.form:
                self._blocks.describe(way[-1])
        except (Missing, NoSuchName) as error:
            return _missing(f"failed to resolve {path}: {error}")
        except BadBlock as error:
            return web.Response(status=422, text=f"cannot read {path}: {error}\n")
        headers = {
            "Cache-Control": FOREVER,
            "X-Content-Type-Options": "nosniff",
            "X-Ipfs-Path": path,
            "X-Ipfs-Roots": ",".join(str(each) for each in way),
            "Etag": _etag(way[-1], wanted),
        }
        if headers["Etag"] in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        sent = _Sending(request, headers, self._trouble, self._alterations() if faulty else None)
        return await self._send(sent, way, wanted)

    async def _send(self, sent: "_Sending", way: list[Cid], wanted: Wanted) -> web.StreamResponse:
        if wanted.form == "raw":
            return await self._raw(sent, way[-1])
        if wanted.form == "car":
            return await self._car(sent, way, wanted)
        if self._blocks.describe(way[-1]).kind == unixfs.DIRECTORY:
            return await self._directory(sent, way[-1])
        return await self._file(sent, way[-1], wanted)

    def _alterations(self) -> "_Alterations":
        rate = self._trouble.faults.wrong_bytes
        once = isinstance(rate, float) and self._trouble.happens(rate, "wrong_bytes")
        return _Alterations(self._records, self._trouble.listed_wrong(), self._trouble, once=once)

    async def _raw(self, sent: "_Sending", cid: Cid) -> web.StreamResponse:
        data = self._blocks.get(cid)
        sent.headers.update({"Content-Type": RAW_TYPE, "Content-Disposition": f'attachment; filename="{cid}.bin"'})
        return await sent.send(200, iter([(cid, data)]), len(data))

    async def _car(self, sent: "_Sending", way: list[Cid], wanted: Wanted) -> web.StreamResponse:
        disposition = f'attachment; filename="{way[-1]}.car"'
        sent.headers.update({"Content-Type": CAR_FULL_TYPE, "Content-Disposition": disposition})
        await sent.open(200)
        await sent.write(car.header([wanted.root]))
        for cid, data in self._archive(way, wanted.scope):
            await sent.write(car.section(cid, sent.altered(cid, data, leaf=not links(cid, data))))
        return await sent.close()

    def _archive(self, way: list[Cid], scope: str) -> Iterator[tuple[Cid, bytes]]:
        above = {cid.key for cid in way[:-1]}
        yield from ((cid, self._blocks.get(cid)) for cid in way[:-1])
        root = way[-1]
        is_directory = root.codec != RAW and self._blocks.describe(root).kind == unixfs.DIRECTORY
        if scope == "block" or (scope == "entity" and is_directory):
            yield root, self._blocks.get(root)
            return
        yield from ((cid, data) for cid, data in self._blocks.tree(root) if cid.key not in above)

    async def _file(self, sent: "_Sending", cid: Cid, wanted: Wanted) -> web.StreamResponse:
        size = self._blocks.size(cid)
        sent.headers["Content-Type"] = self._type(cid, wanted)
        sent.headers["Accept-Ranges"] = "bytes"
        asked = sent.request.headers.get("Range")
        found = RANGE.fullmatch(asked.strip()) if asked else None
        if found is None or found.groups() == ("", ""):
            return await sent.send(200, self._blocks.content(cid, 0, size), size)
        first, last = found.groups()
        start = int(first) if first else max(size - int(last), 0)
        stop = min(int(last) + 1, size) if first and last else size
        if start >= stop:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
        sent.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        return await sent.send(206, self._blocks.content(cid, start, stop), stop - start)

    def _type(self, cid: Cid, wanted: Wanted) -> str:
        if wanted.names and (guessed := mimetypes.guess_type(wanted.names[-1])[0]):
            return guessed
        told = (entry.body.get("mime_type") for entry in self._records.entries("file", "legacy", cid=cid))
        return next((str(each) for each in told if each), "application/octet-stream")

    async def _directory(self, sent: "_Sending", cid: Cid) -> web.StreamResponse:
        entries = links(cid, self._blocks.get(cid))
        index = next((link.cid for link in entries if link.name == "index.html"), None)
        sent.headers["Content-Type"] = "text/html; charset=utf-8"
        if index is not None:
            size = self._blocks.size(index)
            return await sent.send(200, self._blocks.content(index, 0, size), size)
        items = "".join(f'<li><a href="/ipfs/{link.cid}">{html.escape(link.name)}</a></li>' for link in entries)
        page = f"<!doctype html><title>{cid}</title><ul>{items}</ul>\n".encode()
        return await sent.send(200, iter([(cid, page)]), len(page))


class _Alterations:
    """Decide which bytes are sent wrong."""

    def __init__(self, records: Records, listed: set[str], trouble: Trouble, *, once: bool) -> None:
        self._records, self._listed, self._trouble, self._once = records, listed, trouble, once

    def of(self, cid: Cid, data: bytes, *, leaf: bool) -> bytes:
        listed = bool(self._listed) and (cid.key in self._listed or self._records.is_below(cid, self._listed))
        if not data or not (listed or (self._once and leaf)):
            return data
        self._once = False
        self._trouble.counts["altered_blocks"] += 1
        return data[:-1] + bytes((data[-1] ^ 1,))


class _Sending:
    """One answer on its way, at the pace and with the alterations in force."""

    def __init__(
        self, request: web.Request, headers: dict[str, str], trouble: Trouble, alterations: _Alterations | None
    ) -> None:
        self.request, self.headers = request, headers
        self._trouble, self._alterations = trouble, alterations
        self._response = web.StreamResponse()

    def altered(self, cid: Cid, data: bytes, *, leaf: bool = True) -> bytes:
        return self._alterations.of(cid, data, leaf=leaf) if self._alterations else data

    async def open(self, status: int, length: int | None = None) -> None:
        self._response = web.StreamResponse(status=status, headers=self.headers)
        if length is not None:
            self._response.content_length = length
        await self._response.prepare(self.request)

    async def write(self, data: bytes) -> None:
        if self.request.method == "HEAD":
            return
        for start in range(0, len(data), PART_BYTES):
            part = data[start : start + PART_BYTES]
            if self._alterations is not None:
                await self._trouble.pace(len(part))
            await self._response.write(part)
            self._trouble.counts["bytes_sent"] += len(part)

    async def close(self) -> web.StreamResponse:
        await self._response.write_eof()
        return self._response

    async def send(self, status: int, parts: Iterator[tuple[Cid, bytes]], length: int) -> web.StreamResponse:
        """Parts that are each from one block."""
        await self.open(status, length)
        for cid, data in parts:
            await self.write(self.altered(cid, data))
        return await self.close()


def wanted(request: web.Request) -> Wanted:
    """Read the request; BadCid or ValueError say what is wrong."""
    root = parse(request.match_info["cid"])
    names = [name for name in request.match_info.get("path", "").split("/") if name]
    form = request.query.get("format", "")
    accepts = request.headers.get("Accept", "")
    if not form:
        form = "raw" if RAW_TYPE in accepts else "car" if CAR_TYPE in accepts else ""
    if form not in {"", "raw", "car"}:
        raise ValueError(f"format={form} is not known here (raw and car are)")
    scope = request.query.get("dag-scope", "all")
    if scope not in SCOPES:
        raise ValueError(f"dag-scope={scope} is not one of {', '.join(sorted(SCOPES))}")
    return Wanted(root, names, form, scope)


def _missing(text: str) -> web.StreamResponse:
    return web.Response(status=404, text=f"{text}\n", headers={"Cache-Control": "no-store"})


def _etag(cid: Cid, wanted: Wanted) -> str:
    match wanted.form:
        case "car":
            return f'W/"{cid}.car.{wanted.scope}"'
        case "raw":
            return f'"{cid}.raw"'
        case _:
            return f'"{cid}"'


__all__ = ["BadCid", "Gateway", "Wanted", "wanted"]
