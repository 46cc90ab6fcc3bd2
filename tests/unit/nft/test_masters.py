"""Masters: who sees them, how they are searched for, what their files are, what is written about them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.nft.errors import Invalid
from audifi.services.nft.rules import masters, metadata, sniffing
from audifi.services.nft.rules.masters import Collaborator

DESCRIBED = metadata.Described(
    master_id="m", artist_name="Alex Rivera", title="Midnight Pulse", description=None, genre="Deep House", bpm=124,
    audio_cid="audio", cover_cid="cover", total_shares=1000, public_supply=900, chain_id=1,
)  # fmt: skip


def collaborator(bps: int) -> Collaborator:
    return Collaborator(name="Sam", role="Producer", split_bps=bps)


@given(st.lists(st.integers(0, 9000), max_size=20))
def test_collaborators_leave_at_least_the_least_holders_part(splits: list[int]) -> None:
    named = [collaborator(bps) for bps in splits]
    if sum(splits) <= 9000:
        masters.require_splits(named)
    else:
        with pytest.raises(Invalid):
            masters.require_splits(named)


@pytest.mark.parametrize("status", ["DRAFT", "ARCHIVED"])
def test_a_hidden_master_is_its_artists_alone(status: str) -> None:
    assert masters.is_visible(status, "a", viewer_id="a")
    assert not masters.is_visible(status, "a", viewer_id="b")
    assert not masters.is_visible(status, "a", viewer_id=None)


@pytest.mark.parametrize("status", ["IN_VSTUDIO", "LOCKED", "MINTED", "LISTED", "SOLD"])
def test_everything_else_is_everybodys(status: str) -> None:
    assert masters.is_visible(status, "a", viewer_id=None)


@given(st.text(max_size=50))
def test_a_search_is_words_and_nothing_else(text: str) -> None:
    words = masters.search_words(text)
    for word in words.split(" & ") if words else []:
        assert word.endswith(":*")
        assert word[:-2].isalnum()


@given(st.binary(max_size=300))
def test_sniffing_answers_for_any_bytes(head: bytes) -> None:
    assert sniffing.audio(head) is None or sniffing.image(head) is None


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"RIFF\x24\x08\0\0WAVEfmt ", "audio/wav"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"ID3\x04\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"FORM\0\0\0\0AIFFCOMM", "audio/aiff"),
        (b"FORM\0\0\0\0AIFCCOMM", "audio/aiff"),
        (b"OggS\0\x02", "audio/ogg"),
        (b"\0\0\0\x20ftypM4A \0\0\2\0isomiso2M4A mp42", "audio/mp4"),
        (b"\0\0\0\x1cftypmp42\0\0\0\0isommp42M4A ", "audio/mp4"),
    ],
)
def test_recordings_are_recognised(head: bytes, media_type: str) -> None:
    assert sniffing.audio(head) == media_type
    assert sniffing.image(head) is None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"RIFF\0\0\0\0WEBP",
        b"RIFF\0\0\0\0AVI ",
        b"\xff\xd8\xff\xe0",
        b"\xff\xff\xff\xff",
        b"MZ\x90\0",
        b"\0\0\0\x18ftypisom\0\0\2\0isomiso2",
        b"\0\0\0\x10ftypisom\0\0\2\0M4A M4A ",  # after the box's end
        b"\0\0\0\x14ftypisomM4A isom",  # a version that reads like a brand
    ],
)
def test_what_is_no_recording_is_not_taken_for_one(head: bytes) -> None:
    assert sniffing.audio(head) is None


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n\0", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"<svg xmlns=", None),
        (b"GIF89a", None),
    ],
)
def test_covers_are_recognised(head: bytes, media_type: str | None) -> None:
    assert sniffing.image(head) == media_type


def test_the_same_master_is_described_by_the_same_bytes() -> None:
    document = metadata.document(DESCRIBED)
    assert document == metadata.document(DESCRIBED)
    read = msgspec.json.decode(document)
    assert (read["name"], read["image"], read["animation_url"]) == ("Midnight Pulse", "ipfs://cover", "ipfs://audio")
    assert {each["trait_type"]: each["value"] for each in read["attributes"]} == {
        "Artist": "Alex Rivera", "Track": "Midnight Pulse", "Genre": "Deep House", "BPM": 124, "Total Shares": 1000,
    }  # fmt: skip
    assert [tier["royaltyBps"] for tier in read["properties"]["moverAdvantage"]] == [1000, 500, 300, 100]


def test_a_tokens_number_does_not_lead_away_from_the_document() -> None:
    assert metadata.base_uri("bafy") + "7" == "ipfs://bafy#7"
