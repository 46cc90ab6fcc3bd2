"""Renew sessions, and use the new token at once at another service: both must agree on what time it is.

Between: drills.catalogue.releases (a wrong clock) and the public operations of auth-service and nft-service.
Shape: 16 people; "renew" takes a new access token of whichever auth pod answers and reads the holdings with it.
Units: attempts a second; a session may be renewed 60 times an hour, so a person renews once in 16 s of a drill.
Errors: Problem, TimedOut when people cannot sign up.
Source: services/auth/routes/limits.py; domain.md 4 (tokens, 30 s of skew).
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from audifi.drills.drill import Scene
from audifi.drills.workloads.workload import ONCE, Ask, Company, Errand

PEOPLE: Final = 16
RENEWALS_PER_S: Final = 1.0
USES_PER_S: Final = 4.0


@asynccontextmanager
async def sessions(scene: Scene) -> AsyncGenerator[Company]:
    """Renew, and use what was renewed before."""
    people = await scene.regulars.come(scene.stage, PEOPLE)
    for person in people:
        person.client.transport.policy = ONCE

    def renew(number: int) -> Ask:
        client = people[number % PEOPLE].client

        async def make() -> str:
            await client.auth.refresh()
            await client.portfolio.holdings(limit=1)
            return ""

        return Ask(key=people[number % PEOPLE].id, make=make)

    def use(number: int) -> Ask:
        client = people[number % PEOPLE].client

        async def make() -> str:
            await client.consents.check("SIGNUP")
            return ""

        return Ask(key=people[number % PEOPLE].id, make=make)

    yield Company(
        errands=(
            Errand(kind="renew", per_s=RENEWALS_PER_S, ask=renew),
            Errand(kind="use", per_s=USES_PER_S, ask=use),
        )
    )
