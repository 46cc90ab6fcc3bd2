"""Make the journey's administrator: an account like any other, given the role by the platform's operator.

Between: play and seed (ask), people, `audifi.services.auth.console` (what `./audifi grant` runs).
Invariant: the role is given from outside of the API, as on every platform: nobody can be made an administrator by a
request of somebody who is none.
Errors: LocalError with what the console refused.
Source: domain.md 2.1 (roles), 9.27 (an admin has a second factor).
"""

import asyncio
from typing import Any, Final

from audifi.drills.journey import people
from audifi.drills.journey.people import Person
from audifi.drills.journey.stage import Stage
from audifi.local import resolution
from audifi.local.console import run

CONSOLE: Final = "audifi.services.auth.console"
POD: Final = "auth-service-1"  # whose environment the program is given


async def administrator(stage: Stage, email: str) -> Person:
    """Sign somebody up, with a second factor, and give the role."""
    admin = await people.signed_in(stage, email)
    await people.enrol(admin)
    await grant(stage, email, "ADMIN")
    await people.renewed(admin)
    return admin


async def grant(stage: Stage, email: str, role: str) -> Any:
    """What `./audifi grant EMAIL ROLE` does."""
    told = resolution.environment(stage.instance, stage.topology, POD)
    return await asyncio.to_thread(run, CONSOLE, ["grant", email, role], told, on_progress=_quietly)


def _quietly(text: str) -> None:
    del text
