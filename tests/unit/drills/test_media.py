"""The recording and the cover are real files of their kinds.

Between: drills.journey.media and the standard library's readers.
"""

import struct
import wave
import zlib
from pathlib import Path

from audifi.drills.journey import media


def test_the_recording_plays(tmp_path: Path) -> None:
    with wave.open(str(media.recording(tmp_path, "Night Bus"))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (1, media.RATE_HZ, media.RATE_HZ)
        assert len(set(file.readframes(500))) > 10


def test_the_cover_is_a_whole_png(tmp_path: Path) -> None:
    data = media.cover(tmp_path, "Night Bus").read_bytes()
    assert data.startswith(media.PNG)
    place, kinds = len(media.PNG), list[bytes]()
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        chunk = data[place + 4 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length]) == (zlib.crc32(chunk),)
        kinds.append(chunk[:4])
        place += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]


def test_every_name_has_files_of_its_own(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    assert media.cover(one, "one").read_bytes() != media.cover(two, "two").read_bytes()
    assert media.recording(one, "one").read_bytes() == media.recording(two, "one").read_bytes()
