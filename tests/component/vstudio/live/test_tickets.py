"""Who somebody is in a session, what a ticket holds, and which pod it names."""

import asyncio

import msgspec
import pytest
from tests.component.vstudio.live.world import Person, Show, World

from audifi.kernel.crypto import token_hash
from audifi.kernel.ids import new_id
from audifi.wire import channels
from audifi.wire.live import feed
from audifi.wire.live.calls import Asking, Ticket

pytestmark = pytest.mark.asyncio(loop_scope="session")
HOLDERS = '{"type": "NFT", "requirements": {"nftMinAmount": 1}}'


async def _role(show: Show, person: Person, role: str | None = None) -> str:
    body = {"sessionId": show.id} | ({"role": role} if role else {})
    return (await person.post("/vstudio/ticket", body)).data["role"]


async def test_a_ticket_is_kept_by_its_hash_for_half_a_minute_and_says_who_it_is(live: World) -> None:
    show, fan = await live.show(), live.someone(name="Ada")
    decision_id = await show.decision()
    await show.votes(fan.ballot(decision_id, "b"))
    data = (await fan.post("/vstudio/ticket", {"sessionId": show.id})).data
    assert data["expiresIn"] == 30
    assert data["wsUrl"].startswith(live.parts.settings.live_url)
    assert data["wsUrl"].endswith(f"/vstudio/{show.id}?ticket={data['ticket']}")
    key = channels.ws_ticket(token_hash(data["ticket"]).hex())
    assert 0 < int(await live.parts.cache.command("TTL", key)) <= 30
    kept = msgspec.json.decode(await live.parts.cache.take(key) or b"", type=Ticket)
    admission = kept.admission
    assert (admission.session_id, admission.user_id, admission.display_name) == (show.id, fan.user_id, "Ada")
    assert (admission.you.role, admission.you.eligible, admission.you.votes) == ("viewer", True, {decision_id: "b"})
    assert admission.sid


async def test_roles_are_what_somebody_is_and_only_ever_less(live: World) -> None:
    named = live.someone("PRODUCER")
    show = await live.show(producer_ids=[named.user_id])
    assert await _role(show, show.artist) == "artist"
    assert await _role(show, show.artist, "viewer") == "viewer"
    assert await _role(show, named) == "producer"
    assert await _role(show, live.someone("ADMIN")) == "admin"
    fan = live.someone()
    assert [await _role(show, fan, asked) for asked in (None, "artist", "admin", "guest")] == [
        "viewer", "viewer", "viewer", "guest",
    ]  # fmt: skip


async def test_who_may_not_watch_gets_no_ticket_and_guests_only_watch_what_is_open(live: World) -> None:
    show, open_one = await live.show(view_gating=HOLDERS), await live.show()
    holder, fan = live.someone(), live.someone()
    live.neighbours.shares[holder.user_id] = 1
    assert await _role(show, holder) == "token_holder"
    refused = await fan.post("/vstudio/ticket", {"sessionId": show.id})
    assert (refused.status, refused.code) == (403, "NOT_ELIGIBLE")
    assert await _role(show, show.artist) == "artist"
    guest = Asking(user_id=None)
    assert (await live.gateway("POST", f"{show.internal}/admission", guest)).code == "NOT_ELIGIBLE"
    admitted = (await live.gateway("POST", f"{open_one.internal}/admission", guest)).data
    assert (admitted["you"]["role"], admitted["you"]["eligible"]) == ("guest", False)


async def test_no_ticket_for_what_is_over_unknown_a_strangers_draft_or_full(live: World) -> None:
    fan = live.someone()
    over, draft, full = (
        await live.show(status="COMPLETE"),
        await live.show(status="DRAFT", started_at=None),
        await live.show(max_participants=3),
    )
    assert (await fan.post("/vstudio/ticket", {"sessionId": over.id})).code == "INVALID_STATE"
    assert (await fan.post("/vstudio/ticket", {"sessionId": draft.id})).code == "SESSION_NOT_FOUND"
    assert (await fan.post("/vstudio/ticket", {"sessionId": str(new_id())})).code == "SESSION_NOT_FOUND"
    assert (await draft.artist.post("/vstudio/ticket", {"sessionId": draft.id})).status == 200
    await live.gateway("POST", f"{full.internal}/pulse", {"pod": "ws-gateway-1", "viewers": 3})
    assert (await fan.post("/vstudio/ticket", {"sessionId": full.id})).code == "CONFLICT"
    assert (await full.artist.post("/vstudio/ticket", {"sessionId": full.id})).status == 200


async def test_somebody_who_comes_often_is_written_down_once(live: World) -> None:
    show, fan = await live.show(), live.someone()
    asking = Asking(user_id=fan.user_id, roles=("USER",))
    await asyncio.gather(*(live.gateway("POST", f"{show.internal}/admission", asking) for _ in range(10)))
    rows = await live.rows("SELECT role FROM vstudio.participants WHERE session_id = $1", show.id)
    assert [row["role"] for row in rows] == ["viewer"]


async def test_tickets_name_the_pods_with_room_in_turn(live: World) -> None:
    show = await live.show()
    until_ms = int(live.clock.now_s() * 1000) + 60_000
    told = {"ws-gateway-1": f"10 {until_ms}", "ws-gateway-2": f"4 {until_ms}", "ws-gateway-3": f"0 {until_ms - 90_000}"}
    for pod, value in told.items():
        await live.parts.cache.command("HSET", feed.pods(), pod, value)
    live.clock.advance(2)
    urls = [(await live.someone().post("/vstudio/ticket", {"sessionId": show.id})).data["wsUrl"] for _ in range(12)]
    await live.parts.cache.delete(feed.pods())
    live.clock.advance(2)
    after = (await live.someone().post("/vstudio/ticket", {"sessionId": show.id})).data["wsUrl"]
    base = live.parts.settings.live_url.rstrip("/")
    pods = [url.removeprefix(base).removesuffix(url[url.index("/vstudio/") :]) for url in urls]
    assert set(pods) == {"/p/1", "/p/2"}
    assert pods[0] == "/p/2"
    assert after.startswith(f"{base}/vstudio/")


async def test_tickets_for_a_crowd_ask_nobody_for_names(live: World) -> None:
    show = await live.show()
    fans = [live.someone() for _ in range(200)]
    asked = len(live.neighbours.asked)
    answers = await asyncio.gather(*(fan.post("/vstudio/ticket", {"sessionId": show.id}) for fan in fans))
    assert {each.status for each in answers} == {200}
    assert len(live.neighbours.asked) - asked < len(fans) / 2
    assert len(await live.rows("SELECT 1 FROM vstudio.participants WHERE session_id = $1", show.id)) == len(fans)
