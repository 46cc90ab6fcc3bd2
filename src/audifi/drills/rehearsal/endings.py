"""Play the rehearsal's end: a network breaks, a lock is refused, a lock succeeds, everything is taken away.

Between: play (calls the acts in order), acts (what came before), seats and the SDK.
Invariant: an account that cannot be deleted, because it holds something, is said to be left; nobody else's is touched.
Units: *_s seconds.
Errors: Problem, TimedOut, Mismatch.
Source: domain.md 7 "V Studio rehearsal", step 6, "Asserts" and clean-up.
"""

from typing import Final

from audifi.drills.journey.narration import Narrator, expect
from audifi.drills.rehearsal.acts import Rehearsal, refused
from audifi.drills.rehearsal.cast import Cast
from audifi.drills.rehearsal.link import Link
from audifi.drills.rehearsal.seats import Seat
from audifi.local.waiting import NotReady, wait_for
from audifi.wire.problems import Forbidden, InvalidState, Refusal

LOCKED_WITHIN_S: Final = 30.0


async def cut_off(rehearsal: Rehearsal, link: Link, speaker: Seat, stranger: Seat) -> None:
    """Viewer 2's network breaks; what was missed is there afterwards, once and in order."""
    async with rehearsal.narrator.step("viewer 2's network breaks; nothing of what was said meanwhile is lost"):
        expect("whether a connection broke", link.cut() > 0, expected=True)
        lines = [f"line {number}" for number in range(3)]
        for line in lines:
            await speaker.live.chat(line)
        for line in lines:
            await stranger.hears("chat_message", text=line)
        stranger.check()
        said = [frame["text"] for frame in stranger.seen if frame["type"] == "chat_message" and frame["text"] in lines]
        expect("what viewer 2 read after coming back", said, lines)


async def lock_refused(rehearsal: Rehearsal) -> None:
    """Lock is impossible while a decision is not final."""
    cast, session_id = rehearsal.cast, rehearsal.session.id
    async with rehearsal.narrator.step("she cannot lock while a decision is not final, and nobody else ever can"):
        await refused("a lock with a decision left", cast.artist.client.vstudio.lock(session_id), InvalidState)
        for person in (cast.producer, cast.holder):
            await refused("somebody else locks", person.client.vstudio.lock(session_id), Forbidden)


async def locked(rehearsal: Rehearsal, *seats: Seat) -> None:
    """Step 6: the master is locked, the session complete."""
    cast, session_id = rehearsal.cast, rehearsal.session.id
    async with rehearsal.narrator.step("she locks: the master is LOCKED, the session COMPLETE"):
        await cast.artist.client.vstudio.lock(session_id)

        async def complete() -> None:
            found = await cast.artist.client.vstudio.find(session_id)
            master = await cast.artist.client.masters.find(cast.master.id)
            if (found.status, master.status) != ("COMPLETE", "LOCKED"):
                raise NotReady(f"the session is {found.status}, the master {master.status}")

        await wait_for(complete, within_s=LOCKED_WITHIN_S, saying="the session is COMPLETE", every_s=0.5)
        for seat in seats:
            await seat.hears("session_locked", masterId=cast.master.id)
    async with rehearsal.narrator.step("everything anybody saw was in order, and came once"):
        for seat in seats:
            seat.check()


async def cleaned_up(cast: Cast, narrator: Narrator) -> None:
    """Delete the accounts, as their owners may."""
    async with narrator.step("the accounts are deleted"):
        for person in (cast.stranger, cast.producer, cast.holder, cast.artist, cast.administrator):
            try:
                await person.client.user.delete()
            except Refusal as refusal:
                narrator.note(f"{person.email} stays: {refusal.code}")
