"""Both dialects: what one says the other can say, frames are what RFC 6455 says, and nothing malformed passes."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.gateways.ws import dialects
from audifi.gateways.ws.dialects import Dialect, Malformed
from audifi.wire.live import protocol

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text("abcdefghijklmnopqrstuvwxyzABCDEFG", min_size=1, max_size=12).filter(
    lambda name: name not in ("type", "ts", "seq", "version", "requestId", "payload", "timestamp")
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=5)
SERVED = st.sampled_from(sorted(protocol.SERVED))
COMMANDS = st.sampled_from(sorted(protocol.COMMANDS))
NUMBERS = st.integers(0, 2**53)


def unframed(frame: bytes) -> Any:
    """The JSON of the only frame, decoded as RFC 6455 5.2 has it."""
    assert frame[0] == 0x81, "one text frame, final, nothing reserved"
    size, start = frame[1], 2
    if size == 126:
        size, start = int.from_bytes(frame[2:4]), 4
        assert size > 125, "the shortest form"
    elif size == 127:
        size, start = int.from_bytes(frame[2:10]), 10
        assert size > 65535, "the shortest form"
    assert size == len(frame) - start
    return msgspec.json.decode(frame[start:])


@given(SERVED, NUMBERS, NUMBERS, NUMBERS, FIELDS)
def test_a_state_is_the_same_in_both_dialects(
    name: str, moment: int, seq: int, version: int, fields: dict[str, Any]
) -> None:
    body = msgspec.json.encode({"type": name, "ts": moment, **fields})
    flat = unframed(dialects.state(Dialect.FLAT, seq, version, body))
    assert flat == {"type": name, "ts": moment, "seq": seq, "version": version, **fields}
    assert unframed(dialects.state(Dialect.ENVELOPE, seq, version, body)) == {
        "type": protocol.SERVED[name], "timestamp": moment, "seq": seq, "version": version, "payload": fields,
    }  # fmt: skip


@given(SERVED, NUMBERS, NUMBERS, FIELDS)
def test_a_body_written_otherwise_means_the_same(name: str, moment: int, seq: int, fields: dict[str, Any]) -> None:
    usual = msgspec.json.encode({"type": name, "ts": moment, **fields})
    unusual = msgspec.json.format(msgspec.json.encode({**fields, "ts": moment, "type": name}), indent=1)
    for dialect in Dialect:
        assert unframed(dialects.event(dialect, seq, usual)) == unframed(dialects.event(dialect, seq, unusual))


@given(SERVED, NUMBERS, FIELDS, st.none() | st.text("abc", min_size=1))
def test_an_answer_carries_its_request(name: str, moment: int, fields: dict[str, Any], request_id: str | None) -> None:
    named = {} if request_id is None else {"requestId": request_id}
    frame = {"type": name, "ts": moment, **fields, **named}
    assert unframed(dialects.answer(Dialect.FLAT, frame)) == frame
    envelope = {"type": protocol.SERVED[name], "timestamp": moment, "payload": fields, **named}
    assert unframed(dialects.answer(Dialect.ENVELOPE, frame)) == envelope


@given(COMMANDS, FIELDS)
def test_both_ways_of_saying_something_are_heard_alike(name: str, fields: dict[str, Any]) -> None:
    flat = msgspec.json.encode({"type": name, **fields, "requestId": "r"}).decode()
    envelope = {"type": protocol.COMMANDS[name], "payload": fields, "timestamp": 1, "requestId": "r"}
    try:
        heard = dialects.heard(Dialect.FLAT, flat)
        assert heard == dialects.heard(Dialect.ENVELOPE, msgspec.json.encode(envelope).decode())
    except Malformed:
        assert "\\u0000" in flat or re.search(r"[\[{](.*[\[{]){4}", flat), "what JSON can say is heard"
    else:
        assert (heard.type, heard.fields, heard.request_id) == (name, fields, "r")


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    for dialect in Dialect:
        with pytest.raises(Malformed):
            dialects.heard(dialect, text)


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "1", '"vote"', "{}", '{"type":1}', '{"type":"nonsense"}', '{"type":"poll.vote"}',
        '{"type":"vote"', '{"type":"vote"} {}', '{"type":"vote","requestId":1}', '{"type":"vote","requestId":""}',
        '{"type":"vote","requestId":"' + "x" * 65 + '"}', "[" * 4000, '{"type":' * 600 + "1" + "}" * 600,
        '{"type":"chat","text":"\\u0000"}', '{"type":"chat","text":"\\ud800"}', '{"type":"vote","value":NaN}',
    ],
)  # fmt: skip
def test_what_nobody_can_understand_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        dialects.heard(Dialect.FLAT, text)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 70_000])
def test_lengths_have_their_shortest_form(size: int) -> None:
    frame = dialects.framed(b'"' + b"x" * size + b'"')
    assert unframed(frame) == "x" * size


def test_dotted_names_are_not_ambiguous() -> None:
    for names in (protocol.COMMANDS, protocol.SERVED):
        assert len(set(names.values())) == len(names)
