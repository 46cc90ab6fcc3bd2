"""Write and check CARv1 archives: the blocks of a tree in one file, each with its name.

Between: content (writes what it spools, checks what it was given), gateways (parse what arrives) and uploads.

Sample: varint(length of header) · dag-cbor {"roots": [root], "version": 1} · then for every block
varint(length of what follows) · CID · bytes. There is no end mark: an archive cut between two blocks still parses, so
only walking the tree from its root (`verified`) shows that nothing is missing.
Invariant: a block is hashed before anybody sees it; memory holds one block, and (CID → place) of the archive checked.
Units: bytes.
Errors: CarError: malformed, a block that is not what its name says, a missing block.
Source: ipld.io/specs/transport/car/carv1; the largest block other implementations pass on is 2 MiB
(specs.ipfs.tech/bitswap-protocol).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from audifi.clients.ipfs.cids import RAW, Cid, CidError, read_varint, varint
from audifi.clients.ipfs.unixfs import Block, DagError, leaf_bytes, links

BLOCK_BYTES_MAX: Final = 2 << 20
_HEADER_BYTES_MAX: Final = 1024  # one root of 36 bytes fits in 58
_FRAME_BYTES_MAX: Final = BLOCK_BYTES_MAX + 64
_READ_BYTES: Final = 1 << 18


class CarError(ValueError):
    """This archive does not hold what it should."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the bytes of a block are in its archive."""

    offset: int
    length: int


def header(root: Cid) -> bytes:
    """Return the first bytes of an archive; their number depends only on the root's version."""
    linked = b"\x00" + root.packed  # dag-cbor links: tag 42 over a byte string that begins with the identity prefix
    body = b"\xa2\x65roots\x81\xd8\x2a\x58" + bytes((len(linked),)) + linked + b"\x67version\x01"
    return varint(len(body)) + body


def prefix(cid: Cid, length: int) -> bytes:
    """Return what stands before the bytes of a block."""
    return varint(len(cid.packed) + length) + cid.packed


class Parser:
    """Take an archive in pieces of any size; give its blocks as soon as each is whole and has proved its name."""

    def __init__(self) -> None:
        self.roots: list[Cid] | None = None
        self.end = 0  # how many bytes were taken: where the block just given ends
        self._held = bytearray()

    def feed(self, piece: bytes) -> Iterator[Block]:
        """Give the blocks that end in this piece."""
        self._held += piece
        while (body := self._next()) is not None:
            if self.roots is None:
                self.roots = _roots(body)
            else:
                yield _block(body)

    def finish(self) -> None:
        """Say that nothing more comes: refuse an archive that ends inside a block."""
        if self.roots is None or self._held:
            raise CarError(f"the archive ends in the middle of a block, {len(self._held)} bytes into it")

    def _next(self) -> bytes | None:
        limit = _HEADER_BYTES_MAX if self.roots is None else _FRAME_BYTES_MAX
        try:
            length, start = read_varint(self._held[:10])
        except CidError as error:
            if len(self._held) < 10:
                return None
            raise CarError(f"no length where a block should begin: {error}") from error
        if not 0 < length <= limit:
            raise CarError(f"a part of {length} bytes, at most {limit} are accepted")
        if len(self._held) < start + length:
            return None
        body = bytes(self._held[start : start + length])
        del self._held[: start + length]
        self.end += start + length
        return body


def blocks(source: BinaryIO) -> Iterator[Block]:
    """Read an archive to its end, block by block, each proved."""
    parser = Parser()
    while piece := source.read(_READ_BYTES):
        yield from parser.feed(piece)
    parser.finish()


def index(path: Path) -> dict[Cid, Place]:
    """Read an archive and say where each of its blocks is; every block is proved on the way."""
    found: dict[Cid, Place] = {}
    with path.open("rb") as file:
        parser = Parser()
        while piece := file.read(_READ_BYTES):
            for block in parser.feed(piece):
                length = len(block.data)
                found.setdefault(block.cid, Place(offset=parser.end - length, length=length))
        parser.finish()
    return found


def block_at(file: BinaryIO, cid: Cid, place: Place) -> Block:
    """Read one block of an indexed archive."""
    file.seek(place.offset)
    data = file.read(place.length)
    if not cid.names(data):
        raise CarError(f"{cid}: the bytes in the archive have changed")
    return Block(cid, data)


def verified(path: Path, root: Cid) -> dict[Cid, Place]:
    """Check that an archive holds the whole tree of this root, every block proved; return where the blocks are."""
    found = index(path)
    missing = next(_missing(path, root, found), None)
    if missing is not None:
        raise CarError(f"{root}: block {missing} is not in the archive")
    return found


def _missing(path: Path, root: Cid, found: dict[Cid, Place]) -> Iterator[Cid]:
    with path.open("rb") as file:
        waiting, seen = [root], {root}
        while waiting:
            cid = waiting.pop()
            if cid not in found:
                yield cid
                continue
            children = [] if cid.codec == RAW else _children(block_at(file, cid, found[cid]))
            new = [child for child in dict.fromkeys(children) if child not in seen]
            seen.update(new)
            waiting += reversed(new)


def missing(path: Path, root: Cid, found: dict[Cid, Place]) -> list[Cid]:
    """Return the blocks an archive of this root still lacks, as far as they are known: parents come before children."""
    return list(_missing(path, root, found))


def file_bytes(path: Path, root: Cid, found: dict[Cid, Place]) -> Iterator[bytes]:
    """Give the bytes of the file of this root, piece by piece, in order."""
    with path.open("rb") as file:
        waiting = [root]
        while waiting:
            block = block_at(file, waiting[-1], found[waiting.pop()])
            if held := leaf_bytes(block):
                yield held
            waiting += reversed(_children(block))


def _children(block: Block) -> list[Cid]:
    try:
        return links(block)
    except DagError as error:
        raise CarError(str(error)) from error


def _block(body: bytes) -> Block:
    try:
        cid, end = Cid.read(body)
    except CidError as error:
        raise CarError(str(error)) from error
    data = body[end:]
    if not cid.names(data):
        raise CarError(f"{cid}: {len(data)} bytes came that have another hash")
    return Block(cid, data)


def _roots(body: bytes) -> list[Cid]:
    """Read {"roots": [CID, …], "version": 1} in either order of its keys; nothing else is CARv1."""
    version = body.find(b"\x67version")
    roots = body.find(b"\x65roots")
    if body[:1] != b"\xa2" or version < 0 or roots < 0 or body[version + 8 : version + 9] != b"\x01":
        raise CarError("this is no CARv1: its header does not name roots and version 1")
    at = roots + 6
    if not 0x80 <= body[at] <= 0x97:
        raise CarError("the roots of this archive are no short list")
    found: list[Cid] = []
    count, at = body[at] - 0x80, at + 1
    try:
        for _ in range(count):
            if body[at : at + 3] != b"\xd8\x2a\x58" or body[at + 4 : at + 5] != b"\x00":
                raise CarError("a root of this archive is no link")
            cid, end = Cid.read(body, at + 5)
            found.append(cid)
            at = end
    except CidError as error:
        raise CarError(f"a root of this archive cannot be read: {error}") from error
    return found
