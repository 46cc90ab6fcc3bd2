"""Do what the platform's operator does outside of the API: make the first administrator, compare the books.

Between: play, agreement and seed (ask), people, and the consoles of auth-service and nft-service: what `./audifi grant`
and `./audifi reconcile` run.
Invariant: the role is given from outside of the API, as on every platform: nobody can be made an administrator by a
request of somebody who is none.
Errors: LocalError with what a console refused.
Source: domain.md 2.1 (roles), 9.27 (an admin has a second factor); issue 4 (reconciliation).
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from audifi.drills.journey import people
from audifi.drills.journey.people import Person
from audifi.drills.journey.stage import Stage
from audifi.local import resolution
from audifi.local.console import run

AUTH: Final = ("audifi.services.auth.console", "auth-service-1")  # the program, and whose environment it is given
NFT: Final = ("audifi.services.nft.console", "nft-service-1")


async def administrator(stage: Stage, email: str) -> Person:
    """Sign somebody up, with a second factor, and give the role."""
    admin = await people.signed_in(stage, email)
    await people.enrol(admin)
    await grant(stage, email, "ADMIN")
    await people.renewed(admin)
    return admin


async def grant(stage: Stage, email: str, role: str) -> Any:
    """What `./audifi grant EMAIL ROLE` does."""
    return await _asked(stage, AUTH, ["grant", email, role])


async def reconciled(stage: Stage) -> dict[str, Any]:
    """What `./audifi reconcile --json` prints."""
    found: dict[str, Any] = await _asked(stage, NFT, ["reconcile"])
    return found


async def _asked(stage: Stage, console: tuple[str, str], arguments: Sequence[str]) -> Any:
    program, pod = console
    told = resolution.environment(stage.instance, stage.topology, pod)
    return await asyncio.to_thread(run, program, arguments, told, on_progress=_quietly)


def _quietly(text: str) -> None:
    del text
