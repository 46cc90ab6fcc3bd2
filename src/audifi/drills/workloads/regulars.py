"""Keep the people who ask while drills run: they sign up once and come to every run.

Between: workloads (ask for people) and journey.people (signs them up by mail).
Why: the platform mails 1,000 links an hour at most, and 300 runs with 16 people each would want 4,800.
Shape: ≤ 64 people, each with an address of its own, so that limits per address count each of them apart.
Invariant: whoever is handed out is signed in now: a lost session (Redis was lost) makes a new person.
Errors: Problem, TimedOut.
Source: services/auth/routes/limits.py (links an hour, requests per address and per user).
"""

import asyncio
import secrets
from dataclasses import dataclass, field

from audifi.drills.journey import people
from audifi.drills.journey.people import Person
from audifi.drills.journey.stage import PATIENT, Stage
from audifi.wire.problems import Refusal


@dataclass
class Regulars:
    """People who come again."""

    known: list[Person] = field(default_factory=list[Person])

    async def come(self, stage: Stage, count: int) -> list[Person]:
        """Return so many people, all signed in, patient as the stage's clients are."""
        for person in self.known:
            person.client.transport.policy = PATIENT
        are_here = await asyncio.gather(*(_is_signed_in(person) for person in self.known[:count]))
        here = [person for person, is_here in zip(self.known, are_here, strict=False) if is_here]
        rest = self.known[count:]
        new = await asyncio.gather(*(_newcomer(stage) for _ in range(count - len(here))))
        self.known = [*here, *new, *rest]
        return self.known[:count]


async def _newcomer(stage: Stage) -> Person:
    return await people.signed_in(stage, f"regular-{secrets.token_hex(6)}@test.audifi.io")


async def _is_signed_in(person: Person) -> bool:
    try:
        await person.client.consents.check("SIGNUP")  # renews an access token that is too old
    except Refusal:
        return False
    return True
