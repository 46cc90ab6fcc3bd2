"""Frames come out of reads however they were cut, and what was read before is not parsed again.

Between: drills.swarm.frames and drills.swarm.facts, and bytes of RFC 6455's own examples.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.drills.swarm import frames
from audifi.drills.swarm.facts import Fact, Reader, decoded
from audifi.drills.swarm.frames import CLOSE, PING, TEXT, ProtocolFault, split


def served(payload: bytes, opcode: int = TEXT) -> bytes:
    """A frame as a server writes it."""
    length = len(payload)
    if length <= 125:
        return bytes((0x80 | opcode, length)) + payload
    if length < 1 << 16:
        return bytes((0x80 | opcode, 126)) + length.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + length.to_bytes(8, "big") + payload


def test_the_examples_of_the_rfc() -> None:
    assert split(bytes.fromhex("810548656c6c6f")) == ([(TEXT, b"Hello")], 7)
    assert frames.accepted("dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert frames.masked(TEXT, b"Hello") == bytes.fromhex("818500000000") + b"Hello"


@given(st.lists(st.binary(max_size=70_000), max_size=4), st.data())
def test_frames_survive_any_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(served, payloads))
    cut = data.draw(st.integers(0, len(stream)))
    found, place = split(stream[:cut])
    rest, end = split(stream[place:])
    assert [payload for _, payload in found + rest] == payloads
    assert place + end == len(stream)


@pytest.mark.parametrize("wrong", ["0105", "c105", "8185", "9105"])
def test_what_our_gateway_never_sends_is_a_fault(wrong: str) -> None:
    with pytest.raises(ProtocolFault):
        split(bytes.fromhex(wrong) + bytes(10))


def test_a_close_without_a_code() -> None:
    assert frames.close_code(b"") == frames.NO_CODE
    assert frames.close_code((1012).to_bytes(2, "big") + b"drain") == 1012


TALLY = b'{"type":"vote_update","ts":7,"decisionId":"d","seq":5,"version":3,"totalVotes":3}'
CHAT = b'{"type":"chat_message","ts":8,"text":"hi","seq":6}'


def test_a_read_is_parsed_once() -> None:
    reader, data = Reader(), served(TALLY) + served(CHAT)
    first = reader.batch(data)
    assert first.facts == (Fact("state", 5, "vote_update:d", 3, 7), Fact("event", 6, "chat_message", -1, 8))
    assert (first.seq, first.tallies, first.read_bytes) == (6, first.facts[:1], len(data))
    assert reader.batch(bytes(data)) is first
    assert len(reader.batches) == 1


def test_an_answer_to_one_viewer_is_not_kept() -> None:
    reader = Reader()
    data = served(msgspec.json.encode({"type": "vote_ack", "requestId": "r1", "ts": 1})) + served(CHAT)
    first, again = reader.batch(data), reader.batch(data)
    assert decoded(first.answers[0])["requestId"] == "r1"
    assert (again is first, first.seq) == (False, 6)


def test_a_frame_that_is_cut_waits_for_its_rest() -> None:
    reader, data = Reader(), served(CHAT) + served(TALLY)
    batch = reader.batch(data[:-1])
    assert (batch.read_bytes, batch.seq, batch.tallies) == (len(served(CHAT)), 6, ())


def test_pings_and_closes_are_handed_on() -> None:
    batch = Reader().batch(served(b"?", PING) + served(b"\x03\xf4", CLOSE))
    assert batch.controls == ((PING, b"?"), (CLOSE, b"\x03\xf4"))
    assert batch.facts == ()


def test_a_snapshot_sets_the_seq() -> None:
    reader = Reader()
    batch = reader.batch(served(b'{"type":"session_state","seq":41,"ts":1.5,"you":{"role":"guest"}}'))
    assert (batch.seq, batch.facts) == (41, (Fact("snapshot", 41, "", -1, 1),))


def test_text_that_is_no_frame_is_a_fault() -> None:
    with pytest.raises(ProtocolFault):
        Reader().batch(served(b"hello"))
