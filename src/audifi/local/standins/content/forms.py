"""Take uploads: multipart forms whose files go to disk as they arrive.

Between: the providers' upload routes and `<directory>/incoming/`.
Shape: fields are text of at most 1 MiB; files are any number of parts, each in a file of its own.
Invariant: a file is never held in memory; what was received is removed when the request ends, however it ends.
Units: bytes.
Errors: Refused 400 for a body that is no form or has no file.
Source: RFC 7578.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Final

from aiohttp import BodyPartReader, web

from audifi.local.standins.content import car, unixfs
from audifi.local.standins.content.blocks import Blocks
from audifi.local.standins.content.cids import Cid
from audifi.local.standins.content.network import take_archive
from audifi.local.standins.content.provider import Provider, Refused

FIELD_BYTES_MAX: Final = 1024 * 1024
PART_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class Received:
    """One file of a form."""

    path: Path
    name: str
    content_type: str
    size: int


@dataclass
class Form:
    """A form."""

    fields: dict[str, str] = field(default_factory=dict[str, str])
    files: list[Received] = field(default_factory=list[Received])


@dataclass(frozen=True)
class Imported:
    """Content that is in blocks now."""

    root: Cid
    keys: list[str]
    size: int  # of the content; of the archive's blocks if it came as one
    files: int


@asynccontextmanager
async def received(request: web.Request, provider: Provider) -> AsyncGenerator[Form]:
    """The form of a request, for as long as it is needed."""
    form = Form()
    try:
        await _read(request, provider, form)
        yield form
    finally:
        for each in form.files:
            each.path.unlink(missing_ok=True)


async def _read(request: web.Request, provider: Provider, form: Form) -> None:
    if not request.content_type.startswith("multipart/"):
        raise Refused(400, "BAD_REQUEST", "an upload is a multipart form")
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise Refused(400, "BAD_REQUEST", "a form within a form is not taken")
            if part.filename is None and part.name != "file":
                form.fields[part.name or ""] = await _field(part)
            else:
                await _file(part, provider, form)
    except ValueError as error:
        raise Refused(400, "BAD_REQUEST", f"the form cannot be read: {error}") from error


async def _field(part: BodyPartReader) -> str:
    value = bytearray()
    while piece := await part.read_chunk(PART_BYTES):
        value += piece
        if len(value) > FIELD_BYTES_MAX:
            raise Refused(400, "BAD_REQUEST", f"field {part.name} is longer than {FIELD_BYTES_MAX} bytes")
    return value.decode(errors="replace")


async def _file(part: BodyPartReader, provider: Provider, form: Form) -> None:
    path = provider.incoming / token_hex(8)
    size = 0
    try:
        with path.open("wb") as file:
            while piece := await part.read_chunk(PART_BYTES):
                file.write(piece)
                size += len(piece)
                provider.trouble.counts["bytes_received"] += len(piece)
                await provider.trouble.pace(len(piece))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    content_type = part.headers.get("Content-Type", "application/octet-stream")
    form.files.append(Received(path, part.filename or "file", content_type, size))


async def imported(files: list[Received], provider: Provider, *, version: int, archive: bool) -> Imported:
    """Put the content into blocks: an archive as it is, anything else cut by the provider's own profile."""
    if not files:
        raise Refused(400, "BAD_REQUEST", "no file was sent")
    if archive:
        return await asyncio.to_thread(_archive, files[0].path, provider.blocks)
    return await asyncio.to_thread(_cut, files, provider.blocks, version)


def _archive(path: Path, blocks: Blocks) -> Imported:
    with path.open("rb") as file:
        root = car.roots(file)[0]
    keys = take_archive(path, blocks, root)
    told = blocks.describe(root)
    files = 1 if told.kind != unixfs.DIRECTORY else _files_below(blocks, root)
    size = blocks.size(root) if told.kind != unixfs.DIRECTORY else path.stat().st_size
    return Imported(root, keys, size, files)


def _files_below(blocks: Blocks, root: Cid) -> int:
    if blocks.describe(root).kind != unixfs.DIRECTORY:
        return 1
    links, _ = unixfs.read_node(blocks.get(root))
    return sum(_files_below(blocks, link.cid) for link in links)


def _cut(files: list[Received], blocks: Blocks, version: int) -> Imported:
    profile = unixfs.KUBO_V1 if version == 1 else unixfs.KUBO_V0
    size = sum(each.size for each in files)
    if len(files) == 1 and "/" not in files[0].name:
        root = _cut_one(files[0], profile, blocks).cid
    else:
        root = _directory({each.name: _cut_one(each, profile, blocks) for each in files}, profile.version, blocks).cid
    return Imported(root, blocks.keys(root), size, len(files))


def _cut_one(file: Received, profile: unixfs.Profile, blocks: Blocks) -> unixfs.Link:
    with file.path.open("rb") as opened:
        return unixfs.import_file(opened, profile, blocks.put).link


def _directory(named: dict[str, unixfs.Link], version: int, blocks: Blocks) -> unixfs.Link:
    """The directory that paths "folder/a", "folder/b/c" describe: that of `folder`."""
    split = {tuple(part for part in name.split("/") if part not in {"", "."}): link for name, link in named.items()}
    if len({path[0] for path in split}) == 1 and all(len(path) > 1 for path in split):
        split = {path[1:]: link for path, link in split.items()}
    return _level(split, version, blocks)


def _level(split: dict[tuple[str, ...], unixfs.Link], version: int, blocks: Blocks) -> unixfs.Link:
    entries = {path[0]: link for path, link in split.items() if len(path) == 1}
    for name in {path[0] for path in split if len(path) > 1}:
        below = {path[1:]: link for path, link in split.items() if path[0] == name and len(path) > 1}
        entries[name] = _level(below, version, blocks)
    return unixfs.import_directory(entries, version, blocks.put)
