"""Stream a file, or a form around one, as a request body of known length.

Between: pinata and preservation (upload) and aiohttp, which sends what an iterator yields.
Why not aiohttp's own form: it would send a file we read ourselves without a Content-Length, in chunks, which not every
upload endpoint takes.
Units: bytes. Memory: PIECE_BYTES.
Errors: OSError when the file is gone.
Source: RFC 7578 (multipart/form-data).
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PIECE_BYTES: Final = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Body:
    """What to hand to a request: `data=body.data, headers=body.headers`."""

    data: AsyncIterator[bytes]
    headers: Mapping[str, str]


def of_range(path: Path, offset: int, length: int, content_type: str) -> Body:
    """Send a part of a file."""
    return Body(data=pieces(path, offset, length), headers=_headers(content_type, length))


def of_form(fields: Mapping[str, str], content: AsyncIterator[bytes], *, filename: str, length: int) -> Body:
    """Send text fields, then a file of this length as the field `file`."""
    boundary = secrets.token_hex(16)
    before = b"".join(_field(boundary, name, value.encode()) for name, value in fields.items())
    before += _head(boundary, f'name="file"; filename="{filename}"', "application/octet-stream")
    after = f"\r\n--{boundary}--\r\n".encode()

    async def whole() -> AsyncIterator[bytes]:
        yield before
        async for piece in content:
            yield piece
        yield after

    content_type = f"multipart/form-data; boundary={boundary}"
    return Body(data=whole(), headers=_headers(content_type, len(before) + length + len(after)))


async def of_bytes(data: bytes) -> AsyncIterator[bytes]:
    """Give bytes that are held already as the one piece of a body."""
    yield data


async def pieces(path: Path, offset: int, length: int) -> AsyncIterator[bytes]:
    """Read a part of a file as it is sent."""
    with path.open("rb") as file:
        file.seek(offset)
        while length and (piece := file.read(min(PIECE_BYTES, length))):
            length -= len(piece)
            yield piece


def _headers(content_type: str, length: int) -> dict[str, str]:
    return {"Content-Type": content_type, "Content-Length": str(length)}


def _head(boundary: str, disposition: str, content_type: str) -> bytes:
    lines = (f"--{boundary}", f"Content-Disposition: form-data; {disposition}", f"Content-Type: {content_type}", "", "")
    return "\r\n".join(lines).encode()


def _field(boundary: str, name: str, value: bytes) -> bytes:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
