"""A master is locked exactly once, whatever nft-service refuses, loses or does not answer."""

import asyncio
from typing import Any

import pytest
from tests.component.vstudio.sessions.driver import HOOK, Person, World

from audifi.services.vstudio.sagas import wishes

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _decided(artist: Person) -> Any:
    """A live session whose one decision is final."""
    session = await artist.goes_live()
    (hook,) = session["decisions"]
    await artist.does("open", hook)
    await artist.world.vote(hook["id"], "b")
    await artist.does("close", hook)
    await artist.does("finalize", hook)
    return session


async def _asked(artist: Person, session: Any) -> None:
    answer = await artist.post(f"/vstudio/sessions/{session['id']}/lock")
    assert (answer.status, answer.data["status"]) == (202, "LOCKED")


async def _status(world: World, session: Any) -> tuple[str, bool]:
    (row,) = await world.rows("SELECT status, is_locked FROM vstudio.sessions WHERE id = $1", session["id"])
    return row["status"], row["is_locked"]


async def test_what_was_decided_becomes_the_masters(world: World) -> None:
    artist, fan = world.artist(), world.someone()
    session = await _decided(artist)
    await world.execute(
        "INSERT INTO vstudio.participants (session_id, user_id, role) VALUES ($1, $2, 'viewer')",
        session["id"],
        fan.user_id,
    )
    await _asked(artist, session)
    await world.carry_out()
    assert await _status(world, session) == ("COMPLETE", True)
    master = world.neighbours.masters[session["masterId"]]
    assert (master["status"], master["vstudioSessionId"]) == ("LOCKED", session["id"])
    ((decided,),) = world.neighbours.locked[session["id"]]
    assert (decided["question"], decided["winner"], decided["totalVotes"]) == ("Which hook?", "B", 1)
    assert world.neighbours.took_part[session["id"]] == [fan.user_id]
    assert [each["type"] for each in await world.live(session["id"])][-3:] == [
        "session_updated", "session_locked", "session_ended",
    ]  # fmt: skip
    (told,) = await world.said("session.locked", session["id"])
    assert told["totalVotes"] == 1
    (entry,) = await world.said("audit.recorded", session["id"])
    assert entry["action"] == "session.lock_asked"


async def test_nothing_is_locked_before_everything_is_decided(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live(decisions=[HOOK, HOOK | {"question": "And?"}])
    first, second = session["decisions"]
    lock = f"/vstudio/sessions/{session['id']}/lock"
    refused = await artist.post(lock)
    assert refused.code == "INVALID_STATE"
    assert refused.json["error"]["details"]["undecided"] == [first["id"], second["id"]]
    await artist.does("cancel", second)
    await artist.does("open", first)
    assert (await artist.post(lock)).code == "INVALID_STATE"
    await artist.does("close", first)
    assert (await artist.post(lock)).code == "INVALID_STATE"
    await artist.does("finalize", first, {"winningOptionId": "a"})
    await _asked(artist, session)
    assert (await artist.post(lock)).code == "INVALID_STATE"


async def test_while_locking_nothing_else_happens(world: World) -> None:
    artist = world.artist()
    session = await _decided(artist)
    path = f"/vstudio/sessions/{session['id']}"
    other = await artist.plans()
    await _asked(artist, session)
    assert (await artist.post(f"{path}/decisions", HOOK)).code == "INVALID_STATE"
    for verb in ("end", "cancel", "start"):
        assert (await artist.post(f"{path}/{verb}")).code == "INVALID_STATE", verb
    # A refused lock makes this session live again: no other may be meanwhile.
    assert (await artist.post(f"/vstudio/sessions/{other['id']}/start")).code == "CONFLICT"
    await world.carry_out()
    assert (await artist.post(f"/vstudio/sessions/{other['id']}/start")).status == 200


async def test_a_refusal_lets_the_session_go_on(world: World) -> None:
    artist = world.artist()
    session = await _decided(artist)
    world.neighbours.mischief[session["masterId"], "lock"] = "refused"
    await _asked(artist, session)
    await world.carry_out()
    assert await _status(world, session) == ("ACTIVE", False)
    shown = (await artist.get(f"/vstudio/sessions/{session['id']}")).data
    assert shown["statusReason"].startswith("INVALID_STATE")
    assert (await world.live(session["id"]))[-1]["status"] == "ACTIVE"
    world.neighbours.mischief.clear()
    await _asked(artist, session)
    await world.carry_out()
    assert await _status(world, session) == ("COMPLETE", True)


@pytest.mark.parametrize("how", ["away", "lost"])
async def test_no_answer_is_no_refusal(world: World, how: str) -> None:
    artist = world.artist()
    session = await _decided(artist)
    world.neighbours.mischief[session["masterId"], "lock"] = how
    await _asked(artist, session)
    for _ in range(3):
        await world.carry_out()
        assert await _status(world, session) == ("LOCKED", False)
    world.neighbours.mischief.clear()
    await world.carry_out()
    assert await _status(world, session) == ("COMPLETE", True)
    assert len(world.neighbours.locked[session["id"]]) == 1
    assert len(await world.said("session.locked", session["id"])) == 1


async def test_a_wish_is_not_asked_for_again_before_its_time(world: World) -> None:
    artist = world.artist()
    session = await _decided(artist)
    world.neighbours.mischief[session["masterId"], "lock"] = "away"
    await _asked(artist, session)
    await world.carry_out()
    asked = world.neighbours.asked.count(f"lock {session['masterId']}")
    await wishes.carry_out_due(world.parts)
    assert world.neighbours.asked.count(f"lock {session['masterId']}") == asked
    world.clock.advance(wishes.RETRY_S + 1)
    await wishes.carry_out_due(world.parts)
    assert world.neighbours.asked.count(f"lock {session['masterId']}") == asked + 1
    world.neighbours.mischief.clear()
    await world.carry_out()


async def test_three_pods_at_once_lock_once(world: World) -> None:
    artist = world.artist()
    session = await _decided(artist)
    await _asked(artist, session)
    await asyncio.gather(*(wishes.carry_out(world.parts, session["id"]) for _ in range(3)))
    assert await _status(world, session) == ("COMPLETE", True)
    assert len(world.neighbours.locked[session["id"]]) == 1
    assert len(await world.said("session.locked", session["id"])) == 1
    kinds = [each["type"] for each in await world.live(session["id"])]
    assert (kinds.count("session_locked"), kinds.count("session_ended")) == (1, 1)


class _Died(Exception):
    """The pod died here."""


@pytest.mark.parametrize("where", ["_ask", "_taken"])
async def test_a_pod_that_dies_at_any_line_leaves_the_wish(
    world: World, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    artist = world.artist()
    session = await _decided(artist)
    await _asked(artist, session)

    async def die(*_: object) -> None:
        raise _Died

    with monkeypatch.context() as patched:
        patched.setattr(wishes, where, die)
        with pytest.raises(_Died):
            await wishes.carry_out(world.parts, session["id"])
    assert await _status(world, session) == ("LOCKED", False)
    world.clock.advance(wishes.LEASE_S + 1)
    await wishes.carry_out_due(world.parts)
    assert await _status(world, session) == ("COMPLETE", True)
    assert len(world.neighbours.locked[session["id"]]) == 1
    assert len(await world.said("session.locked", session["id"])) == 1


async def test_a_refusal_that_comes_after_the_acknowledgement_changes_nothing(world: World) -> None:
    artist = world.artist()
    session = await _decided(artist)
    await _asked(artist, session)
    async with world.parts.database.transaction() as tx:
        claimed = await wishes.sessions.claim_wish(tx, session["id"], until=world.clock.now())
    assert claimed is not None
    await world.carry_out()
    await wishes.refused(world.parts, claimed, wishes.Refusal("late"))
    assert await _status(world, session) == ("COMPLETE", True)
