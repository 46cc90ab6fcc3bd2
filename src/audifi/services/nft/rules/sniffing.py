"""Recognise a file by its first bytes: what its sender calls it is never believed.

Between: routes.uploads.
Shape: HEAD_BYTES of the file are enough for every type below.
Invariant: None for anything we do not publish; video in an MP4 container is not audio.
Errors: never raises.
Source: domain.md 2.2 "sniff content type"; https://mimesniff.spec.whatwg.org (6.1, 6.2); ISO/IEC 14496-12 (ftyp),
ISO/IEC 11172-3 (MPEG frame header).
"""

from typing import Final

HEAD_BYTES: Final = 256
_M4A_BRANDS: Final = (b"M4A ", b"M4B ")


def audio(head: bytes) -> str | None:
    """Return the media type of a recording."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] == b"fLaC":
        return "audio/flac"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[:4] == b"OggS":
        return "audio/ogg"
    if _is_m4a(head):
        return "audio/mp4"
    return "audio/mpeg" if head[:3] == b"ID3" or _is_mpeg_frame(head) else None


def image(head: bytes) -> str | None:
    """Return the media type of a cover."""
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    if head[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def _is_m4a(head: bytes) -> bool:
    """Whether the file type box names an audio brand, as major or as compatible one."""
    if head[4:8] != b"ftyp":
        return False
    box = head[: int.from_bytes(head[:4], "big")]
    return any(box[at : at + 4] in _M4A_BRANDS for at in range(8, len(box) - 3, 4) if at != 12)


def _is_mpeg_frame(head: bytes) -> bool:
    """Whether an MPEG audio layer III frame begins here: sync, then no field with its forbidden value."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bitrate not in (0, 15) and rate != 3
