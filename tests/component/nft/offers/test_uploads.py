"""Uploads: streamed, bounded, judged by their bytes; what goes wrong leaves nothing."""

import gc
import hashlib
import tracemalloc
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from tests.component.nft.offers.test_masters import registered
from tests.component.nft.offers.world import Answer, Person, World

from audifi.clients.ipfs.content import ContentError

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAV = b"RIFF\0\0\0\0WAVEfmt "
PNG = b"\x89PNG\r\n\x1a\n"
EDGE = "x-boundary-x"
MB = 1_000_000


def part(name: str, *pieces: bytes, filename: str = "take.wav", kind: str = "audio/wav") -> Iterable[bytes]:
    head = f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
    return (f"{head}Content-Type: {kind}\r\n\r\n".encode(), *pieces, b"\r\n")


def form(*parts: Iterable[bytes]) -> list[bytes]:
    return [*(piece for each in parts for piece in each), f"--{EDGE}--\r\n".encode()]


GOOD = form(part("audio", WAV, b"a" * 5000), part("cover", PNG, b"c" * 900, filename="c.png", kind="image/png"))


async def flow(pieces: Iterable[bytes | None]) -> AsyncIterator[bytes | None]:
    for piece in pieces:
        yield piece


async def send(person: Person, master_id: str, pieces: Iterable[bytes | None]) -> Answer:
    return await person.upload(f"/masters/{master_id}/upload", flow(pieces), EDGE)


def parts_left(content: Path) -> list[str]:
    return [path.name for path in content.glob(".part-*")]


def archives(content: Path) -> set[str]:
    return {path.name for path in content.glob("*.car")}


async def test_an_upload_is_named_by_what_it_contains(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    await world.told("content.wanted")
    uploaded = (await send(artist, master_id, GOOD)).data
    master = (await artist.get(f"/masters/{master_id}")).data
    assert {name: master[name] for name in uploaded} == uploaded
    wanted = {event["cid"]: event for event in await world.told("content.wanted")}
    assert set(wanted) == set(uploaded.values())
    assert wanted[uploaded["audioCid"]]["sha256"] == hashlib.sha256(WAV + b"a" * 5000).hexdigest()
    for cid in uploaded.values():
        await world.parts.shelf.verify(cid)
    types = await world.rows("SELECT cid, media_type FROM nft.contents WHERE cid = ANY($1)", list(uploaded.values()))
    assert {row["cid"]: row["media_type"] for row in types} == {
        uploaded["audioCid"]: "audio/wav", uploaded["coverCid"]: "image/png",
        uploaded["metadataCid"]: "application/json",
    }  # fmt: skip


async def test_the_same_bytes_however_cut_have_the_same_name(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    whole = b"".join(GOOD)
    first = (await send(artist, master_id, [whole])).data
    for size in (1, 7, 997):
        again = (await send(artist, master_id, (whole[at : at + size] for at in range(0, len(whole), size)))).data
        assert again == first


async def test_a_hundred_megabytes_pass_in_little_memory(world: World, content: Path) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    piece = bytes(64 * 1024)
    count = (100 * MB - len(WAV)) // len(piece)
    pieces = form(part("audio", WAV, *[piece] * count), part("cover", PNG))
    gc.collect()
    tracemalloc.start()
    try:
        answer = await send(artist, master_id, pieces)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status == 200, answer.body
    assert peak < 16 * MB, f"{peak / MB:.1f} MB at once"
    [row] = await world.rows("SELECT size_bytes FROM nft.contents WHERE cid = $1", answer.data["audioCid"])
    assert row["size_bytes"] == len(WAV) + count * len(piece)
    assert parts_left(content) == []
    world.parts.shelf.drop(answer.data["audioCid"])


LONG = form(part("audio", WAV, *[bytes(MB)] * 101), part("cover", PNG))
WIDE = form(part("cover", PNG, *[bytes(MB)] * 11), part("audio", WAV))


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        (LONG, 413),
        (WIDE, 413),
        (form(part("audio", b"MZ\x90\0" + bytes(600)), part("cover", PNG)), 415),
        (form(part("audio", WAV), part("cover", b"<svg onload=alert(1)>" + bytes(600), kind="image/png")), 415),
        (form(part("audio", b"\0\0\0\x18ftypisom" + bytes(600)), part("cover", PNG)), 415),
        (form(part("audio", b""), part("cover", PNG)), 415),
        (form(part("audio", WAV)), 400),
        (form(part("cover", PNG)), 400),
        (form(part("audio", WAV), part("audio", WAV)), 400),
        (form(part("audio", WAV), part("lyrics", b"la")), 400),
        (form(part("audio", WAV), part("cover", PNG), part("audio", WAV)), 413),
        (GOOD[:-1], 400),
        ([b"no form at all"], 400),
        ([], 400),
    ],
)
async def test_a_wrong_upload_is_refused_and_leaves_nothing(
    world: World, content: Path, pieces: list[bytes], status: int
) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    kept = archives(content)
    answer = await send(artist, master_id, pieces)
    assert answer.status == status, answer.body
    assert archives(content) == kept
    assert parts_left(content) == []
    assert (await artist.get(f"/masters/{master_id}")).data["audioCid"] is None


@pytest.mark.parametrize("kept", range(1, len(GOOD)))
async def test_a_cut_connection_leaves_nothing(world: World, content: Path, kept: int) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    assert (await send(artist, master_id, [*GOOD[:kept], None])).status == 499
    assert parts_left(content) == []
    assert (await artist.get(f"/masters/{master_id}")).data["audioCid"] is None


async def test_a_form_needs_its_type_and_boundary(world: World) -> None:
    artist = await world.artist()
    path = f"/masters/{await registered(artist)}/upload"
    for kind, status in (
        ("application/json", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
    ):
        assert (await artist.stream("POST", path, flow(GOOD), {"content-type": kind})).status == status


async def test_only_the_artist_uploads_and_only_before_it_is_locked(world: World) -> None:
    artist, other = await world.artist(), await world.artist()
    master_id = await registered(artist)
    assert (await send(other, master_id, GOOD)).code == "MASTER_NOT_FOUND"
    await world.execute("UPDATE nft.masters SET status = 'LOCKED' WHERE id = $1", master_id)
    assert (await send(artist, master_id, GOOD)).status == 200, "a session may lock before the last take is sent"
    assert (await send(artist, master_id, GOOD)).code == "INVALID_STATE"


async def test_a_full_disk_is_our_failure(world: World, content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artist = await world.artist()
    master_id = await registered(artist)

    async def full(*_: object, **__: object) -> None:
        raise ContentError("no space left on device")

    monkeypatch.setattr(world.parts.shelf, "add", full)
    answer = await send(artist, master_id, GOOD)
    assert (answer.status, answer.code) == (502, "IPFS_ERROR")
    assert parts_left(content) == []
