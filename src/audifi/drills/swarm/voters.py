"""Be the few who vote and chat: signed-in people, who watch as well.

Between: play (paces them), scene (who they are) and the gateway's socket.
Shape: a Voter is a Viewer that shows a token; `cast` sends one vote and waits until it is answered. `Voting` paces all
of them: so many votes a second, and a line of chat now and then, so that there are events to number.
Invariant: a vote that was not answered is sent again, with the same request id, after its connection came back: it
counts once. A voter casts one at a time and never the same twice, so that every acknowledged vote is one more version.
Units: *_us microseconds since the epoch, *_s seconds, *_per_s.
Errors: none: a refusal is kept with the vote it belongs to.
Source: domain.md 3 "Limits" (50 messages a minute and user), "Vote path" (idempotent by requestId).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from audifi.drills.journey.people import Person
from audifi.drills.swarm.history import Cast, History, Life
from audifi.drills.swarm.viewer import Viewer, Watching, now_us
from audifi.sdk import new_key
from audifi.wire.live.protocol import MESSAGES, Code

NUMBERS_FROM: Final = 1_000_000  # voters' numbers among viewers
VOTES_PER_S_EACH: Final = MESSAGES[0] / MESSAGES[1] / 2  # half of what the limit allows: chat and retries need some
CHATS_PER_S: Final = 1.0
AGAIN: Final = frozenset({Code.UNAVAILABLE, Code.RATE_LIMITED})  # not now: the same is sent again
ANSWER_WITHIN_S: Final = 2.0  # then it is sent again
PAUSE_S: Final = 1.0  # before something is sent again, unless the answer says how long


def needed(votes_per_s: float) -> int:
    """How many people it takes, each within their limits."""
    return max(4, -(-votes_per_s // VOTES_PER_S_EACH).__int__())


class Voter(Viewer):
    """Somebody who votes."""

    def __init__(self, number: int, address: str, watching: Watching, person: Person) -> None:
        super().__init__(number, address, watching)
        self.person = person
        self.choice: str | None = None
        self.is_busy = False
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}

    def token(self) -> str | None:
        return self.person.client.transport.access_token

    def answered(self, frame: dict[str, Any]) -> None:
        waiting = self._answers.get(str(frame.get("requestId")))
        if waiting is None:
            super().answered(frame)
        elif not waiting.done():
            waiting.set_result(frame)

    async def cast(self, decision_id: str, choice: str, kept: list[Cast]) -> None:
        """Vote, until there is an answer."""
        vote = Cast(user_id=self.person.id, decision_id=decision_id, choice=choice, sent_us=now_us())
        kept.append(vote)
        self.is_busy = True
        try:
            answer = await self._asked({"type": "vote", "decisionId": decision_id, "choice": choice})
        finally:
            self.is_busy = False
        if answer["type"] == "vote_ack":
            vote.acked_us = now_us()
            self.choice = choice
        else:
            vote.refused = str(answer.get("code"))

    def chat(self, text: str) -> None:
        """Say a line; nobody waits for it."""
        self.say({"type": "chat", "text": text, "requestId": new_key()})

    async def _asked(self, frame: dict[str, Any]) -> dict[str, Any]:
        key = new_key()
        while True:
            waiting = self._answers[key] = asyncio.get_running_loop().create_future()
            self.say({**frame, "requestId": key})
            try:
                answer = await asyncio.wait_for(waiting, ANSWER_WITHIN_S if self.is_live else PAUSE_S)
            except TimeoutError:
                continue
            finally:
                del self._answers[key]
            if answer.get("code") not in AGAIN:
                return answer
            await asyncio.sleep(float(answer.get("retryAfter") or PAUSE_S))


@dataclass
class Voting:
    """All voters, at one pace."""

    voters: Sequence[Voter]
    decision_id: str
    options: Sequence[str]
    votes_per_s: float
    votes: list[Cast] = field(default_factory=list[Cast])
    late: int = 0  # times when everybody still waited for an answer
    _turn: int = 0

    async def steadily(self) -> None:
        """Vote and chat until cancelled; every vote that was begun is then finished by `finished`."""
        loop = asyncio.get_running_loop()
        began_s, count, lines = loop.time(), 0, 0
        self.casting: set[asyncio.Task[None]] = set()
        while True:
            elapsed_s = loop.time() - began_s
            while count < elapsed_s * self.votes_per_s:
                count += 1
                self._next()
            if lines < elapsed_s * CHATS_PER_S:
                lines += 1
                self.voters[lines % len(self.voters)].chat(f"line {lines}")
            await asyncio.sleep(min(0.05, 0.5 / self.votes_per_s))

    def _next(self) -> None:
        """Let the next one vote who waits for nothing."""
        for _ in self.voters:
            self._turn += 1
            voter = self.voters[self._turn % len(self.voters)]
            if not voter.is_busy:
                others = [option for option in self.options if option != voter.choice]
                task = asyncio.create_task(voter.cast(self.decision_id, others[self._turn % len(others)], self.votes))
                self.casting.add(task)
                task.add_done_callback(self.casting.discard)
                return
        self.late += 1

    async def finished(self, within_s: float) -> None:
        """Wait for the answers that are missing; what has none by then is kept as open."""
        if self.casting:
            await asyncio.wait(self.casting, timeout=within_s)
        for task in self.casting:
            task.cancel()

    def leave(self) -> None:
        """Go, for good."""
        for voter in self.voters:
            voter.leave()

    def history(self, watching: Watching) -> History:
        """What they saw and did."""
        return History(
            watching.session_id,
            batches=[batch.facts for batch in watching.reader.batches],
            viewers={voter.number: Life(voter.at_us.tolist(), voter.saw.tolist()) for voter in self.voters},
            votes=self.votes,
        )
