"""Name bytes by what they are: content identifiers of version 0 and 1 over SHA-256.

Between: unixfs (names blocks), car (frames them), providers and gateways (say which CID they mean) and the wire.
Shape: `bafy…`/`bafk…` is base32 of 0x01, codec, 0x12, 0x20, digest; `Qm…` is base58 of 0x12, 0x20, digest (dag-pb).
Invariant: `parse(str(cid)) == cid`; only SHA-256 with its full 32 bytes: a shorter or weaker hash proves too little.
Errors: CidError, saying which text and why.
Source: github.com/multiformats/cid (CIDv0, CIDv1), unsigned-varint, multibase (base32 lower case without padding).
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final, Self

RAW: Final = 0x55
DAG_PB: Final = 0x70
_CODECS: Final = (RAW, DAG_PB)
_SHA2_256: Final = b"\x12\x20"
_DIGEST_BYTES: Final = 32
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VARINT_BYTES_MAX: Final = 9  # 63 bits, as the varint specification allows


class CidError(ValueError):
    """This is no CID we can check."""


@dataclass(frozen=True, slots=True)
class Cid:
    """The name of one block, and through its links of all below it."""

    version: int
    codec: int
    digest: bytes

    @classmethod
    def of(cls, data: bytes, codec: int = RAW, version: int = 1) -> Self:
        """Name these bytes."""
        return cls(version, codec, hashlib.sha256(data).digest())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `Qm…` or `b…`."""
        if text.startswith("Qm") and len(text) == 46:
            return cls._whole(_from_base58(text), text)
        if not text.startswith("b"):
            raise CidError(f"{text[:80]!r} is no CID: expected Qm… or base32 b…")
        try:
            packed = base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
        except ValueError as error:
            raise CidError(f"{text[:80]!r} is no CID: not base32") from error
        cid = cls._whole(packed, text)
        if str(cid) != text:  # upper case, stray bits: one name must have one spelling, it is a key
            raise CidError(f"{text[:80]!r} is no CID: not in canonical base32")
        return cid

    @classmethod
    def _whole(cls, packed: bytes, text: str) -> Self:
        cid, end = cls.read(packed)
        if end != len(packed):
            raise CidError(f"{text[:80]!r} is no CID: {len(packed) - end} bytes too many")
        return cid

    @classmethod
    def read(cls, data: bytes, start: int = 0) -> tuple[Self, int]:
        """Read a binary CID at `start`; return it and where it ends."""
        if data[start : start + 2] == _SHA2_256:
            return cls(0, DAG_PB, _digest(data, start + 2)), start + 2 + _DIGEST_BYTES
        version, at = read_varint(data, start)
        codec, at = read_varint(data, at)
        if version != 1 or codec not in _CODECS or data[at : at + 2] != _SHA2_256:
            raise CidError(f"no CID of raw or dag-pb by SHA-256 at byte {start}: version {version}, codec {codec:#x}")
        return cls(1, codec, _digest(data, at + 2)), at + 2 + _DIGEST_BYTES

    @property
    def packed(self) -> bytes:
        """The binary form."""
        multihash = _SHA2_256 + self.digest
        return multihash if self.version == 0 else varint(1) + varint(self.codec) + multihash

    def names(self, data: bytes) -> bool:
        """Say whether these are the bytes this CID names."""
        return hashlib.sha256(data).digest() == self.digest

    def is_same_content(self, other: "Cid") -> bool:
        """Compare across versions: a provider may answer in the other one."""
        return self.codec == other.codec and self.digest == other.digest

    def __str__(self) -> str:
        if self.version == 0:
            return _to_base58(self.packed)
        return "b" + base64.b32encode(self.packed).decode().rstrip("=").lower()


def varint(number: int) -> bytes:
    """Encode an unsigned LEB128 number."""
    if number < 0:
        raise ValueError(f"{number} is negative")
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def read_varint(data: bytes | bytearray | memoryview, start: int = 0) -> tuple[int, int]:
    """Read one; return it and where it ends. IndexError-free: data that ends in the middle is a CidError."""
    number = 0
    for count in range(_VARINT_BYTES_MAX):
        if start + count >= len(data):
            raise CidError(f"a number is cut off at byte {start + count}")
        byte = data[start + count]
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if byte == 0 and count:
                raise CidError(f"the number at byte {start} is not in its shortest form")
            return number, start + count + 1
    raise CidError(f"the number at byte {start} is longer than {_VARINT_BYTES_MAX} bytes")


def _digest(data: bytes, start: int) -> bytes:
    digest = bytes(data[start : start + _DIGEST_BYTES])
    if len(digest) != _DIGEST_BYTES:
        raise CidError(f"the digest at byte {start} is cut off")
    return digest


def _to_base58(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text  # a multihash begins with 0x12, so there are no leading zero bytes to keep


def _from_base58(text: str) -> bytes:
    number = 0
    for letter in text:
        digit = _BASE58.find(letter)
        if digit < 0:
            raise CidError(f"{text[:80]!r} is no CID: {letter!r} is not base58")
        number = number * 58 + digit
    try:
        return number.to_bytes(34, "big")
    except OverflowError as error:
        raise CidError(f"{text[:80]!r} is no CID: too large") from error
