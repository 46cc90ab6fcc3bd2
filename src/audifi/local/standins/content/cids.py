"""Read, write and check content identifiers.

Between: the pinning stand-ins and whoever sends them a CID.
Shape: a Cid is (version, codec, multihash); text is base58btc (`Qm…`, `z…`) or base32 (`b…`); version 0 is always
dag-pb with SHA-256 and prints as base58btc.
Invariant: written from the specifications alone, never from our client: a belief is not confirmed by its mirror.
Errors: BadCid with the text and what is wrong with it.
Source: github.com/multiformats/cid, /multihash, /multicodec (table.csv), /unsigned-varint; RFC 4648 (base32).
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

RAW: Final = 0x55
DAG_PB: Final = 0x70
SHA2_256: Final = 0x12
IDENTITY: Final = 0x00
DIGEST_BYTES: Final = 32
IDENTITY_BYTES_MAX: Final = 128  # what Kubo accepts inline
VARINT_BYTES_MAX: Final = 9  # unsigned-varint: 63 bits
TEXT_MAX: Final = 300
BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class BadCid(ValueError):
    """No content identifier that this stand-in can read."""


@dataclass(frozen=True)
class Cid:
    """One content identifier."""

    version: int
    codec: int
    multihash: bytes

    @property
    def key(self) -> str:
        """What a block is kept under: the same for version 0, 1 and any codec."""
        return self.multihash.hex()

    @property
    def inline(self) -> bytes | None:
        """The content itself, if the hash function is identity."""
        return self.multihash[2:] if self.multihash[0] == IDENTITY else None

    def __bytes__(self) -> bytes:
        if self.version == 0:
            return self.multihash
        return varint(1) + varint(self.codec) + self.multihash

    def __str__(self) -> str:
        if self.version == 0:
            return base58(self.multihash)
        return "b" + base64.b32encode(bytes(self)).decode().lower().rstrip("=")

    def matches(self, data: bytes) -> bool:
        """Whether these bytes are the ones identified."""
        if self.inline is not None:
            return data == self.inline
        return hashlib.sha256(data).digest() == self.multihash[2:]


def of(codec: int, data: bytes, *, version: int = 1) -> Cid:
    """The identifier of a block, by SHA-256."""
    return Cid(version, codec, bytes((SHA2_256, DIGEST_BYTES)) + hashlib.sha256(data).digest())


def parse(text: str) -> Cid:
    """Read the text form."""
    if len(text) > TEXT_MAX:
        raise BadCid(f"{text[:20]}…: longer than any CID")
    if text.startswith("Qm") and len(text) == 46:  # base58 of 34 bytes
        return _whole(text, _from_base58(text))
    if text.startswith("z"):
        return _whole(text, _from_base58(text[1:]))
    if text.startswith("b"):
        padded = text[1:].upper() + "=" * (-len(text[1:]) % 8)
        try:
            return _whole(text, base64.b32decode(padded))
        except ValueError as error:
            raise BadCid(f"{text}: no base32") from error
    raise BadCid(f"{text}: begins like no CID (Qm…, b… or z…)")


def _whole(text: str, data: bytes) -> Cid:
    cid, end = read(data, 0)
    if end != len(data):
        raise BadCid(f"{text}: {len(data) - end} bytes too many")
    return cid


def read(data: bytes, start: int) -> tuple[Cid, int]:
    """Read the binary form at this place; return it and where it ends."""
    if data[start : start + 2] == bytes((SHA2_256, DIGEST_BYTES)):
        multihash, end = _multihash(data, start)
        return Cid(0, DAG_PB, multihash), end
    version, at = read_varint(data, start)
    if version != 1:
        raise BadCid(f"CID version {version}: only 0 and 1 exist")
    codec, at = read_varint(data, at)
    multihash, end = _multihash(data, at)
    return Cid(1, codec, multihash), end


def _multihash(data: bytes, start: int) -> tuple[bytes, int]:
    function, at = read_varint(data, start)
    length, at = read_varint(data, at)
    if function == SHA2_256 and length != DIGEST_BYTES:
        raise BadCid(f"a SHA-256 digest has {DIGEST_BYTES} bytes, not {length}")
    if function == IDENTITY and length > IDENTITY_BYTES_MAX:
        raise BadCid(f"an identity CID of {length} bytes is too long")
    if function not in {SHA2_256, IDENTITY}:
        raise BadCid(f"hash function {function:#x} is not known here (SHA-256 and identity are)")
    end = at + length
    if end > len(data):
        raise BadCid("the CID ends early")
    return data[start:end], end


def varint(number: int) -> bytes:
    """LEB128, least significant group first."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, start: int) -> tuple[int, int]:
    """The number at this place and where it ends."""
    number = shift = 0
    for at in range(start, min(len(data), start + VARINT_BYTES_MAX)):
        number |= (data[at] & 0x7F) << shift
        if data[at] < 0x80:
            return number, at + 1
        shift += 7
    raise BadCid("a number ends early")


def base58(data: bytes) -> str:
    """Bitcoin's alphabet; leading zero bytes are ones."""
    number, out = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        out = BASE58[digit] + out
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + out


def _from_base58(text: str) -> bytes:
    number = 0
    for letter in text:
        digit = BASE58.find(letter)
        if digit < 0:
            raise BadCid(f"{text}: {letter!r} is no base58 letter")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
