"""Cut files into blocks and build the tree above them, as IPFS implementations do; read such trees back.

Between: the pinning stand-ins (uploads without a CAR, gateways) and content.blocks.
Shape: a dag-pb block is (links, data); its data is a UnixFS message. Layout: balanced, leaves left to right.
Units: *_bytes bytes; a Link's `size` is its block plus all below ("Tsize").
Invariant: the same bytes and profile give the same CID as the JavaScript and Go implementations
(tests/component/standins compares with ipfs-unixfs-importer).
Errors: BadBlock for bytes that are no dag-pb or no UnixFS.
Source: specs.ipfs.tech/unixfs, ipld.io/specs/codecs/dag-pb/spec; profiles: IPIP-499.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from audifi.local.standins.content.cids import DAG_PB, RAW, BadCid, Cid, of, read, read_varint, varint

VARINT, BYTES = 0, 2  # protobuf wire types
RAW_TYPE, DIRECTORY, FILE = 0, 1, 2  # UnixFS DataType; symlinks and sharded directories are refused

type_of_put = Callable[[Cid, bytes], None]


class BadBlock(ValueError):
    """A block that is no dag-pb with UnixFS in it."""


@dataclass(frozen=True)
class Profile:
    """How a file becomes blocks."""

    chunk_bytes: int
    links_max: int
    raw_leaves: bool
    version: int


KUBO_V1: Final = Profile(256 * 1024, 174, raw_leaves=True, version=1)
KUBO_V0: Final = Profile(256 * 1024, 174, raw_leaves=False, version=0)
UNIXFS_2025: Final = Profile(1024 * 1024, 1024, raw_leaves=True, version=1)


@dataclass(frozen=True)
class Link:
    """An arrow from one block to another."""

    cid: Cid
    size: int
    name: str = ""


@dataclass(frozen=True)
class Built:
    """A file or directory that is now in blocks."""

    link: Link
    content_bytes: int


@dataclass(frozen=True)
class Message:
    """What a UnixFS block says of itself."""

    kind: int
    data: bytes = b""
    size: int | None = None
    sizes: tuple[int, ...] = field(default=())


def node(links: Iterable[Link], data: bytes) -> bytes:
    """A dag-pb block: links first, as the codec demands."""
    out = bytearray()
    for link in links:
        cid, name = bytes(link.cid), link.name.encode()
        body = _field(1, cid) + _field(2, name) + varint(3 << 3) + varint(link.size)
        out += _field(2, body)
    return bytes(out + _field(1, data))


def _field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | BYTES) + varint(len(data)) + data


def message(part: Message) -> bytes:
    """A UnixFS message."""
    out = bytearray(varint(1 << 3) + varint(part.kind))
    if part.data:
        out += _field(2, part.data)
    if part.size is not None:
        out += varint(3 << 3) + varint(part.size)
    for size in part.sizes:
        out += varint(4 << 3) + varint(size)
    return bytes(out)


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message, in order."""
    at = 0
    try:
        while at < len(data):
            tag, at = read_varint(data, at)
            if tag & 7 == VARINT:
                value, at = read_varint(data, at)
                yield tag >> 3, value
            elif tag & 7 == BYTES:
                length, at = read_varint(data, at)
                if at + length > len(data):
                    raise BadBlock("a field ends early")
                yield tag >> 3, data[at : at + length]
                at += length
            else:
                raise BadBlock(f"wire type {tag & 7} does not occur in dag-pb")
    except BadCid as error:
        raise BadBlock(str(error)) from error


def read_node(data: bytes) -> tuple[list[Link], bytes]:
    """The links and the data of a dag-pb block."""
    links: list[Link] = []
    inner = b""
    for number, value in fields(data):
        if number == 2 and isinstance(value, bytes):
            links.append(_read_link(value))
        elif number == 1 and isinstance(value, bytes):
            inner = value
        else:
            raise BadBlock(f"field {number} does not occur in dag-pb")
    return links, inner


def _read_link(data: bytes) -> Link:
    cid, name, size = None, "", 0
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            try:
                cid, end = read(value, 0)
            except BadCid as error:
                raise BadBlock(str(error)) from error
            if end != len(value):
                raise BadBlock("a link's CID has a tail")
        elif number == 2 and isinstance(value, bytes):
            name = value.decode(errors="replace")
        elif number == 3 and isinstance(value, int):
            size = value
    if cid is None:
        raise BadBlock("a link without a CID")
    return Link(cid, size, name)


def read_message(data: bytes) -> Message:
    """What a dag-pb block's data says; only files and plain directories."""
    kind, inner, size = -1, b"", None
    sizes: list[int] = []
    for number, value in fields(data):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number == 2 and isinstance(value, bytes):
            inner = value
        elif number == 3 and isinstance(value, int):
            size = value
        elif number == 4 and isinstance(value, int):
            sizes.append(value)
    if kind not in {RAW_TYPE, DIRECTORY, FILE}:
        raise BadBlock(f"UnixFS type {kind}: only files and plain directories are known here")
    return Message(kind, inner, size, tuple(sizes))


def import_file(file: BinaryIO, profile: Profile, put: type_of_put) -> Built:
    """Cut, keep every block, and return the root."""
    levels: list[list[tuple[Link, int]]] = [[]]
    total = 0
    while chunk := file.read(profile.chunk_bytes):
        total += len(chunk)
        levels[0].append((_leaf(chunk, profile, put), len(chunk)))
        _close_full(levels, profile, put)
    if total == 0:
        return Built(_leaf(b"", profile, put), 0)
    return Built(_root(levels, profile, put), total)


def _close_full(levels: list[list[tuple[Link, int]]], profile: Profile, put: type_of_put) -> None:
    """Give every full level a parent; the topmost may stay full, for it may turn out to be the root's children."""
    for number in range(len(levels)):
        if len(levels[number]) <= profile.links_max:
            return
        first, rest = levels[number][: profile.links_max], levels[number][profile.links_max :]
        levels[number] = rest
        if number + 1 == len(levels):
            levels.append([])
        levels[number + 1].append(_parent(first, profile, put))


def _root(levels: list[list[tuple[Link, int]]], profile: Profile, put: type_of_put) -> Link:
    number = 0
    while number < len(levels):
        last = number + 1 == len(levels)
        if last and len(levels[number]) == 1:
            return levels[number][0][0]
        if last:
            levels.append([])
        levels[number + 1].append(_parent(levels[number], profile, put))
        if len(levels[number + 1]) > profile.links_max:
            _close_full_from(levels, number + 1, profile, put)
        number += 1
    raise AssertionError("a tree has a root")


def _close_full_from(levels: list[list[tuple[Link, int]]], start: int, profile: Profile, put: type_of_put) -> None:
    upper = levels[start:]
    _close_full(upper, profile, put)
    levels[start:] = upper


def _leaf(chunk: bytes, profile: Profile, put: type_of_put) -> Link:
    if profile.raw_leaves:
        cid, block = of(RAW, chunk), chunk
    else:
        block = node((), message(Message(FILE, chunk, len(chunk))))
        cid = of(DAG_PB, block, version=profile.version)
    put(cid, block)
    return Link(cid, len(block))


def _parent(children: list[tuple[Link, int]], profile: Profile, put: type_of_put) -> tuple[Link, int]:
    size = sum(below for _, below in children)
    inner = message(Message(FILE, b"", size, tuple(below for _, below in children)))
    block = node((link for link, _ in children), inner)
    cid = of(DAG_PB, block, version=profile.version)
    put(cid, block)
    return Link(cid, len(block) + sum(link.size for link, _ in children)), size


def import_directory(entries: Mapping[str, Link], version: int, put: type_of_put) -> Link:
    """A plain directory of what is already in blocks; names sort as bytes."""
    links = [Link(link.cid, link.size, name) for name, link in entries.items()]
    links.sort(key=lambda link: link.name.encode())
    block = node(links, message(Message(DIRECTORY)))
    cid = of(DAG_PB, block, version=version)
    put(cid, block)
    return Link(cid, len(block) + sum(link.size for link in links))
