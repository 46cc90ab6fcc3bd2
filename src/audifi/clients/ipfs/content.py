"""Keep content on disk, as an archive under its CID: what uploads send and what repairs start from.

Between: whoever has bytes to publish (`add`), uploads (stream the archive as it is), keeper and audit (repair from
it) and gateways (put back what was lost).

Why the archive and not the file: it is what providers take, so an upload is the file itself, resumable at any byte;
files, directories and what came back from a gateway look the same; and every block can be checked in place.
How a crash is survived: an archive is written under a name that begins with a dot, synced, then renamed. A file
`<cid>.car` is whole or not there; left-over parts are swept after PART_S.
Nothing removes a whole archive by itself: a lost copy is mended fastest from here. An operator who needs the room may
remove what is `pinned`; repairs then fetch it from a gateway.
Units: bytes, seconds. Memory: one chunk, whatever the size.
Invariant: adding the same bytes twice is one file and the same CID. The directory is shared by all pods of a component.
Errors: ContentError for what cannot be read or stored (a full disk); CarError for an archive that has been changed.
"""

import asyncio
import contextlib
import hashlib
import io
import os
import secrets
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from audifi.clients.ipfs import car
from audifi.clients.ipfs.cids import DAG_PB, Cid
from audifi.clients.ipfs.unixfs import V1_2025, Block, DagError, Link, Profile, Tree, directory_block, file_blocks

PART_S: Final = 24 * 3600.0  # longer than any upload runs
_PART: Final = ".part-"


class ContentError(Exception):
    """Content could not be read or stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """Bytes that have a name."""

    cid: str
    sha256: str  # of the bytes of the file, in hex; of its own block for a directory
    size_bytes: int  # of the file; of all files below a directory
    car_bytes: int
    profile: str
    name: str = ""


class Shelf:
    """A directory of archives."""

    def __init__(self, directory: Path, profile: Profile = V1_2025) -> None:
        self._directory = directory
        self._profile = profile

    def path(self, cid: str) -> Path:
        return self._directory / f"{Cid.parse(cid)}.car"  # parsed first: a name from outside must not be a path

    def has(self, cid: str) -> bool:
        return self.path(cid).is_file()

    async def add(self, source: Path | bytes, *, name: str = "") -> Content:
        """Name a file's bytes and keep them."""
        return await asyncio.to_thread(self._add, {"": source}, name)

    async def add_directory(self, files: Mapping[str, Path | bytes], *, name: str = "") -> Content:
        """Name a flat directory and keep it."""
        if not files or "" in files:
            raise ContentError("a directory needs at least one file, and every file a name")
        return await asyncio.to_thread(self._add, files, name)

    async def verify(self, cid: str) -> dict[Cid, car.Place]:
        """Check the whole archive; return where its blocks are."""
        return await asyncio.to_thread(car.verified, self.path(cid), Cid.parse(cid))

    @contextlib.contextmanager
    def part(self) -> Generator[Path]:
        """Give a path to write an archive to; it is gone afterwards unless `put` took it."""
        self._make()
        path = self._directory / f"{_PART}{secrets.token_hex(8)}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def put(self, part: Path, cid: str) -> None:
        """Take a whole, checked archive in."""
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(self.path(cid))
        _sync_directory(self._directory)

    def drop(self, cid: str) -> None:
        """Forget the local copy."""
        self.path(cid).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove parts that a killed process left; return how many."""
        self._make()
        stale = [path for path in self._directory.glob(f"{_PART}*") if time.time() - path.stat().st_mtime > PART_S]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _make(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ContentError(f"{self._directory} cannot be made: {error.strerror}") from error

    def _add(self, files: Mapping[str, Path | bytes], name: str) -> Content:
        try:
            with self.part() as part:
                with part.open("xb") as file:
                    written = _written(file, files, self._profile)
                self.put(part, written.cid)
        except (OSError, DagError) as error:
            raise ContentError(f"{name or 'content'} was not stored: {error}") from error
        return Content(
            cid=written.cid,
            sha256=written.sha256,
            size_bytes=written.size_bytes,
            car_bytes=written.car_bytes,
            profile=self._profile.name,
            name=name,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    cid: str
    sha256: str
    size_bytes: int
    car_bytes: int


class _Hashed(io.RawIOBase):
    """A source that hashes what is read from it."""

    def __init__(self, inner: BinaryIO) -> None:
        super().__init__()
        self._inner = inner
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = _read_exactly(self._inner, size)
        self.digest.update(data)
        return data


def _read_exactly(source: BinaryIO, size: int) -> bytes:
    """Read so many bytes or to the end: a chunk cut short by a pipe would have another CID."""
    data = source.read(size)
    while len(data) < size and (more := source.read(size - len(data))):
        data += more
    return data


def _written(file: BinaryIO, files: Mapping[str, Path | bytes], profile: Profile) -> _Written:
    """Write header, blocks, and at last the root into the header: it is known only when everything was read."""
    blank = Cid(profile.cid_version, DAG_PB, bytes(32))
    car_bytes = file.write(car.header(blank))
    entries: dict[str, Link] = {}
    digest = ""
    for name, source in files.items():
        with contextlib.closing(source.open("rb") if isinstance(source, Path) else io.BytesIO(source)) as opened:
            hashed = _Hashed(opened)
            tree = Tree(profile)
            car_bytes += sum(_write(file, block) for block in file_blocks(hashed, tree, profile))  # pyright: ignore[reportArgumentType]  # reads like one
            entries[name] = tree.root
            digest = hashed.digest.hexdigest()
    size_bytes = sum(link.file_bytes for link in entries.values())
    root = entries.get("")
    if root is None:
        block, root = directory_block(entries, profile)
        car_bytes += _write(file, block)
        digest = block.cid.digest.hex()
    file.seek(0)
    file.write(car.header(root.cid))
    file.flush()
    return _Written(cid=str(root.cid), sha256=digest, size_bytes=size_bytes, car_bytes=car_bytes)


def _write(file: BinaryIO, block: Block) -> int:
    return file.write(car.prefix(block.cid, len(block.data))) + file.write(block.data)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
