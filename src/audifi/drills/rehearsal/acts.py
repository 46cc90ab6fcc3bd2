"""Play the rehearsal's steps until everything is decided: contribute, vote, be refused, close, choose.

Between: play (calls the acts in order), seats (what people saw) and the SDK (what people do).
Shape: a Rehearsal is what every act needs; decisions are known by their question.
Invariant: whatever is refused is tried by somebody who must not do it, and the session is the same afterwards.
Units: *_s seconds.
Errors: Problem, TimedOut, Mismatch.
Source: domain.md 7 "V Studio rehearsal", steps 2-5 and "Asserts".
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final

from audifi.drills.journey.narration import Mismatch, Narrator, expect
from audifi.drills.rehearsal import contributions, plan
from audifi.drills.rehearsal.cast import Cast
from audifi.drills.rehearsal.seats import Seat, seated
from audifi.sdk import VstudioSession
from audifi.sdk.records.vstudio import Decision
from audifi.wire.problems import AlreadyVoted, DecisionClosed, Forbidden, NotEligible, Problem, Refusal

HINT: Final = "BUY_NFT"


@dataclass
class Rehearsal:
    """One session, its people, and where they sit."""

    cast: Cast
    narrator: Narrator
    session: VstudioSession
    decisions: dict[str, Decision] = field(default_factory=dict[str, Decision])  # by question
    votes: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])  # by question: what must count

    def asked(self, question: str) -> Decision:
        return self.decisions[question]

    def option(self, question: str, place: int) -> str:
        """The id of an option by its place, from 0."""
        return self.asked(question).options[place].id

    async def opened(self, question: str, *seats: Seat) -> Decision:
        """Let the artist take votes; everybody hears of it."""
        found = await self.cast.artist.client.vstudio.open_decision(self.session.id, self.asked(question).id)
        expect(f"“{question}”", found.status, "OPEN")
        self.votes[question] = {}
        self.decisions[question] = found
        for seat in seats:
            await seat.hears("decision_opened", decisionId=found.id)
        return found

    async def closed(self, question: str, *seats: Seat) -> Decision:
        """Let the artist count the votes; the count is what was acknowledged."""
        found = await self.cast.artist.client.vstudio.close_decision(self.session.id, self.asked(question).id)
        expect(f"“{question}”", found.status, "CLOSED")
        expect(f"the votes of “{question}”", counted(found), self.votes[question])
        for seat in seats:
            await seat.hears("decision_closed", decisionId=found.id)
        return found

    async def finalized(self, question: str, winner: str | None, *seats: Seat) -> Decision:
        """Let the artist decide."""
        vstudio = self.cast.artist.client.vstudio
        found = await vstudio.finalize_decision(self.session.id, self.asked(question).id, winner=winner)
        expect(f"“{question}”", found.status, "FINALIZED")
        for seat in seats:
            heard = await seat.hears("decision_finalized", decisionId=found.id)
            expect("the winner everybody hears of", winner in (None, heard["winner"]), expected=True)
        return found

    def count(self, question: str, choice: str) -> None:
        """Remember a vote that was acknowledged."""
        votes = self.votes[question]
        votes[choice] = votes.get(choice, 0) + 1


def counted(decision: Decision) -> dict[str, int]:
    """What a closed decision says, without the options nobody chose."""
    results = {} if decision.results is None else decision.results.results
    return {option: count for option, count in results.items() if count}


async def refused(what: str, work: Awaitable[object], *kinds: type[Problem]) -> Problem:
    """Raise Mismatch unless it is refused in one of these ways."""
    try:
        await work
    except kinds as problem:
        return problem
    raise Mismatch(f"{what}\n    expected {' or '.join(kind.__name__ for kind in kinds)}\n    found    it was done")


async def contributed(rehearsal: Rehearsal, artist: Seat, producer: Seat) -> None:
    """Step 2, and the artist's answer of step 5: an accepted hook becomes an option, a rejected one does not."""
    cast, session_id = rehearsal.cast, rehearsal.session.id
    hook = rehearsal.asked(plan.HOOK)
    async with rehearsal.narrator.step("the producer offers two hooks and says so in the chat"):
        expect("the producer's role in the session", producer.snapshot["you"]["role"], "producer")
        offer = await contributions.offered(
            cast.producer, session_id, hook.id, label="Hook C", audioUrl="https://example.org/hook-c.wav"
        )
        other = await contributions.offered(cast.producer, session_id, hook.id, label="Hook D", text="Hum it twice.")
        await producer.live.chat("I sent you two hooks.")
        await artist.hears("chat_message", text="I sent you two hooks.")
        await refused(
            "a viewer offers a hook",
            contributions.offered(cast.stranger, session_id, hook.id, label="Hook E", text="Mine!"),
            Forbidden,
            NotEligible,
        )
    async with rehearsal.narrator.step("she accepts one and rejects the other; the producer hears of both"):
        await refused(
            "a producer accepts a contribution",
            contributions.judged(cast.producer, session_id, offer, "ACCEPTED"),
            Forbidden,
        )
        await contributions.judged(cast.artist, session_id, offer, "ACCEPTED")
        await contributions.judged(cast.artist, session_id, other, "REJECTED")
        await producer.hears("contribution_update", contributionId=offer["id"], status="ACCEPTED")
        await producer.hears("contribution_update", contributionId=other["id"], status="REJECTED")
        found = await cast.artist.client.vstudio.decisions(session_id)
        rehearsal.decisions = {each.question: each for each in found}
        labels = [option.label for option in rehearsal.asked(plan.HOOK).options]
        expect("the hooks to choose from", labels, ["Hook A", "Hook B", "Hook C"])


async def hooked(rehearsal: Rehearsal, seats: list[Seat], holder: Seat, stranger: Seat) -> None:
    """Steps 3, 4 and 5: who holds votes once, who does not is told what helps, the artist decides."""
    cast, session_id = rehearsal.cast, rehearsal.session.id
    async with rehearsal.narrator.step("she opens the hook; viewer 1 votes, and everybody sees it count"):
        hook = await rehearsal.opened(plan.HOOK, *seats)
        choice = rehearsal.option(plan.HOOK, 2)
        ack = await holder.live.vote(hook.id, choice=choice)
        expect("whether the vote was there already", ack.duplicate, expected=False)
        rehearsal.count(plan.HOOK, choice)
        for seat in seats:
            await seat.sees(hook.id, rehearsal.votes[plan.HOOK])
    async with rehearsal.narrator.step("a second vote does not count: the same one again, another one, eight at once"):
        again = await holder.live.vote(hook.id, choice=choice)
        expect("whether the same vote again is a duplicate", again.duplicate, expected=True)
        other = rehearsal.option(plan.HOOK, 0)
        await refused("another vote", cast.holder.client.vstudio.vote(session_id, hook.id, choice=other), AlreadyVoted)
        votes = [cast.holder.client.vstudio.vote(session_id, hook.id, choice=choice) for _ in range(4)]
        together = await asyncio.gather(*votes, *(holder.live.vote(hook.id, choice=choice) for _ in range(4)))
        expect("whether eight at once are duplicates", [each.duplicate for each in together], [True] * 8)
    async with rehearsal.narrator.step("viewer 2 watches, is refused, and is told to buy a share"):
        problem = await refused(
            "a vote of somebody who holds nothing",
            cast.stranger.client.vstudio.vote(session_id, hook.id, choice=choice),
            NotEligible,
        )
        expect("the hint", dict(problem.details or {}).get("ctaType"), HINT)
        await refused("the same vote by socket", stranger.live.vote(hook.id, choice=choice), NotEligible)
        expect("whether viewer 2 still watches", stranger.live.state, "live")
    async with rehearsal.narrator.step("nobody else closes it; she does, and picks the winner"):
        for person in (cast.holder, cast.stranger):
            await refused("a viewer closes", person.client.vstudio.close_decision(session_id, hook.id), Forbidden)
        await rehearsal.closed(plan.HOOK, *seats)
        await refused("a vote after the close", holder.live.vote(hook.id, choice=other), DecisionClosed)
        await rehearsal.finalized(plan.HOOK, choice, *seats)


async def raced(rehearsal: Rehearsal, holder: Seat) -> None:
    """A vote races the close: it counts and is acknowledged, or is refused and does not."""
    vstudio, session_id = rehearsal.cast.artist.client.vstudio, rehearsal.session.id
    async with rehearsal.narrator.step("a vote races the close of the bridge"):
        bridge = await rehearsal.opened(plan.BRIDGE, holder)
        choice = rehearsal.option(plan.BRIDGE, 1)
        vote, closed = await asyncio.gather(
            holder.live.vote(bridge.id, choice=choice),
            vstudio.close_decision(session_id, bridge.id),
            return_exceptions=True,
        )
        if isinstance(closed, BaseException):
            raise closed
        if isinstance(vote, BaseException) and not isinstance(vote, DecisionClosed):
            raise vote
        is_counted = not isinstance(vote, BaseException)
        expect("the votes of the bridge", counted(closed), {choice: 1} if is_counted else {})
        rehearsal.votes[plan.BRIDGE] = counted(closed)
        rehearsal.narrator.note("the vote was first, and counts" if is_counted else "the close was first: refused")
        await rehearsal.finalized(plan.BRIDGE, choice, holder)


async def late(rehearsal: Rehearsal, seat: Seat, first: Seat) -> None:
    """Who comes late has what those who were there have."""
    shown = {decision["id"]: decision["status"] for decision in seat.snapshot["decisions"]}
    expected = {
        rehearsal.asked(plan.HOOK).id: "FINALIZED",
        rehearsal.asked(plan.BRIDGE).id: "FINALIZED",
        rehearsal.asked(plan.ARTWORK).id: "OPEN",
    }
    expect("the decisions a late joiner sees", shown, expected)
    expect("the session a late joiner sees", seat.snapshot["status"], "VOTING")
    active = seat.snapshot["activeDecision"]
    expect("the decision a late joiner may vote on", active["id"], rehearsal.asked(plan.ARTWORK).id)
    await seat.sees(active["id"], rehearsal.votes[plan.ARTWORK])
    expect("how far a late joiner is", seat.snapshot["seq"] >= first.seen[-1]["seq"], expected=True)


async def painted(rehearsal: Rehearsal, seats: list[Seat], holder: Seat, stranger: Seat) -> None:
    """The artwork is open to all; two votes are a tie, which the artist resolves. Somebody comes late."""
    cast, vstudio = rehearsal.cast, rehearsal.cast.artist.client.vstudio
    async with rehearsal.narrator.step("she opens the artwork to everyone: two people, two tastes"):
        artwork = await rehearsal.opened(plan.ARTWORK, *seats)
        for place, seat in enumerate((holder, stranger)):
            choice = rehearsal.option(plan.ARTWORK, place)
            await seat.live.vote(artwork.id, choice=choice)
            rehearsal.count(plan.ARTWORK, choice)
        for seat in seats:
            await seat.sees(artwork.id, rehearsal.votes[plan.ARTWORK])
    async with (
        rehearsal.narrator.step("somebody comes late, and sees what everybody sees"),
        seated(cast.administrator, rehearsal.session.id) as seat,
    ):
        await late(rehearsal, seat, holder)
    async with rehearsal.narrator.step("it is a tie: she has to choose"):
        await rehearsal.closed(plan.ARTWORK, *seats)
        undecided = vstudio.finalize_decision(rehearsal.session.id, artwork.id)
        problem = await refused("a tie without a choice", undecided, Refusal)
        expect("what a tie asks for", list(problem.details or {}), ["winningOptionId"])
        await rehearsal.finalized(plan.ARTWORK, rehearsal.option(plan.ARTWORK, 1), *seats)
