"""Nothing stays: neither of thousands that come and go, however they go, nor of those that are refused.

A soak in small: the same people come in the same mix again and again (what is remembered of somebody, and of an
address, is bounded, but not at once); what the process holds after the first rounds it holds after the last.
"""

import asyncio

import pytest
from tests.component.ws import client
from tests.component.ws.client import CLOSE, TEXT, Socket, frame
from tests.component.ws.driver import Pod

from audifi.kernel.ids import new_id

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROUNDS = 16
EACH = 40  # of each kind and round: 16 × 40 × 6 = 3,840 connections
GROWN_KIB_MAX = 1024  # after round 4, over 2,880 connections; one takes about 10 KiB while it is open


SESSION = str(new_id())
USERS = [str(new_id()) for _ in range(EACH)]


def address(who: int) -> str:
    return f"127.9.9.{who + 2}"


async def comes(pod: Pod, who: int) -> Socket:
    path = f"/vstudio/{SESSION}?ticket={await pod.ticket(SESSION, USERS[who])}"
    return await pod.connect(path, source=address(who))


async def goes_properly(pod: Pod, who: int) -> None:
    socket = await comes(pod, who)
    await socket.say("join", requestId="j")
    await socket.heard("ack")
    await socket.write(frame(CLOSE, (1000).to_bytes(2)))
    await socket.closed()


async def vanishes(pod: Pod, who: int) -> None:
    socket = await comes(pod, who)
    await socket.say("join")
    await socket.heard("session_state")
    socket.writer.transport.abort()


async def is_refused(pod: Pod, who: int) -> None:
    socket = await pod.connect(f"/vstudio/{SESSION}?ticket={'x' * 43}", source=address(who))
    await socket.closed()


async def is_declined(pod: Pod, who: int) -> None:
    socket = await pod.connect("/nowhere", source=address(who))
    assert socket.status == 404
    await socket.reader.read()


async def breaks_the_protocol(pod: Pod, who: int) -> None:
    socket = await comes(pod, who)
    await socket.write(frame(TEXT, b"x", rsv=2))
    await socket.closed()


async def never_finishes_its_handshake(pod: Pod, who: int) -> None:
    _, writer = await pod.raw(address(who))
    writer.write(client.handshake("/vstudio/x")[:30])
    writer.transport.abort()


KINDS = (goes_properly, vanishes, is_refused, is_declined, breaks_the_protocol, never_finishes_its_handshake)


async def test_nothing_stays_of_thousands(pod: Pod) -> None:
    held: list[tuple[int, int]] = []
    for _ in range(ROUNDS):
        await asyncio.gather(*(kind(pod, who) for kind in KINDS for who in range(EACH)))
        await pod.part()
        await pod.active(0)
        held.append((pod.memory_kib(), pod.descriptors()))
    assert held[-1][0] - held[3][0] < GROWN_KIB_MAX, held
    assert abs(held[-1][1] - held[3][1]) <= 2, held
