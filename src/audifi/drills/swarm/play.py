"""Play one swarm: people come, vote, something breaks, everybody is asked what they saw.

Between: cli.swarm and tests (call `swarmed`) and everything of this folder.
Shape: Wanted says what to play; an Outcome is what came of it: the verdict by sentence, and the figures.
Invariant: a run that does not come to its end is a JourneyFailed; one that does, and whose history is wrong, is an
Outcome with faults.
Units: *_ms milliseconds; *_us microseconds since the epoch; *_s seconds; *_per_s.
Errors: JourneyFailed.
Source: issue 5; realtime.md 4.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from audifi.drills.journey import losses, people
from audifi.drills.journey.crowd import together
from audifi.drills.journey.narration import Narrator
from audifi.drills.journey.people import Person
from audifi.drills.journey.stage import Stage, own_address, stage
from audifi.drills.swarm import places, scene, voters
from audifi.drills.swarm.crowd import Order
from audifi.drills.swarm.crowds import Crowds, crowds
from audifi.drills.swarm.faults import Fault, broken
from audifi.drills.swarm.history import Counted, History
from audifi.drills.swarm.outcome import Outcome, outcome
from audifi.drills.swarm.scene import Scene
from audifi.drills.swarm.seconds import Seconds
from audifi.drills.swarm.viewer import Watching, now_us
from audifi.drills.swarm.voters import Voter, Voting
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, wait_for

BACK_WITHIN_S: Final = 60.0
LEVEL_WITHIN_S: Final = 30.0
QUIET_S: Final = 2.5  # two reports of each process, and a tick


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to play."""

    viewers: int
    votes_per_s: float = 3.0
    seconds: float = 20.0
    session_id: str | None = None
    stalled_percent: float = 0.0
    is_direct: bool = False  # to the pods, past the edge
    fault: Fault | None = None
    comes_back: bool = True  # viewers, after a loss; false only as a sabotage


async def swarmed(instance: Instance, wanted: Wanted, narrator: Narrator) -> tuple[Outcome, History]:
    """Play it on a running platform."""
    async with stage(instance) as opened:
        async with narrator.step("a session with an open decision"):
            guest = await opened.client()
            told = wanted.session_id
            made = await scene.made(opened) if told is None else await scene.found(guest, told)
        async with narrator.step("voters sign up"):
            found = await _people(opened, voters.needed(wanted.votes_per_s))
            narrator.note(f"{len(found)} people, each within the limits of one")
        with tempfile.TemporaryDirectory() as directory:
            run = _Run(opened, wanted, narrator, made)
            return await run.played(found, Path(directory))


async def _people(opened: Stage, count: int) -> list[Person]:
    async def one(number: int) -> Person:
        return await people.signed_in(opened, f"voter-{opened.run}-{number}@example.org")

    return await together(one, range(count))


@dataclass
class _Run:
    """One swarm on its way."""

    stage: Stage
    wanted: Wanted
    narrator: Narrator
    scene: Scene
    faults: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    async def played(self, found: list[Person], directory: Path) -> tuple[Outcome, History]:
        session_id = self.scene.session_id
        ways = places.lanes(self.stage, is_direct=self.wanted.is_direct)
        watching = places.watching(self.stage, session_id, ways)
        voting = self._voting(found, watching)
        plans = places.plans(self.stage, session_id, ways, self.wanted.viewers, directory)
        for plan in plans:
            plan.comes_back = self.wanted.comes_back
        async with crowds(plans) as crowd:
            async with self._told(crowd, voting):
                await self._come(crowd, voting)
                await self._vote(crowd, voting)
                async with self.narrator.step("everybody has the same"):
                    await self._settled(crowd, voting)
            until_us, trouble = now_us(), crowd.together().trouble + watching.trouble
            async with self.narrator.step("they tell what they saw"):
                history = await crowd.ended()
                voting.leave()
                history.add(voting.history(watching))
                history.counted = [await self._counted()]
                history.faults = self.faults
                await self.scene.over()
        found_out = outcome(history, until_us=until_us, trouble=dict(trouble))
        return found_out, history

    def _voting(self, found: Iterable[Person], watching: Watching) -> Voting:
        made = [
            Voter(voters.NUMBERS_FROM + number, own_address(), watching, person) for number, person in enumerate(found)
        ]
        return Voting(made, self.scene.decision_id, self.scene.options, self.wanted.votes_per_s)

    # What happens.

    @asynccontextmanager
    async def _told(self, crowd: Crowds, voting: Voting) -> AsyncGenerator[None]:
        """Say every second how it goes."""
        teller = asyncio.create_task(self._tell(crowd, voting))
        try:
            yield
        finally:
            teller.cancel()
            await asyncio.gather(teller, return_exceptions=True)

    async def _tell(self, crowd: Crowds, voting: Voting) -> None:
        seconds = Seconds()
        while True:
            await asyncio.sleep(1)
            now = seconds.next(self.narrator.elapsed_s, crowd.together(), voting.votes)
            self.narrator.tell(now.as_json())

    async def _come(self, crowd: Crowds, voting: Voting) -> None:
        viewers = self.wanted.viewers
        async with self.narrator.step(f"{viewers} viewers come"):
            within_s = BACK_WITHIN_S + viewers / places.CONNECTS_PER_S * 4
            await wait_for(lambda: _all_there(crowd, viewers), within_s=within_s, saying="all viewers are live")
            for voter in voting.voters:
                voter.start()
            await wait_for(lambda: _voters_there(voting), within_s=BACK_WITHIN_S, saying="all voters are live")
            if self.wanted.stalled_percent:
                await crowd.order(Order(do="stall", percent=self.wanted.stalled_percent))

    async def _vote(self, crowd: Crowds, voting: Voting) -> None:
        async with self.narrator.step(f"{self.wanted.votes_per_s:g} votes a second for {self.wanted.seconds:g} s"):
            steadily = asyncio.create_task(voting.steadily())
            try:
                await asyncio.sleep(self.wanted.seconds / 3)
                if self.wanted.fault is not None:
                    await self._break(crowd, self.wanted.fault)
                await asyncio.sleep(self.wanted.seconds * 2 / 3)
                if self.wanted.comes_back:
                    await wait_for(lambda: _all_there(crowd, 0), within_s=BACK_WITHIN_S, saying="all viewers are live")
            finally:
                steadily.cancel()
                await asyncio.gather(steadily, return_exceptions=True)
                await voting.finished(BACK_WITHIN_S)
            if voting.late:
                self.narrator.note(f"{voting.late} votes were not cast: everybody still waited for an answer")

    async def _break(self, crowd: Crowds, fault: Fault) -> None:
        began_us = now_us()
        dice = Random(self.stage.run)  # noqa: S311  # dice, not a secret
        done = await broken(self.stage, crowd, self.scene.session_id, fault, dice)
        self.faults.append((began_us, f"{fault}: {done}"))
        self.narrator.note(done)
        await losses.whole_again(self.stage)

    async def _settled(self, crowd: Crowds, voting: Voting) -> None:
        """Wait until everybody has the newest, and that for a while nothing newer came."""
        if not self.wanted.comes_back:
            await asyncio.sleep(QUIET_S)
            return
        since_s, newest = self.narrator.elapsed_s, (-1, -1)

        async def look() -> None:
            nonlocal since_s, newest
            found = await self._level(crowd, voting)
            if found != newest:
                since_s, newest = self.narrator.elapsed_s, found
            if self.narrator.elapsed_s - since_s < QUIET_S:
                raise NotReady(f"everybody is at {newest}, but only just")

        await wait_for(look, within_s=LEVEL_WITHIN_S, saying="all are level")

    async def _level(self, crowd: Crowds, voting: Voting) -> tuple[int, int]:
        """Raise NotReady unless everybody who reads has the newest event and the newest tally."""
        crowd.check()
        now = crowd.together()
        newest = max(now.newest, *((voter.seq, voter.version) for voter in voting.voters))
        behind = [voter.number for voter in voting.voters if (voter.seq, voter.version) != newest]
        wanted = crowd.viewers - now.stalled
        if behind or (now.level, now.newest) != (wanted, newest):
            raise NotReady(f"{now.level} of {wanted} viewers at {now.newest}, {len(behind)} voters behind {newest}")
        return newest

    async def _counted(self) -> Counted:
        """What the platform says in the end."""
        client = await self.stage.client()
        found = await client.vstudio.stats(self.scene.session_id, self.scene.decision_id)
        return Counted(decision_id=found.decision_id, results=found.results, total_votes=found.total_votes)


async def _all_there(crowd: Crowds, viewers: int) -> None:
    crowd.check()
    now = crowd.together()
    wanted = viewers or crowd.viewers - now.stalled
    if now.live < wanted:
        raise NotReady(f"{now.live} of {wanted} are live; {dict(now.trouble)}")


async def _voters_there(voting: Voting) -> None:
    missing = [voter.number for voter in voting.voters if not voter.is_live or voter.seq < 0]
    if missing:
        raise NotReady(f"{len(missing)} are not")
