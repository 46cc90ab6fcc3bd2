"""A session is planned, runs, decides and ends as domain.md 2.3 says, and says so to the queue and to its viewers."""

import asyncio

import pytest
from tests.component.vstudio.sessions.driver import HOOK, World, sent

from audifi.kernel.ids import new_id
from audifi.wire.events.auth import UserDeleted
from audifi.wire.events.nft import IpoLaunched, MasterUpdated

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_session_is_planned_with_its_decisions_and_takes_its_master(world: World) -> None:
    artist = world.artist()
    session = await artist.plans(decisions=[HOOK, {**HOOK, "question": "Which bridge?"}])
    assert session["status"] == "DRAFT"
    assert [each["question"] for each in session["decisions"]] == ["Which hook?", "Which bridge?"]
    assert [option["id"] for option in session["decisions"][0]["options"]] == ["a", "b"]
    assert session["slug"].startswith("electric-dreams-")
    master = world.neighbours.masters[session["masterId"]]
    assert (master["status"], master["vstudioSessionId"]) == ("IN_VSTUDIO", session["id"])
    (told,) = await world.said("session.created", session["id"])
    assert told["title"] == "Electric Dreams"
    assert (await artist.get(f"/vstudio/sessions/{session['id']}")).data["id"] == session["id"]


async def test_a_draft_is_its_artists_alone(world: World) -> None:
    session = await world.artist().plans()
    other = world.artist()
    path = f"/vstudio/sessions/{session['id']}"
    assert (await other.get(path)).code == "SESSION_NOT_FOUND"
    assert (await sent(world, "GET", path, None, {})).code == "SESSION_NOT_FOUND"
    assert (await other.post(f"{path}/start")).code == "SESSION_NOT_FOUND"
    scheduled = await world.artist().plans(scheduledStart="2030-01-01T20:00:00Z")
    assert scheduled["status"] == "SCHEDULED"
    assert (await sent(world, "GET", f"/vstudio/sessions/{scheduled['id']}", None, {})).status == 200
    assert (await other.post(f"/vstudio/sessions/{scheduled['id']}/start")).code == "FORBIDDEN"


async def test_lists_show_what_is_asked_for(world: World) -> None:
    artist = world.artist()
    draft = await artist.plans()
    planned = await artist.plans(scheduledStart="2029-01-01T20:00:00Z")
    live = await artist.goes_live()

    async def listed(query: str, *, is_guest: bool = False) -> set[str]:
        path = f"/vstudio/sessions?limit=100&{query}"
        answer = await sent(world, "GET", path, None, {}) if is_guest else await artist.get(path)
        assert answer.status == 200, answer.body
        return {each["id"] for each in answer.json["data"]} & {draft["id"], planned["id"], live["id"]}

    assert await listed("mine=true") == {draft["id"], planned["id"], live["id"]}
    assert await listed(f"artistId={artist.user_id}&live=true") == {live["id"]}
    assert await listed(f"artistId={artist.user_id}&upcoming=true") == {planned["id"]}
    assert await listed(f"artistId={artist.user_id}&status=DRAFT") == {draft["id"]}
    assert (await sent(world, "GET", "/vstudio/sessions?mine=true", None, {})).code == "UNAUTHORIZED"


async def test_only_a_draft_of_ones_own_is_finished(world: World) -> None:
    artist, other = world.artist(), world.artist()
    body = {"title": "Mine?"}
    foreign = await artist.post("/vstudio/sessions", {**body, "masterId": world.master(other)})
    assert foreign.code == "FORBIDDEN"
    minted = await artist.post("/vstudio/sessions", {**body, "masterId": world.master(artist, "MINTED")})
    assert minted.code == "INVALID_STATE"
    missing = await artist.post("/vstudio/sessions", {**body, "masterId": str(new_id())})
    assert missing.code == "MASTER_NOT_FOUND"
    assert (await world.someone().post("/vstudio/sessions", {**body, "masterId": str(new_id())})).code == "FORBIDDEN"


async def test_a_refused_master_leaves_no_session(world: World) -> None:
    artist = world.artist()
    master = world.master(artist)
    world.neighbours.mischief[master, "session-opened"] = "refused"
    answer = await artist.post("/vstudio/sessions", {"title": "No", "masterId": master})
    assert answer.code == "INVALID_STATE"
    (row,) = await world.rows("SELECT status, wish FROM vstudio.sessions WHERE master_id = $1", master)
    assert (row["status"], row["wish"]) == ("CANCELLED", None)
    world.neighbours.mischief.clear()
    again = await artist.post("/vstudio/sessions", {"title": "Yes", "masterId": master})
    assert again.status == 201


@pytest.mark.parametrize("how", ["away", "lost"])
async def test_a_master_that_was_not_answered_is_asked_for_until_it_is(world: World, how: str) -> None:
    artist = world.artist()
    master = world.master(artist)
    world.neighbours.mischief[master, "session-opened"] = how
    session = (await artist.post("/vstudio/sessions", {"title": "Later", "masterId": master})).data
    start = f"/vstudio/sessions/{session['id']}/start"
    assert (await artist.post(start)).code == "INVALID_STATE"
    world.neighbours.mischief.clear()
    await world.carry_out()
    assert world.neighbours.masters[master]["vstudioSessionId"] == session["id"]
    assert (await artist.post(start)).data["status"] == "ACTIVE"


async def test_free_includes_one_session_one_decision_and_no_gates(world: World) -> None:
    artist = world.artist("FREE")
    gated = {"title": "X", "masterId": world.master(artist), "voteGating": {"type": "NFT"}}
    assert (await artist.post("/vstudio/sessions", gated)).code == "PLAN_LIMIT_REACHED"
    two = {"title": "X", "masterId": world.master(artist), "decisions": [HOOK, HOOK]}
    assert (await artist.post("/vstudio/sessions", two)).code == "PLAN_LIMIT_REACHED"
    session = await artist.plans(decisions=[HOOK])
    second = await artist.post(f"/vstudio/sessions/{session['id']}/decisions", HOOK)
    assert second.code == "PLAN_LIMIT_REACHED"
    assert second.json["error"]["details"]["ctaType"] == "SUBSCRIBE"
    more = await artist.post("/vstudio/sessions", {"title": "X", "masterId": world.master(artist)})
    assert more.code == "PLAN_LIMIT_REACHED"
    assert (await artist.post(f"/vstudio/sessions/{session['id']}/cancel")).status == 200
    await artist.plans()


async def test_a_planned_session_changes_and_a_live_one_does_not(world: World) -> None:
    artist = world.artist()
    session = await artist.plans()
    path = f"/vstudio/sessions/{session['id']}"
    changed = (await artist.patch(path, {"title": "New", "scheduledStart": "2030-01-01T20:00:00Z"})).data
    assert (changed["title"], changed["status"]) == ("New", "SCHEDULED")
    own = {"viewGating": {"type": "NFT", "requirements": {"nftMasterId": session["masterId"]}}}
    assert (await artist.patch(path, own)).code == "VALIDATION_ERROR"
    late = {"scheduledEnd": "2029-01-01T20:00:00Z"}
    assert (await artist.patch(path, late)).code == "VALIDATION_ERROR"
    await artist.post(f"{path}/start")
    assert (await artist.patch(path, {"title": "Too late"})).code == "INVALID_STATE"


async def test_one_live_session_whoever_races(world: World) -> None:
    artist = world.artist()
    planned = [await artist.plans() for _ in range(4)]
    answers = await asyncio.gather(*(artist.post(f"/vstudio/sessions/{each['id']}/start") for each in planned))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 3
    assert {answer.code for answer in answers if answer.status == 409} == {"CONFLICT"}
    (live,) = [each for each, answer in zip(planned, answers, strict=True) if answer.status == 200]
    await artist.post(f"/vstudio/sessions/{live['id']}/end")
    other = next(each for each in planned if each is not live)
    assert (await artist.post(f"/vstudio/sessions/{other['id']}/start")).data["status"] == "ACTIVE"


async def test_one_session_per_master_whoever_races(world: World) -> None:
    artist = world.artist()
    body = {"title": "Race", "masterId": world.master(artist)}
    answers = await asyncio.gather(*(artist.post("/vstudio/sessions", body) for _ in range(4)))
    assert [answer.status for answer in answers].count(201) == 1


async def test_a_decision_runs_from_open_to_final(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live()
    (hook,) = session["decisions"]
    opened = await artist.does("open", hook)
    assert opened["status"] == "OPEN"
    assert opened["endsAt"] > opened["opensAt"]
    path = f"/vstudio/sessions/{session['id']}"
    assert (await artist.get(path)).data["status"] == "VOTING"
    for choice in "aab":
        await world.vote(hook["id"], choice)
    closed = await artist.does("close", hook)
    assert (closed["status"], closed["winner"], closed["tie"]) == ("CLOSED", "a", False)
    assert closed["results"]["results"] == {"a": 2, "b": 1}
    assert (await artist.get(path)).data["status"] == "ACTIVE"
    final = await artist.does("finalize", hook)
    assert (final["status"], final["winner"], final["override"]) == ("FINALIZED", "a", False)
    assert (await artist.get(path)).data["totalVotes"] == 3
    kinds = [each["type"] for each in await world.live(session["id"])]
    assert kinds == [
        "decision_created", "session_started", "decision_opened", "decision_closed", "decision_finalized",
    ]  # fmt: skip
    for kind in ("decision.opened", "decision.closed", "decision.finalized"):
        assert len(await world.said(kind, hook["id"])) == 1, kind


async def test_a_frame_begins_with_its_type_and_says_when(world: World) -> None:
    session = await world.artist().goes_live()
    for frame in await world.live(session["id"]):
        assert list(frame)[:2] == ["type", "ts"]
        assert frame["ts"] > 1_700_000_000_000


async def test_one_decision_is_open_at_a_time(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live(decisions=[HOOK, {**HOOK, "question": "And then?"}])
    answers = await asyncio.gather(
        *(artist.post(f"/vstudio/decisions/{each['id']}/open") for each in session["decisions"])
    )
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert (await artist.get(f"/vstudio/sessions/{session['id']}")).data["status"] == "VOTING"


async def test_nothing_is_opened_before_the_start(world: World) -> None:
    artist = world.artist()
    session = await artist.plans(decisions=[HOOK])
    answer = await artist.post(f"/vstudio/decisions/{session['decisions'][0]['id']}/open")
    assert answer.code == "INVALID_STATE"
    (row,) = await world.rows("SELECT status FROM vstudio.decisions WHERE session_id = $1", session["id"])
    assert row["status"] == "PENDING"


async def test_time_closes_a_decision_once_whoever_runs_the_timer(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live(decisions=[{**HOOK, "durationSeconds": 10}])
    (hook,) = session["decisions"]
    await artist.does("open", hook)
    await world.vote(hook["id"], "b")
    await world.close_due()
    assert (await world.rows("SELECT status FROM vstudio.decisions WHERE id = $1", hook["id"]))[0]["status"] == "OPEN"
    world.clock.advance(11)
    await asyncio.gather(*(world.close_due() for _ in range(3)))
    (row,) = await world.rows("SELECT status, winning_option FROM vstudio.decisions WHERE id = $1", hook["id"])
    assert (row["status"], row["winning_option"]) == ("CLOSED", "b")
    assert len(await world.said("decision.closed", hook["id"])) == 1


async def test_a_tie_and_silence_need_a_choice(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live(decisions=[HOOK, HOOK | {"question": "Nobody?"}])
    tied, silent = session["decisions"]
    await artist.does("open", tied)
    for choice in "ab":
        await world.vote(tied["id"], choice)
    closed = await artist.does("close", tied)
    assert (closed["tie"], closed["winner"]) == (True, None)
    path = f"/vstudio/decisions/{tied['id']}/finalize"
    assert (await artist.post(path, {})).code == "VALIDATION_ERROR"
    assert (await artist.post(path, {"winningOptionId": "z"})).code == "VALIDATION_ERROR"
    final = (await artist.post(path, {"winningOptionId": "b"})).data
    assert (final["winner"], final["override"]) == ("b", False)
    await artist.does("open", silent)
    await artist.does("close", silent)
    assert (await artist.post(f"/vstudio/decisions/{silent['id']}/finalize", {})).code == "VALIDATION_ERROR"


async def test_a_choice_against_the_votes_is_recorded(world: World) -> None:
    artist = world.artist()
    (hook,) = (await artist.goes_live())["decisions"]
    await artist.does("open", hook)
    await world.vote(hook["id"], "a")
    await artist.does("close", hook)
    final = await artist.does("finalize", hook, {"winningOptionId": "b"})
    assert (final["winner"], final["override"]) == ("b", True)
    assert final["results"]["results"] == {"a": 1, "b": 0}
    (entry,) = await world.said("audit.recorded", hook["id"])
    assert (entry["action"], entry["category"]) == ("decision.overridden", "vstudio")
    assert (await artist.post(f"/vstudio/decisions/{hook['id']}/finalize", {})).code == "INVALID_STATE"


async def test_producers_open_and_close_and_no_more(world: World) -> None:
    artist, producer, stranger = world.artist(), world.someone("PRODUCER"), world.someone("PRODUCER")
    session = await artist.goes_live(producerIds=[producer.user_id])
    (hook,) = session["decisions"]
    assert (await stranger.post(f"/vstudio/decisions/{hook['id']}/open")).code == "FORBIDDEN"
    assert (await producer.post(f"/vstudio/decisions/{hook['id']}/open")).status == 200
    assert (await producer.post(f"/vstudio/decisions/{hook['id']}/close")).status == 200
    refused = await producer.post(f"/vstudio/decisions/{hook['id']}/finalize", {"winningOptionId": "a"})
    assert refused.code == "FORBIDDEN"
    assert (await producer.post(f"/vstudio/sessions/{session['id']}/end")).code == "FORBIDDEN"


async def test_an_end_closes_what_is_open_and_gives_the_master_back(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live()
    (hook,) = session["decisions"]
    await artist.does("open", hook)
    await world.vote(hook["id"], "a")
    ended = (await artist.post(f"/vstudio/sessions/{session['id']}/end")).data
    assert (ended["status"], ended["totalVotes"], ended["locked"]) == ("COMPLETE", 1, False)
    assert ended["decisions"][0]["status"] == "CLOSED"
    await world.carry_out()
    assert world.neighbours.masters[session["masterId"]]["status"] == "DRAFT"
    (told,) = await world.said("session.ended", session["id"])
    assert told["totalVotes"] == 1
    assert (await world.live(session["id"]))[-1]["type"] == "session_ended"
    assert (await artist.post(f"/vstudio/sessions/{session['id']}/end")).code == "INVALID_STATE"


async def test_a_cancelled_session_takes_its_decisions_with_it(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live()
    await artist.does("open", session["decisions"][0])
    cancelled = (await artist.post(f"/vstudio/sessions/{session['id']}/cancel")).data
    assert cancelled["status"] == "CANCELLED"
    assert cancelled["decisions"][0]["status"] == "CANCELLED"
    await world.carry_out()
    assert world.neighbours.masters[session["masterId"]]["status"] == "DRAFT"


async def test_a_cancelled_decision_lets_the_next_be_opened(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live(decisions=[HOOK, HOOK | {"question": "Next?"}])
    first, second = session["decisions"]
    await artist.does("open", first)
    assert (await artist.does("cancel", first))["status"] == "CANCELLED"
    assert (await artist.does("open", second))["status"] == "OPEN"


async def test_a_recap_tells_what_was(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live()
    (hook,) = session["decisions"]
    path = f"/vstudio/sessions/{session['id']}"
    assert (await artist.get(f"{path}/recap")).code == "INVALID_STATE"
    await artist.does("open", hook)
    await world.vote(hook["id"], "a")
    await artist.does("close", hook)
    await artist.does("finalize", hook)
    world.clock.advance(60)
    await artist.post(f"{path}/end")
    recap = (await sent(world, "GET", f"{path}/recap", None, {})).data
    assert recap["durationSeconds"] >= 60
    assert (recap["totalVotes"], recap["locked"]) == (1, False)
    assert [each["type"] for each in recap["keyMoments"]] == [
        "session_started", "decision_opened", "decision_closed", "decision_finalized", "session_ended",
    ]  # fmt: skip


async def test_who_deleted_the_account_leaves_the_vote(world: World) -> None:
    artist, voter = world.artist(), world.someone()
    (hook,) = (await artist.goes_live())["decisions"]
    await artist.does("open", hook)
    await world.vote(hook["id"], "a", weight_milli=3000, user_id=voter.user_id)
    for _ in range(2):
        await world.hears(UserDeleted(user_id=voter.user_id))
    (row,) = await world.rows("SELECT user_id, weight_milli FROM vstudio.votes WHERE decision_id = $1", hook["id"])
    assert (row["user_id"], row["weight_milli"]) == (None, 3000)
    assert (await artist.does("close", hook))["results"]["weights"]["a"] == 3000


async def test_an_archived_master_ends_its_session(world: World) -> None:
    artist = world.artist()
    session = await artist.plans()
    event = MasterUpdated(master_id=session["masterId"], artist_id=artist.user_id, status="ARCHIVED")
    for _ in range(2):
        await world.hears(event)
    assert (await artist.get(f"/vstudio/sessions/{session['id']}")).data["status"] == "CANCELLED"


async def test_a_sale_is_linked_to_the_session_that_locked(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live(decisions=[])
    await artist.post(f"/vstudio/sessions/{session['id']}/lock")
    await world.carry_out()
    ipo_id = str(new_id())
    event = IpoLaunched(
        master_id=session["masterId"], artist_id=artist.user_id, ipo_id=ipo_id, chain_id=1, artist_wallet="0x0",
        total_shares=10, public_supply=9, price_wei="1",
    )  # fmt: skip
    await world.hears(event)
    recap = (await artist.get(f"/vstudio/sessions/{session['id']}/recap")).data
    assert (recap["locked"], recap["ipoId"]) == (True, ipo_id)


async def test_asking_again_with_the_same_key_is_answered_as_before(world: World) -> None:
    artist = world.artist()
    session = await artist.plans()
    path = f"/vstudio/sessions/{session['id']}/start"
    first = await artist.post(path, key="once-and-for-all")
    again = await artist.post(path, key="once-and-for-all")
    assert first.status == again.status == 200
    assert first.data == again.data


async def test_a_vote_that_races_a_close_is_counted_or_refused(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live()
    (hook,) = session["decisions"]
    await artist.does("open", hook)
    voters = [world.someone() for _ in range(20)]
    body = {"decisionId": hook["id"], "choice": "a"}
    path = f"/vstudio/sessions/{session['id']}/vote"
    racing = [voter.post(path, body) for voter in voters]
    closing = artist.post(f"/vstudio/decisions/{hook['id']}/close")
    answers = await asyncio.gather(*racing[:10], closing, *racing[10:])
    closed = answers.pop(10)
    assert {answer.code for answer in answers if answer.status != 201} <= {"DECISION_CLOSED"}
    taken = sum(answer.status == 201 for answer in answers)
    (row,) = await world.rows("SELECT count(*) AS votes FROM vstudio.votes WHERE decision_id = $1", hook["id"])
    assert closed.data["results"]["totalVotes"] == taken == row["votes"]
