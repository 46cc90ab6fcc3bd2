"""Take a recording and its cover, piece by piece, and put them where the worker pins them from.

Between: the gateway (/masters/{id}/upload, 110 MB), the shared content directory, store.contents, the queue
(`content.wanted`).

    body ─► parts ─► hidden files on the content directory ─► archives under their CID ─► rows, events ─► answer

Nothing is held in memory but a piece; what was written is gone when anything goes wrong, or the connection is cut.
The type is judged by the first bytes of each file, as soon as they are there; what the sender says is not read.
Both files come together, and a metadata document that names them is written as content too.
Not here: a scan for malware. Nothing that scans stands behind a hook yet, so there is none.
Units: bytes.
Invariant: the CID is of what was sent; content is named in the rows only after it is whole on the directory.
Errors: PayloadTooLarge, UnsupportedMediaType, Invalid (form), InvalidState, IpfsError (the directory).
Source: domain.md 2.2; docs/decisions/0042.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import multipart

from audifi.clients.ipfs.content import Content, ContentError, Shelf
from audifi.kernel import outbox
from audifi.kernel.http import Access, Operation, Reply, Streamed
from audifi.services.nft import eligibility
from audifi.services.nft.errors import (
    Forbidden,
    Invalid,
    InvalidState,
    IpfsError,
    MasterNotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes import ownership
from audifi.services.nft.routes.fields import MasterPath
from audifi.services.nft.rules import masters as rules
from audifi.services.nft.rules import metadata, sniffing
from audifi.services.nft.rules.metadata import Described
from audifi.services.nft.store import contents, masters
from audifi.services.nft.store.masters import Master
from audifi.wire.events.nft import MasterUpdated
from audifi.wire.routes import UPLOAD_BYTES

MB: Final = 1_000_000
FORM: Final = "multipart/form-data"
METADATA: Final = "application/json"
_parse_options: Any = getattr(multipart, "parse_options_header")  # noqa: B009  # untyped: its type is partly unknown
_WRITE_BYTES: Final = MB  # written at once, in a thread


@dataclass(frozen=True)
class Kind:
    """What one part of the form may be."""

    bytes_max: int
    sniffed: Callable[[bytes], str | None]
    accepted: str


KINDS: Final = {
    "audio": Kind(100 * MB, sniffing.audio, "WAV, FLAC, MP3, AIFF, M4A or Ogg"),
    "cover": Kind(10 * MB, sniffing.image, "PNG, JPEG or WebP"),
}


class UploadReply(Reply, kw_only=True):
    """Under which names the content can be found."""

    audio_cid: str
    cover_cid: str
    metadata_cid: str


@dataclass
class _File:
    """A part as it arrives."""

    name: str
    kind: Kind
    path: Path
    opened: BinaryIO
    size: int = 0
    media_type: str | None = None
    waiting: bytearray = field(default_factory=bytearray)

    async def take(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self.kind.bytes_max:
            raise PayloadTooLarge(f"{self.name} is larger than {self.kind.bytes_max // MB} MB.")
        self.waiting += data
        if self.media_type is None and len(self.waiting) >= sniffing.HEAD_BYTES:
            self._sniff()
        if len(self.waiting) >= _WRITE_BYTES:
            await self._flush()

    async def end(self) -> None:
        if self.media_type is None:
            self._sniff()
        await self._flush()
        await asyncio.to_thread(self.opened.close)

    def _sniff(self) -> None:
        self.media_type = self.kind.sniffed(bytes(self.waiting[: sniffing.HEAD_BYTES]))
        if self.media_type is None:
            raise UnsupportedMediaType(f"{self.name} is not {self.kind.accepted}, whatever it is called.")

    async def _flush(self) -> None:
        data, self.waiting = bytes(self.waiting), bytearray()
        await asyncio.to_thread(self.opened.write, data)


async def upload(call: NftCall) -> UploadReply:
    """Take the files of a master and name them by what they contain."""
    async with call.deps.database.read_primary() as connection:
        master = await ownership.own(connection, call)
    _require_open(master)
    artist = await eligibility.artist_name(call.deps.peers, master.artist_id)
    try:
        with ExitStack() as stack:
            files = await _received(call.stream, _boundary(call), call.deps.shelf, stack)
            audio, cover = [await _kept(call.deps.shelf, files[name], master) for name in KINDS]
    except (ContentError, OSError) as error:
        raise IpfsError(f"The content directory did not take the files: {error}") from error
    described = described_by(master, artist, audio_cid=audio.cid, cover_cid=cover.cid)
    document = await call.deps.shelf.add(metadata.document(described), name=f"{master.id}/metadata.json")
    types = {name: file.media_type or "" for name, file in files.items()}
    await _noted(call, master, ((audio, types["audio"]), (cover, types["cover"]), (document, METADATA)))
    return UploadReply(audio_cid=audio.cid, cover_cid=cover.cid, metadata_cid=document.cid)


def described_by(master: Master, artist: str, *, audio_cid: str, cover_cid: str) -> Described:
    """Return what the metadata document says of a master before it is offered."""
    return Described(
        master_id=master.id,
        artist_name=artist,
        title=master.title,
        description=master.description,
        genre=master.genre,
        bpm=master.bpm,
        audio_cid=audio_cid,
        cover_cid=cover_cid,
    )


def _require_open(master: Master) -> None:
    is_bare = master.status == "LOCKED" and master.audio_cid is None  # a session may lock before the last take is sent
    if master.status not in rules.EDITABLE and not is_bare:
        raise InvalidState(f"The content of a master that is {master.status} does not change any more.")


def _boundary(call: NftCall) -> str:
    options: Any = _parse_options(call.headers.lower("content-type"))[1]
    boundary = str(options.get("boundary", ""))
    if not 1 <= len(boundary) <= 70 or not boundary.isascii():
        raise Invalid(details={"Content-Type": "names no boundary"})
    return boundary


async def _received(stream: AsyncIterator[bytes], boundary: str, shelf: Shelf, stack: ExitStack) -> dict[str, _File]:
    """Write each part to a hidden file that goes with the stack; both must be there."""
    files: dict[str, _File] = {}
    largest = max(kind.bytes_max for kind in KINDS.values()) + 1  # ours says which part, the parser's that one is
    # Not its strict mode: that refuses a form whose last line break comes in a piece of its own.
    parser = multipart.PushMultipartParser(boundary, max_segment_count=len(KINDS), max_segment_size=largest)
    try:
        async for piece in stream:
            if piece:
                await _parsed(parser, piece, files, shelf, stack)
        parser.close()
    except multipart.ParserLimitReached as error:
        raise PayloadTooLarge(f"The form has too much of something: {error}.") from error
    except multipart.MultipartError as error:
        raise Invalid(details={"body": f"is no whole multipart form: {error}"}) from error
    missing = {name: "is required" for name in KINDS if name not in files}
    if missing:
        raise Invalid(details=missing)
    return files


async def _parsed(
    parser: multipart.PushMultipartParser, piece: bytes, files: dict[str, _File], shelf: Shelf, stack: ExitStack
) -> None:
    for event in parser.parse(piece):
        if isinstance(event, multipart.MultipartSegment):
            name = event.name or ""
            files[name] = _begun(name, files, shelf, stack)
        elif event is None:
            await files[next(reversed(files))].end()
        else:
            await files[next(reversed(files))].take(bytes(event))


def _begun(name: str, files: dict[str, _File], shelf: Shelf, stack: ExitStack) -> _File:
    kind = KINDS.get(name)
    if kind is None or name in files:
        raise Invalid(details={name[:100]: "is given twice" if kind else f"is not one of {', '.join(KINDS)}"})
    path = stack.enter_context(shelf.part())
    return _File(name, kind, path, stack.enter_context(path.open("xb")))


async def _kept(shelf: Shelf, file: _File, master: Master) -> Content:
    return await shelf.add(file.path, name=f"{master.id}/{file.name}")


async def _noted(call: NftCall, master: Master, kept: tuple[tuple[Content, str], ...]) -> None:
    (audio, _), (cover, _), (document, _) = kept
    async with call.deps.database.transaction() as tx:
        for content, media_type in kept:
            await contents.want(tx, content, media_type)
        is_taken = await masters.set_content(
            tx, master.id, audio_cid=audio.cid, cover_cid=cover.cid, metadata_cid=document.cid,
            now=call.deps.clock.now(),
        )  # fmt: skip
        if not is_taken:
            raise InvalidState("The master was locked while its files were on their way.")
        fields = ("audioCid", "coverCid", "metadataCid")
        event = MasterUpdated(master_id=master.id, artist_id=master.artist_id, status=master.status, fields=fields)
        await outbox.add(tx, event, aggregate_id=master.id, actor_id=master.artist_id)


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST", path="/masters/{id}/upload", handler=upload, tag="masters", access=Access.ARTIST,
        summary="Bring a master's recording and cover", parameters=MasterPath, reply=UploadReply,
        streamed=Streamed(FORM, tuple(KINDS)), body_bytes_max=UPLOAD_BYTES,
        errors=(MasterNotFound, Forbidden, InvalidState, IpfsError),
        description="Two files in one form, `audio` (at most 100 MB) and `cover` (at most 10 MB). Their types are "
        "recognised by their bytes.",
    ),
)  # fmt: skip
