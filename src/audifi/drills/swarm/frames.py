"""Read what a server writes to a WebSocket in bulk, and write what a client does.

Between: viewer (has bytes) and RFC 6455.
Shape: `split` walks over one read and returns every whole frame in it and where the rest begins.
Invariant: a server's frames are not masked and, here, not fragmented or compressed; anything else is a ProtocolFault,
because our gateway never does it.
Units: bytes.
Errors: ProtocolFault says what was found.
Source: RFC 6455 section 5.2 (frames), 5.3 (a client masks; a mask of zeros is one, and costs nothing), 7.4 (codes).
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Final

TEXT: Final = 0x1
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
NO_CODE: Final = 1005  # what a close frame without a code means
LOST: Final = 1006  # what a connection without a close frame means
_FINAL: Final = 0x80
_MASKED: Final = 0x80
_SHORT_MAX: Final = 125
_TWO_BYTES: Final = 126
_EIGHT_BYTES: Final = 127
_ZEROS: Final = b"\0\0\0\0"
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class ProtocolFault(Exception):
    """The server wrote what RFC 6455 or our protocol does not allow."""


def split(data: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Every whole frame as (opcode, payload), and the place of the first byte that belongs to none of them."""
    found: list[tuple[int, bytes]] = []
    place, end = 0, len(data)
    while end - place >= 2:
        first, length = data[place], data[place + 1]
        begin = place + 2
        if not first & _FINAL or first & 0x70 or length & _MASKED:
            raise ProtocolFault(f"a frame that begins with {data[place : place + 2].hex()}")
        if length >= _TWO_BYTES:
            begin += 2 if length == _TWO_BYTES else 8
            if begin > end:
                break
            length = int.from_bytes(data[place + 2 : begin], "big")
        if begin + length > end:
            break
        place = begin + length
        found.append((first & 0x0F, data[begin:place]))
    return found, place


def masked(opcode: int, payload: bytes) -> bytes:
    """One frame of a client."""
    length = len(payload)
    head = bytes((_FINAL | opcode,))
    if length <= _SHORT_MAX:
        head += bytes((_MASKED | length,))
    elif length < 1 << 16:
        head += bytes((_MASKED | _TWO_BYTES,)) + length.to_bytes(2, "big")
    else:
        head += bytes((_MASKED | _EIGHT_BYTES,)) + length.to_bytes(8, "big")
    return head + _ZEROS + payload


def close_code(payload: bytes) -> int:
    return int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_CODE


def upgrade(host: str, path: str, key: str, headers: Mapping[str, str]) -> bytes:
    """The request that turns a connection into a WebSocket."""
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in headers.items()),
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def accepted(key: str) -> bytes:
    """What the server must answer to this key."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest())  # noqa: S324  # RFC 6455 section 4.2.2
