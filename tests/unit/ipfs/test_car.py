"""An archive gives back what went in, and no change or cut of it goes unnoticed."""

import asyncio
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audifi.clients.ipfs import car
from audifi.clients.ipfs.cids import Cid
from audifi.clients.ipfs.content import Content, Shelf
from audifi.clients.ipfs.unixfs import V1_2025

SMALL = replace(V1_2025, chunk_bytes=16, links_max=3)
DATA = bytes(range(110))
every_directory = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)


def _stored(directory: Path, data: bytes) -> tuple[Content, Path]:
    shelf = Shelf(directory, SMALL)
    content = asyncio.run(shelf.add(data))
    return content, shelf.path(content.cid)


@every_directory
@given(data=st.binary(max_size=400), piece=st.integers(1, 90))
def test_an_archive_gives_back_what_went_in(tmp_path: Path, data: bytes, piece: int) -> None:
    content, path = _stored(tmp_path, data)
    root = Cid.parse(content.cid)
    assert path.stat().st_size == content.car_bytes
    assert b"".join(car.file_bytes(path, root, car.verified(path, root))) == data
    parser = car.Parser()
    packed = path.read_bytes()
    pieces = (packed[at : at + piece] for at in range(0, len(packed), piece))
    blocks = [block for each in pieces for block in parser.feed(each)]
    parser.finish()
    assert parser.roots == [root]
    assert blocks == list(car.blocks(io.BytesIO(packed)))


@every_directory
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_changed_bit_is_found(tmp_path: Path, at: int, bit: int) -> None:
    content, path = _stored(tmp_path, DATA)
    packed = bytearray(path.read_bytes())
    packed[at % len(packed)] ^= 1 << bit
    path.write_bytes(packed)
    parser = car.Parser()
    try:
        list(parser.feed(bytes(packed)))
        parser.finish()
        car.verified(path, Cid.parse(content.cid))
    except car.CarError:
        return
    assert parser.roots != [Cid.parse(content.cid)], (
        "only the name in the header may differ: the blocks prove themselves"
    )


def test_every_cut_is_found(tmp_path: Path) -> None:
    content, path = _stored(tmp_path, DATA)
    packed = path.read_bytes()
    for length in range(len(packed)):
        path.write_bytes(packed[:length])
        with pytest.raises(car.CarError):
            car.verified(path, Cid.parse(content.cid))


def test_a_part_too_large_is_refused_before_it_is_held() -> None:
    with pytest.raises(car.CarError, match="at most 1024"):
        list(car.Parser().feed(b"\xff\xff\xff\x7f"))


def test_a_directory_is_one_archive(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    content = asyncio.run(shelf.add_directory({"2.json": b"{}", "1.json": b'{"a":1}'}, name="tokens"))
    assert content.size_bytes == 9
    assert len(asyncio.run(shelf.verify(content.cid))) == 3


def test_a_part_left_behind_is_no_content(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    content = asyncio.run(shelf.add(b"song"))
    with shelf.part() as part:
        part.write_bytes(b"half")
    assert [path.name for path in tmp_path.iterdir()] == [f"{content.cid}.car"]
    assert asyncio.run(shelf.add(b"song")) == content
