"""Frames: the cases of the Autobahn test suite that concern what is served here, each with its code.

Sections 1 to 7 of its fuzzing client, by their numbers: framing, pings, reserved bits, opcodes, fragmentation, UTF-8,
close handling; 9 and 10 (sizes) with our 4 KiB. 12 and 13 (compression) are not spoken, so an offer is passed over.
"""

import asyncio

import msgspec
import pytest
from tests.component.ws.client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Socket, frame
from tests.component.ws.driver import Pod

from audifi.kernel.ids import new_id
from audifi.wire.live import protocol

pytestmark = pytest.mark.asyncio(loop_scope="session")
PINGED = b'{"type":"ping","requestId":"r"}'


async def answers(socket: Socket) -> None:
    """The connection is in order."""
    await socket.send(TEXT, PINGED)
    assert (await socket.heard("pong"))["requestId"] == "r"


async def test_an_offer_of_compression_is_passed_over(pod: Pod) -> None:
    session_id = str(new_id())
    ticket = await pod.ticket(session_id)
    socket = await pod.connect(
        f"/vstudio/{session_id}?ticket={ticket}", Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits"
    )
    assert "sec-websocket-extensions" not in socket.headers
    await answers(socket)
    await socket.leave()


@pytest.mark.parametrize("size", [0, 1, 16, 125])  # 2.1 to 2.4
async def test_a_ping_is_answered_with_what_it_carried(pod: Pod, size: int) -> None:
    socket = await pod.open()
    await socket.send(PING, b"\xfe" * size)
    got = await socket.receive()
    assert (got.opcode, got.payload) == (PONG, b"\xfe" * size)
    await socket.leave()


async def test_pongs_that_nobody_asked_for_are_ignored(pod: Pod) -> None:  # 2.7 to 2.9
    socket = await pod.open()
    await socket.send(PONG, b"unsolicited")
    await answers(socket)
    await socket.leave()


async def test_a_frame_may_come_byte_by_byte(pod: Pod) -> None:  # 1.1.8, 2.6
    socket = await pod.open()
    for byte in frame(TEXT, PINGED):
        await socket.write(bytes((byte,)))
    assert (await socket.heard("pong"))["requestId"] == "r"
    await socket.leave()


async def test_fragments_are_put_together_and_pings_may_come_between(pod: Pod) -> None:  # 5.3 to 5.8
    socket = await pod.open()
    await socket.send(TEXT, PINGED[:5], fin=False)
    await socket.send(CONTINUATION, PINGED[5:9], fin=False)
    await socket.send(PING, b"between")
    assert (await socket.receive()).payload == b"between"
    await socket.send(CONTINUATION, b"", fin=False)
    await socket.send(CONTINUATION, PINGED[9:])
    assert (await socket.heard("pong"))["requestId"] == "r"
    await socket.leave()


async def test_a_character_may_be_cut_by_a_fragment(pod: Pod) -> None:  # 6.2
    socket = await pod.open()
    whole = '{"type":"ping","requestId":"κόσμε"}'.encode()
    for index in range(len(whole) - 1)[:28]:
        await socket.send(TEXT if index == 0 else CONTINUATION, whole[index : index + 1], fin=False)
    await socket.send(CONTINUATION, whole[28:])
    assert (await socket.heard("pong"))["requestId"] == "κόσμε"
    await socket.leave()


BROKEN = {
    "3.1 reserved bit 1": [frame(TEXT, PINGED, rsv=1)],
    "3.2 reserved bit 2": [frame(TEXT, PINGED, rsv=2)],
    "3.3 reserved bits of a ping": [frame(PING, rsv=5)],
    "3.4 compressed without agreement": [frame(TEXT, PINGED, rsv=4)],
    "3.7 reserved bits of a close": [frame(CLOSE, b"\x03\xe8", rsv=7)],
    "4.1.1 opcode 3": [frame(3)],
    "4.1.5 opcode 7": [frame(7, b"x")],
    "4.2.1 opcode 11": [frame(11)],
    "4.2.5 opcode 15": [frame(15, b"x")],
    "2.5 a ping of 126 bytes": [frame(PING, b"x" * 126)],
    "a pong of 126 bytes": [frame(PONG, b"x" * 126)],
    "5.1 a fragmented ping": [frame(PING, b"x", fin=False), frame(CONTINUATION, b"y")],
    "5.2 a fragmented pong": [frame(PONG, b"x", fin=False)],
    "5.9 continuing nothing": [frame(CONTINUATION, b"x"), frame(TEXT, PINGED)],
    "5.12 continuing nothing, unfinished": [frame(CONTINUATION, b"x", fin=False)],
    "5.18 a text within a text": [frame(TEXT, b"x", fin=False), frame(TEXT, b"y")],
    "no mask": [frame(TEXT, PINGED, mask=None)],
    "a close without a mask": [frame(CLOSE, b"\x03\xe8", mask=None)],
    "a length that is longer than need be": [b"\x81\xfe\x00\x05\0\0\0\0hello"],
    "a length of 64 bits that is longer than need be": [b"\x81\xff" + (300).to_bytes(8) + b"\0\0\0\0" + b"x" * 300],
    "7.3.2 a close of one byte": [frame(CLOSE, b"\x03")],
    "7.3.6 a close of 126 bytes": [frame(CLOSE, b"\x03\xe8" + b"x" * 124)],
    **{
        f"7.9 close code {code}": [frame(CLOSE, code.to_bytes(2))]
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}


@pytest.mark.parametrize("name", sorted(BROKEN))
async def test_a_broken_frame_closes_with_1002(pod: Pod, name: str) -> None:
    socket = await pod.open()
    for part in BROKEN[name]:
        await socket.write(part)
    assert await socket.closed() == 1002


NOT_UTF8 = {
    "6.3.1": "κόσμε".encode() + b"\xed\xa0\x80edited",
    "6.6.1 cut": b"\xce",
    "6.8 first byte alone": b"\xf8",
    "6.10.1 overlong": b"\xc0\xaf",
    "6.12.8 overlong": b"\xf0\x82\x82\xac",
    "6.14 five bytes": b"\xfb\xbf\xbf\xbf\xbf",
    "6.16 a surrogate": b"\xed\xa0\x80",
    "6.20 beyond Unicode": b"\xf4\x90\x80\x80",
}


@pytest.mark.parametrize("name", sorted(NOT_UTF8))
async def test_text_that_is_not_utf_8_closes_with_1007(pod: Pod, name: str) -> None:
    whole = b'{"type":"ping","requestId":"' + NOT_UTF8[name] + b'"}'
    socket = await pod.open()
    await socket.send(TEXT, whole)
    assert await socket.closed() == protocol.INVALID_PAYLOAD
    in_parts = await pod.open()
    await in_parts.send(TEXT, whole[:29], fin=False)
    await in_parts.send(CONTINUATION, whole[29:])
    assert await in_parts.closed() == protocol.INVALID_PAYLOAD


async def test_a_reason_that_is_not_utf_8_closes_with_1007(pod: Pod) -> None:  # 7.5.1
    socket = await pod.open()
    await socket.send(CLOSE, b"\x03\xe8\xce\xba\xed\xa0\x80")
    assert await socket.closed() == protocol.INVALID_PAYLOAD


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 3000, 3999, 4000, 4999])  # 7.7
async def test_a_close_is_answered_with_its_code(pod: Pod, code: int) -> None:
    socket = await pod.open()
    await socket.send(CLOSE, code.to_bytes(2) + b"bye")
    assert await socket.closed() == code


async def test_a_close_without_a_code_is_answered(pod: Pod) -> None:  # 7.3.1
    socket = await pod.open()
    await socket.send(CLOSE)
    assert await socket.closed() == 1000


async def test_nothing_is_answered_after_a_close(pod: Pod) -> None:  # 7.1.3 to 7.1.5
    socket = await pod.open()
    await socket.write(frame(CLOSE, b"\x03\xe8") + frame(PING, b"late") + frame(TEXT, PINGED))
    assert await socket.closed() == 1000


async def test_binary_closes_with_1003(pod: Pod) -> None:  # 1.2
    socket = await pod.open()
    await socket.send(BINARY, PINGED)
    assert await socket.closed() == 1003


async def test_4_kib_are_taken_and_one_byte_more_closes_with_1009(pod: Pod) -> None:  # 9, 10
    socket = await pod.open()
    fitting = PINGED + b" " * (protocol.FRAME_BYTES - len(PINGED))
    await socket.send(TEXT, fitting)
    await socket.heard("pong")
    await socket.send(TEXT, fitting + b" ")
    assert await socket.closed() == protocol.TOO_LARGE


async def test_a_length_is_refused_before_the_bytes_are_there(pod: Pod) -> None:
    socket = await pod.open()
    await socket.write(b"\x81\xff" + (2**62).to_bytes(8) + b"\0\0\0\0")
    assert await socket.closed() == protocol.TOO_LARGE


async def test_fragments_count_together(pod: Pod) -> None:
    socket = await pod.open()
    await socket.send(TEXT, b" " * 3000, fin=False)
    await socket.send(CONTINUATION, b" " * 1097, fin=False)
    assert await socket.closed() == protocol.TOO_LARGE


async def test_fragments_without_end_close_with_1009(pod: Pod) -> None:
    socket = await pod.open()
    await socket.send(TEXT, b"", fin=False)
    for _ in range(64):
        await socket.send(CONTINUATION, b"", fin=False)
    assert await socket.closed() == protocol.TOO_LARGE


async def test_many_broken_at_once_disturb_nobody(pod: Pod) -> None:
    bystander = await pod.open()

    async def broken(part: bytes) -> int:
        socket = await pod.open()
        await socket.write(part)
        return await socket.closed()

    codes = await asyncio.gather(*(broken(b"".join(parts)) for parts in list(BROKEN.values()) * 3))
    assert set(codes) == {1002}
    await answers(bystander)
    await bystander.leave()


async def test_what_cannot_be_understood_is_answered_and_not_closed(pod: Pod) -> None:
    socket = await pod.open()
    for text in (b"", b"[]", b'{"type":"nonsense"}', b"[" * 2000, b'{"type":"chat","text":"\\u0000"}'):
        await socket.send(TEXT, text)
        assert (await socket.heard("error"))["code"] == protocol.Code.INVALID_MESSAGE
    await answers(socket)
    await socket.leave()


async def test_the_envelope_is_spoken_by_agreement(pod: Pod) -> None:
    session_id = str(new_id())
    ticket = await pod.ticket(session_id)
    path = f"/vstudio/{session_id}?ticket={ticket}"
    socket = await pod.connect(path, Sec_WebSocket_Protocol=f"chat, {protocol.ENVELOPE}")
    assert socket.headers["sec-websocket-protocol"] == protocol.ENVELOPE
    await socket.send(TEXT, msgspec.json.encode({"type": "poll.end", "payload": {}, "requestId": "r"}))
    error = await socket.heard("error")
    assert (error["requestId"], error["payload"]["code"]) == ("r", protocol.Code.NOT_ALLOWED)
    assert error["timestamp"] > 0
    await socket.leave()
