"""Who is let in, as whom, and with which code everybody else is closed."""

import asyncio

import pytest
from tests.component.ws.driver import Pod

from audifi.kernel.crypto import new_token
from audifi.kernel.ids import new_id
from audifi.kernel.sessions import Sessions
from audifi.wire.live import protocol
from audifi.wire.live.protocol import Code

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_ticket_is_good_once(pod: Pod) -> None:
    session_id = str(new_id())
    ticket = await pod.ticket(session_id)
    sockets = [await pod.connect(f"/vstudio/{session_id}?ticket={ticket}") for _ in range(4)]
    for socket in sockets:
        await socket.say("ping")
    opcodes = [(await socket.receive()).json["type"] for socket in sockets]
    assert sorted(opcodes) == ["error", "error", "error", "pong"]
    for socket, said in zip(sockets, opcodes, strict=True):
        if said == "error":
            assert await socket.closed() == Code.INVALID_TICKET
        else:
            await socket.leave()


@pytest.mark.parametrize("ticket", ["", "x", "x" * 43, "x" * 44, "..%2F..%2F", new_token() + "="])
async def test_no_ticket_of_ours_closes_with_4000(pod: Pod, ticket: str) -> None:
    socket = await pod.connect(f"/vstudio/{new_id()}?ticket={ticket}")
    if ticket:
        assert (await socket.heard("error"))["code"] == Code.INVALID_TICKET
        assert await socket.closed() == Code.INVALID_TICKET
    else:
        await socket.leave()  # a bare connection: it may still say who it is


async def test_a_ticket_for_another_session_is_spent_and_refused(pod: Pod) -> None:
    session_id = str(new_id())
    ticket = await pod.ticket(session_id)
    assert await (await pod.connect(f"/vstudio/{new_id()}?ticket={ticket}")).closed() == Code.INVALID_TICKET
    assert await (await pod.connect(f"/vstudio/{session_id}?ticket={ticket}")).closed() == Code.INVALID_TICKET


async def test_an_access_token_may_come_first(pod: Pod) -> None:
    user_id, sid = await pod.signed_in()
    socket = await pod.connect(f"/vstudio/{new_id()}")
    await socket.say("auth", token=pod.token(user_id, sid), role="viewer", userId="somebody else", requestId="a")
    await socket.say("ping", requestId="b")
    ack = await socket.heard("ack")
    assert (ack["requestId"], ack["role"]) == ("a", "viewer")
    assert (await socket.heard("pong"))["requestId"] == "b"
    [asked] = pod.neighbours.asked
    assert (asked.user_id, asked.sid, asked.role, asked.roles) == (user_id, sid, "viewer", ("USER",))
    await socket.leave()


async def test_without_a_token_somebody_is_a_guest_and_silent(pod: Pod) -> None:
    socket = await pod.connect(f"/vstudio/{new_id()}")
    await socket.say("auth")
    assert (await socket.heard("ack"))["role"] == "guest"
    for command in (
        {"type": "vote", "decisionId": "d", "choice": "a"},
        {"type": "chat", "text": "hi"},
        {"type": "reaction", "emoji": "🔥"},
        {"type": "decision_open", "decisionId": "d"},
    ):
        await socket.say(command.pop("type"), **command)
        assert (await socket.heard("error"))["code"] == Code.NOT_ALLOWED
    await socket.leave()


@pytest.mark.parametrize("kind", ["nonsense", "expired", "another key", "signed out", "not text"])
async def test_a_token_that_is_not_good_closes_with_4000(pod: Pod, kind: str) -> None:
    user_id, sid = await pod.signed_in()
    token: object = pod.token(user_id, sid)
    match kind:
        case "nonsense":
            token = "a.b.c"  # that is the point
        case "expired":
            token = pod.token(user_id, sid, age_s=3600)
        case "another key":
            token = str(token)[:-8] + "AAAAAAAA"
        case "signed out":
            await Sessions(pod.cache).revoke(sid, tombstone_s=60)
        case _:
            token = {"not": "text"}
    socket = await pod.connect(f"/vstudio/{new_id()}")
    await socket.say("auth", token=token)
    assert (await socket.heard("error"))["code"] == Code.INVALID_TICKET
    assert await socket.closed() == Code.INVALID_TICKET
    assert pod.neighbours.asked == []


@pytest.mark.parametrize(
    ("status", "problem", "code"),
    [
        (404, "SESSION_NOT_FOUND", Code.SESSION_NOT_FOUND),
        (409, "INVALID_STATE", Code.SESSION_OVER),
        (403, "NOT_ELIGIBLE", Code.NOT_ELIGIBLE),
        (409, "CONFLICT", Code.SESSION_FULL),
        (503, "SERVICE_UNAVAILABLE", protocol.OVERLOAD),
    ],
)
async def test_the_services_refusal_closes_with_its_code(pod: Pod, status: int, problem: str, code: int) -> None:
    pod.neighbours.refusal = (status, problem)
    socket = await pod.connect(f"/vstudio/{new_id()}")
    await socket.say("auth")
    assert (await socket.heard("error"))["code"] == code
    assert await socket.closed() == code


async def test_whoever_says_something_else_first_is_closed(pod: Pod) -> None:
    socket = await pod.connect(f"/vstudio/{new_id()}")
    await socket.say("join")
    assert await socket.closed() == Code.INVALID_TICKET


async def test_whoever_says_nothing_is_closed_after_ten_seconds(pod: Pod) -> None:
    started = asyncio.get_running_loop().time()
    socket = await pod.connect(f"/vstudio/{new_id()}")
    async with asyncio.timeout(protocol.AUTH_S + 3):
        head = await socket.reader.readexactly(2)
        assert head[0] == 0x81, "an error first"
        await socket.reader.readexactly(
            int.from_bytes(await socket.reader.readexactly(2)) if head[1] == 126 else head[1]
        )
    assert await socket.closed() == Code.INVALID_TICKET
    assert asyncio.get_running_loop().time() - started >= protocol.AUTH_S


async def test_a_sixth_connection_replaces_the_oldest(pod: Pod) -> None:
    user_id, session_id = str(new_id()), str(new_id())
    sockets = [await pod.open(session_id, user_id=user_id) for _ in range(protocol.PER_USER_MAX)]
    for socket in sockets:
        await socket.say("ping")
        await socket.heard("pong")
    sixth = await pod.open(session_id, user_id=user_id)
    assert (await sockets[0].heard("error"))["code"] == Code.REPLACED
    assert await sockets[0].closed() == Code.REPLACED
    for socket in (*sockets[1:], sixth):
        await socket.say("ping")
        await socket.heard("pong")
        await socket.leave()


async def test_somebody_who_is_not_admitted_yet_cannot_fill_memory(pod: Pod) -> None:
    socket = await pod.connect(f"/vstudio/{new_id()}?ticket={'x' * 43}")
    for _ in range(60):
        await socket.say("ping")
    assert await socket.closed() == Code.INVALID_TICKET
