"""What clients say: batched, answered with their requestId, limited, and never believed about who says it."""

import asyncio

import pytest
from tests.component.ws.client import CLOSE, PING, TEXT, Socket, frame
from tests.component.ws.driver import Neighbours, Pod

from audifi.kernel.ids import new_id
from audifi.local.waiting import NotReady, wait_for
from audifi.wire.live import protocol
from audifi.wire.live.protocol import Code

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def asked(neighbours: Neighbours, votes: int) -> None:
    """Wait until so many votes were asked for."""

    async def probe() -> None:
        found = sum(len(batch.votes) for batch in neighbours.votes)
        if found < votes:
            raise NotReady(f"{found} were")

    await wait_for(probe, within_s=5, saying=f"{votes} votes are asked for", every_s=0.01)


async def test_joining_brings_the_session(pod: Pod) -> None:
    socket = await pod.open()
    await socket.say("join", requestId="j", userId="somebody", role="artist")
    state = await socket.heard("session_state")
    assert (state["you"]["role"], state["you"]["eligible"]) == ("viewer", True)
    assert (await socket.heard("ack"))["requestId"] == "j"
    await socket.say("leave", requestId="l")
    assert (await socket.heard("ack"))["requestId"] == "l"
    await socket.leave()


async def test_votes_that_come_while_a_batch_is_under_way_leave_together(pod: Pod) -> None:
    session_id, neighbours = str(new_id()), pod.neighbours
    neighbours.held = asyncio.Event()
    sockets = [await pod.open(session_id) for _ in range(12)]
    await sockets[0].say("vote", decisionId="d", choice="a", requestId="0")
    await asked(neighbours, 1)
    for number, socket in enumerate(sockets[1:], 1):
        await socket.say("vote", decisionId="d", choice="a", requestId=str(number))
    await pod.has_received(12)
    neighbours.held.set()
    for number, socket in enumerate(sockets):
        ack = await socket.heard("vote_ack")
        assert (ack["requestId"], ack["decisionId"], ack["weight"], ack["duplicate"]) == (str(number), "d", 1000, False)
        assert ack["voteId"]
    assert [len(batch.votes) for batch in neighbours.votes] == [1, 11]
    people = {vote.user_id for batch in neighbours.votes for vote in batch.votes}
    assert len(people) == 12, "everybody's own, by the admission"
    for socket in sockets:
        await socket.leave()


async def test_each_of_a_batch_is_answered_for_itself(pod: Pod) -> None:
    socket = await pod.open()
    await socket.say("vote", decisionId="d", choice="late", requestId="r")
    error = await socket.heard("error")
    assert (error["code"], error["requestId"]) == (Code.DECISION_CLOSED, "r")
    await socket.say("vote", decisionId="d", value=0.5, requestId="s")
    assert (await socket.heard("vote_ack"))["requestId"] == "s"
    await socket.leave()


async def test_an_option_may_be_named_by_its_place(pod: Pod) -> None:
    socket = await pod.open()
    await socket.say("vote", decisionId="d", optionIndex=1, requestId="r")
    assert (await socket.heard("vote_ack"))["requestId"] == "r"
    assert pod.neighbours.votes[-1].votes[0].choice == "1"
    await socket.leave()


async def test_a_vote_survives_a_service_that_stumbles(pod: Pod) -> None:
    pod.neighbours.failures = 2
    socket = await pod.open()
    await socket.say("vote", decisionId="d", choice="a", requestId="r")
    assert (await socket.heard("vote_ack"))["requestId"] == "r"
    tried = [batch.votes[0].request_id for batch in pod.neighbours.votes]
    assert tried == ["r", "r", "r"], "asked again as the same"
    await socket.leave()


async def test_a_service_that_is_away_is_said_with_when_to_try_again(pod: Pod) -> None:
    pod.neighbours.failures = 99
    socket = await pod.open(role="artist")
    await socket.say("decision_close", decisionId="d", requestId="r")
    error = await socket.heard("error")
    assert (error["code"], error["requestId"]) == (Code.UNAVAILABLE, "r")
    await socket.leave()


@pytest.mark.parametrize(
    ("type_", "fields"),
    [
        ("vote", {}),
        ("vote", {"decisionId": "d"}),
        ("vote", {"decisionId": 1, "choice": "a"}),
        ("vote", {"decisionId": "d", "choice": "a", "value": 1.0}),
        ("vote", {"decisionId": "d", "choice": ["a"]}),
        ("chat", {}),
        ("chat", {"text": "  "}),
        ("chat", {"text": "x" * 501}),
        ("chat", {"text": 5}),
        ("reaction", {}),
        ("reaction", {"emoji": "💣"}),
        ("reaction", {"emoji": ["🔥"]}),
        ("join", {"lastSeq": "x"}),
        ("auth", {"token": "x"}),
    ],
)
async def test_what_makes_no_sense_is_4009_and_asked_of_nobody(pod: Pod, type_: str, fields: dict[str, object]) -> None:
    socket = await pod.open()
    await socket.say(type_, requestId="r", **fields)
    error = await socket.heard("error")
    assert (error["code"], error["requestId"]) == (Code.INVALID_MESSAGE, "r")
    assert not pod.neighbours.votes
    assert not pod.neighbours.chats
    await socket.leave()


async def test_chat_carries_who_says_it(pod: Pod) -> None:
    user_id = str(new_id())
    socket = await pod.open(user_id=user_id)
    await socket.say("chat", text=" hi 🎧 ", displayName="Mallory", userId="m", requestId="r")
    assert (await socket.heard("ack"))["requestId"] == "r"
    [batch] = pod.neighbours.chats
    [line] = batch.lines
    assert (line.user_id, line.display_name, line.role, line.text) == (user_id, "Ada", "viewer", "hi 🎧")
    await socket.leave()


async def test_decisions_are_directors(pod: Pod) -> None:
    viewer, artist = await pod.open(), await pod.open(role="artist")
    for socket in (viewer, artist):
        await socket.say("decision_create", question="Which mix?", options=[{"label": "A"}], requestId="r")
    assert (await viewer.heard("error"))["code"] == Code.NOT_ALLOWED
    ack = await artist.heard("ack")
    assert (ack["requestId"], ack["decisionId"]) == ("r", "d")
    [command] = pod.neighbours.commands
    assert command.fields == {"question": "Which mix?", "options": [{"label": "A"}]}
    for socket in (viewer, artist):
        await socket.leave()


async def test_tips_are_not_supported(pod: Pod) -> None:
    socket = await pod.open()
    await socket.say("tip", amount="1")
    assert (await socket.heard("error"))["code"] == Code.UNSUPPORTED
    await socket.leave()


async def told_off(socket: Socket) -> int:
    """Read errors until it is closed; return how many said 4003."""
    found = 0
    while (got := await socket.receive()).opcode == 1:
        found += got.json["type"] == "error" and got.json["code"] == Code.RATE_LIMITED
    assert got.code == Code.RATE_LIMITED
    return found


async def test_a_flood_is_told_off_three_times_and_closed(pod: Pod) -> None:
    flood, bystander = await pod.open(), await pod.open()
    await flood.say("ping")
    await flood.heard("pong")  # it is admitted: whoever floods before that is closed for that
    for number in range(protocol.MESSAGES[0] + 500):
        await flood.say("ping", requestId=str(number))
    assert await told_off(flood) == protocol.STRIKES_MAX
    await bystander.say("ping")
    await bystander.heard("pong")
    await bystander.leave()


async def test_a_flood_of_ping_frames_too(pod: Pod) -> None:
    socket = await pod.open()
    for _ in range(200):
        await socket.send(PING, b"x")
    assert await socket.closed() == Code.RATE_LIMITED


async def test_chat_has_its_own_limit_over_all_connections_of_a_user(pod: Pod) -> None:
    user_id, session_id = str(new_id()), str(new_id())
    first, second = await pod.open(session_id, user_id=user_id), await pod.open(session_id, user_id=user_id)
    for number in range(protocol.CHATS[0]):
        await first.say("chat", text="hi", requestId=str(number))
        await first.heard("ack")
    await second.say("chat", text="hi", requestId="r")
    error = await second.heard("error")
    assert (error["code"], error["requestId"]) == (Code.RATE_LIMITED, "r")
    assert 0 < error["retryAfter"] <= protocol.CHATS[1]
    await second.say("ping")
    await second.heard("pong")
    for socket in (first, second):
        await socket.leave()


async def test_whoever_reads_nothing_costs_little_and_is_cut(pod: Pod) -> None:
    """A connection that is closed while its socket is full does not stay."""
    socket = await pod.open()
    socket.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's transports read, too
    for number in range(300):
        await socket.say("ping", requestId=f"{number}-" + "x" * 50)
    await pod.active(0)


async def test_whoever_joins_and_is_gone_at_once_is_in_no_room(pod: Pod) -> None:
    """A join has its turn after the close that came with it: it must not put a dead socket into a room."""
    session_id = str(new_id())
    for end in (frame(CLOSE, (1000).to_bytes(2)), frame(TEXT, b"x", rsv=1), b""):
        socket = await pod.open(session_id)
        await socket.say("ping")
        await socket.heard("pong")
        await socket.write(frame(TEXT, b'{"type":"join"}') * 3 + end)
        socket.writer.close()
    await pod.active(0)
    watching = await pod.open(session_id)
    await watching.say("join", requestId="j")
    await watching.heard("ack")

    async def alone() -> None:
        if not pod.neighbours.pulses or pod.neighbours.pulses[-1].viewers != 1:
            raise NotReady(str(pod.neighbours.pulses[-1:]))

    await wait_for(alone, within_s=5, saying="the pod says that one is watching", every_s=0.05)
    await watching.leave()
