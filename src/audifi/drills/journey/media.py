"""Make a small real recording and its cover: bytes that players and viewers accept.

Between: release, seed (bring them) and the file system.
Shape: a WAV of one second with one tone, and a PNG of one colour; both drawn from a name, so that each master's are
its own and the same name gives the same bytes (and CIDs).
Errors: OSError passes through.
Source: RIFF/WAVE (PCM); PNG, W3C Recommendation (signature, IHDR, IDAT, IEND).
"""

import hashlib
import math
import struct
import wave
import zlib
from pathlib import Path
from typing import Final

RATE_HZ: Final = 8000
SECONDS: Final = 1
LOUDNESS: Final = 12_000
SIDE_PX: Final = 64
PNG: Final = b"\x89PNG\r\n\x1a\n"


def recording(directory: Path, name: str) -> Path:
    """Write `<directory>/take.wav`."""
    path = directory / "take.wav"
    pitch_hz = 220 + _drawn(name)[0] * 2
    tones = (LOUDNESS * math.sin(2 * math.pi * pitch_hz * place / RATE_HZ) for place in range(RATE_HZ * SECONDS))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(b"".join(struct.pack("<h", int(tone)) for tone in tones))
    return path


def cover(directory: Path, name: str) -> Path:
    """Write `<directory>/cover.png`."""
    path = directory / "cover.png"
    colour = _drawn(name)[:3]
    rows = b"".join(b"\0" + colour * SIDE_PX for _ in range(SIDE_PX))
    head = struct.pack(">IIBBBBB", SIDE_PX, SIDE_PX, 8, 2, 0, 0, 0)
    path.write_bytes(PNG + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b""))
    return path


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _drawn(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
