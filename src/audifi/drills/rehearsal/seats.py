"""Let somebody watch a session live, and remember everything they were shown.

Between: acts (ask what was seen) and sdk.live.
Shape: a Seat reads events in the background; `hears` waits for one, `sees` for a tally.
Invariant: events are kept in the order in which the program got them; `check` says whether that order is whole.
Units: *_s seconds.
Errors: TimedOut says what did not come, and what came last; Mismatch for an order that is not whole.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.people import Person
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk.live import Ended, Live

COMES_WITHIN_S: Final = 15.0  # a reconnect with its pause included
Frame = dict[str, Any]


@dataclass
class Seat:
    """One person's view."""

    person: Person
    live: Live
    seen: list[Frame] = field(default_factory=list[Frame])

    @property
    def snapshot(self) -> Frame:
        """The newest whole state this person was given."""
        assert self.live.snapshot is not None, "it is there before anybody is let in"
        return self.live.snapshot

    async def hears(self, type_: str, **fields: Any) -> Frame:
        """Wait until an event of this type with these fields was shown."""

        async def look() -> Frame:
            for frame in reversed(self.seen):
                if frame["type"] == type_ and all(frame.get(name) == value for name, value in fields.items()):
                    return frame
            if self.live.state == "closed":
                raise Mismatch(f"{self.person.email} was sent away: {self.live.reason}")
            raise NotReady(f"seen so far: {[each['type'] for each in self.seen[-5:]]}, {self.live.state}")

        saying = f"{self.person.email} hears {type_} {fields}"
        return await wait_for(look, within_s=COMES_WITHIN_S, saying=saying)

    async def sees(self, decision_id: str, results: dict[str, int]) -> None:
        """Wait until the newest tally of this decision is this one."""

        async def look() -> None:
            # Who came after the last vote is told the tally by the snapshot, and of none since.
            update = self.live.states.get(f"vote_update:{decision_id}")
            found = self._of_snapshot(decision_id) if update is None else update["results"]
            if _votes(found) != results:
                raise NotReady(f"the tally is {found}")

        saying = f"{self.person.email} sees the tally {results}"
        await wait_for(look, within_s=COMES_WITHIN_S, saying=saying)

    def _of_snapshot(self, decision_id: str) -> Any:
        decisions = (self.live.snapshot or {}).get("decisions", [])
        return next((each.get("results") for each in decisions if each["id"] == decision_id), None)

    async def watched(self) -> None:
        """Read until the session is over."""
        with suppress(Ended):
            async for frame in self.live:
                self.seen.append(frame)

    def check(self) -> None:
        """Raise Mismatch unless every event came once and in order, or a snapshot in place of what was missed."""
        seq = -1
        for frame in self.seen:
            found = int(frame["seq"])
            if frame["type"] != "session_state" and seq >= 0 and found != seq + 1:
                raise Mismatch(f"{self.person.email} got event {found} ({frame['type']}) after {seq}")
            seq = max(seq, found)


def _votes(results: Any) -> dict[str, int]:
    """A tally without the options nobody chose."""
    return {option: count for option, count in dict(results or {}).items() if count}


@asynccontextmanager
async def seated(person: Person, session_id: str, *, bare_url: str | None = None) -> AsyncGenerator[Seat]:
    """Sit down, and be brought up to date."""
    async with person.client.live(session_id, bare_url=bare_url) as live:
        seat = Seat(person, live)
        watching = asyncio.create_task(seat.watched())
        try:
            await seat.hears("session_state")
            yield seat
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
