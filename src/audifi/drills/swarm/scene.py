"""Make the session a swarm watches: an artist, a recording, one decision that lets people change their minds.

Between: play (asks) and the SDK; people are the journey's.
Shape: an artist on FREE has one session with one decision: exactly what is needed. With an id of a session that exists,
its open decision is taken instead, and nothing of it is changed at the end.
Invariant: what was made is ended: the session is over when the swarm is.
Units: *_s seconds.
Errors: Problem; Mismatch when the session that was named has no open decision.
Source: domain.md 2.3.
"""

from dataclasses import dataclass
from typing import Any, Final

from audifi.drills.journey import people
from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.people import Person
from audifi.drills.journey.stage import Stage
from audifi.sdk import Audifi

OPTIONS: Final = ("Rain", "Neon", "Static", "Silence")
LASTS_S: Final = 3600
OPEN_TO_ALL: Final = {"type": "OPEN"}


@dataclass(frozen=True)
class Scene:
    """What is watched."""

    session_id: str
    decision_id: str
    options: tuple[str, ...]  # their ids
    artist: Person | None  # who may end it; None when it is somebody else's

    async def over(self) -> None:
        """End what was made."""
        if self.artist is not None:
            await self.artist.client.vstudio.end(self.session_id)


async def made(stage: Stage) -> Scene:
    """Let an artist go live with one open decision."""
    artist = await _artist(stage)
    title = f"Swarm {stage.run}"
    master = await artist.client.masters.create(title=title, type="TRACK", genre="Techno", durationSeconds=1)
    asked: dict[str, Any] = {
        "type": "POLL",
        "question": "How does it end?",
        "options": [{"label": label} for label in OPTIONS],
        "durationSeconds": LASTS_S,
        "allowVoteChange": True,
    }
    vstudio = artist.client.vstudio
    session = await vstudio.create(
        masterId=master.id,
        title=title,
        viewGating=OPEN_TO_ALL,
        voteGating=OPEN_TO_ALL,
        chatEnabled=True,
        reactionsEnabled=True,
    )
    decision = await vstudio.create_decision(session.id, **asked)
    await vstudio.start(session.id)
    await vstudio.open_decision(session.id, decision.id)
    return Scene(session.id, decision.id, tuple(option.id for option in decision.options), artist)


async def _artist(stage: Stage) -> Person:
    artist = await people.signed_in(stage, f"swarm-artist-{stage.run}@example.org")
    await people.enrol(artist)
    await people.agree(artist, "ARTIST")
    await artist.client.user.become_artist(f"Swarm {stage.run}", consents=[], genre="Techno")
    await people.renewed(artist)
    return artist


async def found(client: Audifi, session_id: str) -> Scene:
    """Take the open decision of a session that exists."""
    for decision in await client.vstudio.decisions(session_id):
        if decision.status == "OPEN" and decision.options:
            return Scene(session_id, decision.id, tuple(option.id for option in decision.options), None)
    raise Mismatch(f"session {session_id} has no open decision with options to vote for")
