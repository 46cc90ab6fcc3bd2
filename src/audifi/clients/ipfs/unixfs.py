"""Cut bytes into blocks and tie them into a UnixFS tree, holding one chunk at a time.

Between: content (feeds files, writes the blocks to a CAR) and gateways (follows links, reads leaves).

Shape: leaves in the order of the file, then each parent right after its last child; the root comes last. The tree is
balanced: every level is filled with `links_max` children before the next begins, and all leaves are equally deep.
A file of one chunk is its leaf alone.
Why profiles: a CID depends on chunk size, fan-out and leaf format; the profile is kept with the content, so that the
same bytes can be named the same way again. Content of at most 256 KiB has one CID in both profiles of version 1.
Units: bytes. `dag_bytes` is what the whole tree weighs (Tsize).
Errors: DagError for blocks that are no UnixFS; DirectoryTooLarge (sharded directories are not built here).
Source: github.com/ipfs/specs UNIXFS.md and IPIP-499 (profiles); dag-pb: ipld.io/specs/codecs/dag-pb. All CIDs are
compared with npm ipfs-unixfs-importer 17.1.1 in tests/unit/ipfs/vectors.json.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from audifi.clients.ipfs.cids import DAG_PB, RAW, Cid, CidError, read_varint, varint

DIRECTORY_BYTES_MAX: Final = 256 * 1024  # larger ones are sharded by the profiles (HAMT)
_FILE: Final = b"\x08\x02"  # Type 2
_DIRECTORY: Final = b"\x08\x01"  # Type 1
_TYPE_RAW: Final = 0
_TYPE_FILE: Final = 2


class DagError(ValueError):
    """These bytes are no UnixFS block."""


class DirectoryTooLarge(DagError):
    """A directory of this size would have to be sharded: split the collection into sub-directories."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Everything that decides a CID beside the bytes."""

    name: str
    chunk_bytes: int
    links_max: int
    cid_version: int
    has_raw_leaves: bool


V1_2025: Final = Profile(name="unixfs-v1-2025", chunk_bytes=1 << 20, links_max=1024, cid_version=1, has_raw_leaves=True)
V0_2015: Final = Profile(name="unixfs-v0-2015", chunk_bytes=1 << 18, links_max=174, cid_version=0, has_raw_leaves=False)
KUBO_V1_LEGACY: Final = Profile(
    name="kubo-v1-legacy", chunk_bytes=1 << 18, links_max=174, cid_version=1, has_raw_leaves=True
)
PROFILES: Final[Mapping[str, Profile]] = {each.name: each for each in (V1_2025, V0_2015, KUBO_V1_LEGACY)}


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes and their name."""

    cid: Cid
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A child: its name, how many bytes of the file are below it, how many bytes of blocks."""

    cid: Cid
    file_bytes: int
    dag_bytes: int


class Tree:
    """Build one file: feed chunks in order, then ask for the root."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._pending: list[list[Link]] = [[]]
        self._counts = [0]  # how many nodes each level ever had

    def leaf(self, chunk: bytes) -> Iterator[Block]:
        """Add a chunk; give its block, and the parents it completes."""
        if self._profile.has_raw_leaves:
            block = Block(Cid.of(chunk, RAW, self._profile.cid_version), chunk)
        else:
            block = self._block(_node([], _file_data([], chunk)))
        yield block
        yield from self._add(0, Link(cid=block.cid, file_bytes=len(chunk), dag_bytes=len(block.data)))

    def finish(self) -> Iterator[Block]:
        """Give the parents that are not full; `root` is known then."""
        level = 0
        while self._counts[level] > 1 or level + 1 < len(self._counts):
            if self._pending[level]:
                yield from self._close(level)
            level += 1

    @property
    def root(self) -> Link:
        return self._pending[-1][0]

    def _add(self, level: int, link: Link) -> Iterator[Block]:
        if level == len(self._pending):
            self._pending.append([])
            self._counts.append(0)
        self._pending[level].append(link)
        self._counts[level] += 1
        if len(self._pending[level]) == self._profile.links_max:
            yield from self._close(level)

    def _close(self, level: int) -> Iterator[Block]:
        children, self._pending[level] = self._pending[level], []
        block = self._block(_node([("", child) for child in children], _file_data([c.file_bytes for c in children])))
        yield block
        dag_bytes = len(block.data) + sum(child.dag_bytes for child in children)
        file_bytes = sum(child.file_bytes for child in children)
        yield from self._add(level + 1, Link(cid=block.cid, file_bytes=file_bytes, dag_bytes=dag_bytes))

    def _block(self, data: bytes) -> Block:
        return Block(Cid.of(data, DAG_PB, self._profile.cid_version), data)


def file_blocks(source: BinaryIO, tree: Tree, profile: Profile) -> Iterator[Block]:
    """Read a file to its end and give the blocks of its tree; an empty file is one empty leaf."""
    chunk = source.read(profile.chunk_bytes)
    yield from tree.leaf(chunk)
    while chunk and (chunk := source.read(profile.chunk_bytes)):
        yield from tree.leaf(chunk)
    yield from tree.finish()


def directory_block(entries: Mapping[str, Link], profile: Profile) -> tuple[Block, Link]:
    """Give the block of a flat directory over files that are built already."""
    for name in entries:
        if not name or "/" in name or name in {".", ".."}:
            raise DagError(f"{name!r} is no file name for a directory")
    ordered = sorted(entries.items(), key=lambda entry: entry[0].encode())
    data = _node(ordered, _DIRECTORY)
    if len(data) > DIRECTORY_BYTES_MAX:
        raise DirectoryTooLarge(f"{len(entries)} entries make {len(data)} bytes, {DIRECTORY_BYTES_MAX} fit")
    block = Block(Cid.of(data, DAG_PB, profile.cid_version), data)
    dag_bytes = len(data) + sum(link.dag_bytes for link in entries.values())
    return block, Link(cid=block.cid, file_bytes=0, dag_bytes=dag_bytes)


def links(block: Block) -> list[Cid]:
    """Return the children of a block, in order; a raw block has none."""
    return [] if block.cid.codec == RAW else _parsed(block)[0]


def leaf_bytes(block: Block) -> bytes:
    """Return the bytes of the file that this block itself holds."""
    if block.cid.codec == RAW:
        return block.data
    kind, held = _unixfs(_parsed(block)[1])
    return held if kind in (_TYPE_RAW, _TYPE_FILE) else b""


def _field(tag: int, payload: bytes) -> bytes:
    return bytes((tag,)) + varint(len(payload)) + payload


def _node(children: list[tuple[str, Link]], data: bytes) -> bytes:
    """dag-pb: all links (field 2), then the data (field 1); a link is its hash, name and size."""
    packed = bytearray()
    for name, link in children:
        entry = _field(0x0A, link.cid.packed) + _field(0x12, name.encode()) + b"\x18" + varint(link.dag_bytes)
        packed += _field(0x12, entry)
    packed += _field(0x0A, data)
    return bytes(packed)


def _file_data(child_sizes: list[int], held: bytes | None = None) -> bytes:
    data = _FILE
    if held:
        data += _field(0x12, held)
    data += b"\x18" + varint(sum(child_sizes) if held is None else len(held))
    return data + b"".join(b"\x20" + varint(size) for size in child_sizes)


def _parsed(block: Block) -> tuple[list[Cid], bytes]:
    """Return the links and the data of a dag-pb block."""
    found: list[Cid] = []
    data = b""
    for number, value in _fields(block.data, block.cid):
        if number == 2 and isinstance(value, bytes):
            hashes = [inner for tag, inner in _fields(value, block.cid) if tag == 1 and isinstance(inner, bytes)]
            if len(hashes) != 1:
                raise DagError(f"{block.cid}: a link with {len(hashes)} hashes")
            found.append(_linked(hashes[0], block.cid))
        elif number == 1 and isinstance(value, bytes):
            data = value
        else:
            raise DagError(f"{block.cid}: field {number} does not belong into dag-pb")
    return found, data


def _linked(packed: bytes, parent: Cid) -> Cid:
    try:
        cid, end = Cid.read(packed)
    except CidError as error:
        raise DagError(f"{parent}: a link to something we cannot check: {error}") from error
    if end != len(packed):
        raise DagError(f"{parent}: a link with {len(packed) - end} bytes too many")
    return cid


def _unixfs(data: bytes) -> tuple[int, bytes]:
    kind, held = -1, b""
    for number, value in _fields(data, None):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number == 2 and isinstance(value, bytes):
            held = value
    return kind, held


def _fields(data: bytes, owner: Cid | None) -> Iterator[tuple[int, int | bytes]]:
    """Read protobuf fields of the two wire types that UnixFS uses: numbers (0) and bytes (2)."""
    at = 0
    try:
        while at < len(data):
            key, at = read_varint(data, at)
            number, at = read_varint(data, at)
            if key & 7 == 0:
                yield key >> 3, number
            elif key & 7 == 2 and at + number <= len(data):
                yield key >> 3, data[at : at + number]
                at += number
            else:
                raise DagError(f"{owner or 'a block'}: field {key >> 3} is cut off or of a foreign type")
    except CidError as error:
        raise DagError(f"{owner or 'a block'}: {error}") from error
