"""Read and write CAR files (content archives): a header with roots, then blocks with their CIDs.

Between: uploads and peers (send CARs) and content.blocks; gateways (write them).
Shape: CARv1: varint length, then that many bytes; the first such section is DAG-CBOR {roots: [CID], version: 1}.
Units: *_bytes bytes.
Invariant: a section is never larger than a block may be, so a wrong length cannot fill the memory.
Errors: BadCar with the place in the file.
Source: ipld.io/specs/transport/car/carv1, /carv2 (its pragma); ipld.io/specs/codecs/dag-cbor/spec; RFC 8949 section 3.
"""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, cast

from audifi.local.standins.content.cids import BadCid, Cid, read, varint

BLOCK_BYTES_MAX: Final = 2 * 1024 * 1024  # what Bitswap carries (specs.ipfs.tech/bitswap-protocol)
SECTION_BYTES_MAX: Final = BLOCK_BYTES_MAX + 256
CID_TAG: Final = 42
UINT, BYTES, TEXT, ARRAY, MAP, TAG = 0, 2, 3, 4, 5, 6  # CBOR major types


class BadCar(ValueError):
    """No readable CAR."""


def header(roots: Sequence[Cid]) -> bytes:
    """The first section."""
    out = bytearray(_head(MAP, 2) + _head(TEXT, 5) + b"roots" + _head(ARRAY, len(roots)))
    for root in roots:
        binary = b"\0" + bytes(root)  # the identity multibase prefix
        out += _head(TAG, CID_TAG) + _head(BYTES, len(binary)) + binary
    out += _head(TEXT, 7) + b"version" + _head(UINT, 1)
    return varint(len(out)) + bytes(out)


def section(cid: Cid, data: bytes) -> bytes:
    """One block."""
    binary = bytes(cid)
    return varint(len(binary) + len(data)) + binary + data


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes((major << 5 | value,))
    size = 1 if value < 1 << 8 else 2
    return bytes((major << 5 | (24 if size == 1 else 25),)) + value.to_bytes(size, "big")


def roots(file: BinaryIO) -> list[Cid]:
    """Read the header."""
    found = _next(file)
    if found is None:
        raise BadCar("an empty file is no CAR")
    value, _ = _cbor(found, 0)
    described = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if described.get("version") == 2:
        raise BadCar("CARv2 is not taken here: send its CARv1 payload")
    listed = described.get("roots")
    if described.get("version") != 1 or not isinstance(listed, list):
        raise BadCar("the header is not {roots, version: 1}")
    entries = cast("list[Any]", listed)
    if not entries or not all(isinstance(each, Cid) for each in entries):
        raise BadCar("the header names no root")
    return entries


def blocks(file: BinaryIO) -> Iterator[tuple[Cid, bytes]]:
    """Read the blocks after the header; each is checked against its CID."""
    while (found := _next(file)) is not None:
        try:
            cid, end = read(found, 0)
        except BadCid as error:
            raise BadCar(f"before byte {file.tell()}: {error}") from error
        data = found[end:]
        if len(data) > BLOCK_BYTES_MAX:
            raise BadCar(f"block {cid} has {len(data)} bytes; {BLOCK_BYTES_MAX} is the most that travels")
        if not cid.matches(data):
            raise BadCar(f"block {cid} has other bytes than its CID says")
        yield cid, data


def _next(file: BinaryIO) -> bytes | None:
    length = shift = 0
    while True:
        byte = file.read(1)
        if not byte:
            if shift:
                raise BadCar(f"cut short at byte {file.tell()}")
            return None
        length |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            break
        shift += 7
        if shift > 35:
            raise BadCar(f"no length at byte {file.tell()}")
    if not 0 < length <= SECTION_BYTES_MAX:
        raise BadCar(f"a section of {length} bytes at byte {file.tell()}: no CAR, or a block too large")
    data = file.read(length)
    if len(data) != length:
        raise BadCar(f"cut short at byte {file.tell()}: {length - len(data)} bytes are missing")
    return data


def _cbor(data: bytes, at: int) -> tuple[Any, int]:  # one return per major type
    """The subset of CBOR that headers use."""
    try:
        major, value, at = _cbor_head(data, at)
    except IndexError as error:
        raise BadCar("the header ends early") from error
    match major:
        case 0:
            return value, at
        case 2:
            return data[at : at + value], at + value
        case 3:
            return data[at : at + value].decode(errors="replace"), at + value
        case 4:
            listed: list[Any] = []
            for _ in range(value):
                each, at = _cbor(data, at)
                listed.append(each)
            return listed, at
        case 5:
            described: dict[str, Any] = {}
            for _ in range(value):
                name, at = _cbor(data, at)
                described[str(name)], at = _cbor(data, at)
            return described, at
        case 6 if value == CID_TAG:
            binary, at = _cbor(data, at)
            return _tagged(binary), at
        case _:
            raise BadCar(f"CBOR type {major} does not belong into a header")


def _cbor_head(data: bytes, at: int) -> tuple[int, int, int]:
    major, value = data[at] >> 5, data[at] & 0x1F
    if value < 24:
        return major, value, at + 1
    size = {24: 1, 25: 2, 26: 4}.get(value)
    if size is None or at + 1 + size > len(data):
        raise BadCar("a length in the header is wrong")
    return major, int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def _tagged(binary: Any) -> Cid:
    if not isinstance(binary, bytes) or not binary.startswith(b"\0"):
        raise BadCar("a root is no CID")
    try:
        return read(binary, 1)[0]
    except BadCid as error:
        raise BadCar(str(error)) from error
