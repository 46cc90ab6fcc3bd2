"""Play the rehearsal in order.

Between: cli.rehearsal and tests (call `rehearsed`) and the acts.
Shape: four people watch at once: the artist, the producer, who holds a share, and who holds nothing, behind a network
of their own, which breaks.
Units: *_s seconds.
Errors: JourneyFailed.
Source: domain.md 7 "V Studio rehearsal".
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from audifi.drills.journey.narration import Narrator, expect
from audifi.drills.journey.stage import Stage, Telling, stage
from audifi.drills.journey.story import Story
from audifi.drills.rehearsal import acts, endings, plan
from audifi.drills.rehearsal.acts import Rehearsal
from audifi.drills.rehearsal.cast import Cast, gathered
from audifi.drills.rehearsal.link import link
from audifi.drills.rehearsal.seats import seated
from audifi.local import resolution
from audifi.local.state import Instance
from audifi.sdk import VstudioSession
from audifi.wire.problems import Forbidden

FANS = 2  # of the earlier master's sale; only one share of it is bought


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """One rehearsal, signed off."""

    run: str
    took_s: float
    session_id: str
    votes: dict[str, dict[str, int]]  # by question

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "tookS": round(self.took_s, 1),
            "sessionId": self.session_id,
            "votes": self.votes,
        }


async def rehearsed(instance: Instance, narrator: Narrator) -> Rehearsed:
    """Play it on a running platform."""
    async with stage(instance) as opened:
        telling = Telling(opened, Story.drawn(FANS, 1), narrator)
        cast = await gathered(telling)
        async with narrator.step("she plans the session and its three decisions, and goes live"):
            session = await _live(cast, opened.run)
        rehearsal = Rehearsal(cast, narrator, session)
        rehearsal.decisions = {each.question: each for each in await cast.artist.client.vstudio.decisions(session.id)}
        await _watched(opened, rehearsal)
        await endings.cleaned_up(cast, narrator)
        return Rehearsed(run=opened.run, took_s=narrator.elapsed_s, session_id=session.id, votes=rehearsal.votes)


async def _live(cast: Cast, run: str) -> VstudioSession:
    vstudio = cast.artist.client.vstudio
    fields = plan.session(
        run,
        master_id=cast.master.id,
        earlier_id=cast.earlier.id,
        producer_id=cast.producer.id,
        now=datetime.now(UTC),
    )
    session = await vstudio.create(**fields)
    expect("the planned session", session.status, "SCHEDULED")
    for asked in plan.decisions():
        await vstudio.create_decision(session.id, **asked)
    await acts.refused("a session with somebody else's master", cast.holder.client.vstudio.create(**fields), Forbidden)
    session = await vstudio.start(session.id)
    expect("the session", session.status, "ACTIVE")
    return session


async def _watched(opened: Stage, rehearsal: Rehearsal) -> None:
    """Seat the people, and play what they came for."""
    cast, session_id, narrator = rehearsal.cast, rehearsal.session.id, rehearsal.narrator
    edge = resolution.port(opened.instance, opened.topology, "edge-1", "https")
    host = opened.topology.domain("ws").host
    async with AsyncExitStack() as seats:
        network = await seats.enter_async_context(link(edge))
        async with narrator.step("everybody sits down: the artist, the producer, viewers 1 and 2"):
            artist = await seats.enter_async_context(seated(cast.artist, session_id))
            producer = await seats.enter_async_context(seated(cast.producer, session_id))
            holder = await seats.enter_async_context(seated(cast.holder, session_id))
            bare_url = f"wss://{host}:{network.port}/vstudio/{session_id}"
            stranger = await seats.enter_async_context(seated(cast.stranger, session_id, bare_url=bare_url))
            expect("the artist's role", artist.snapshot["you"]["role"], "artist")
            expect("viewer 1's role", holder.snapshot["you"]["role"], "token_holder")
            expect("viewer 2 may vote", stranger.snapshot["you"]["eligible"], expected=False)
        everybody = [artist, producer, holder, stranger]
        await acts.contributed(rehearsal, artist, producer)
        await acts.hooked(rehearsal, everybody, holder, stranger)
        await endings.cut_off(rehearsal, network, holder, stranger)
        await acts.raced(rehearsal, holder)
        await endings.lock_refused(rehearsal)
        await acts.painted(rehearsal, everybody, holder, stranger)
        await endings.locked(rehearsal, *everybody)
