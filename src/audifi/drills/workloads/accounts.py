"""Write and read what belongs to people's accounts: what is acknowledged must stay, and be what the next read shows.

Between: drills.catalogue (pods, stores, restores) and auth-service's public operations.
Shape: 16 people, three errands: "write" records a consent under a marker of its own (a row that stays, with an
idempotency key), "set" replaces a display name, "get" reads it. At the end each account's export says what is there.
Units: attempts a second, all people together; limits are a person's: 100 writes and 30 profile requests a minute.
Invariant: no client repeats a set that may have had an effect: a late first try could undo a later set, and would be
blamed on the platform.
Errors: Problem, TimedOut when people cannot sign up or their accounts cannot be exported at the end.
Source: services/auth/routes/limits.py (the limits); domain.md 2.1.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Any, Final

from audifi.drills.drill import Scene
from audifi.drills.journey.people import Person
from audifi.drills.journey.stage import PATIENT
from audifi.drills.workloads.workload import ONCE, Ask, Company, Errand, Workload
from audifi.sdk import RetryPolicy
from audifi.sdk.transport import Request

PEOPLE: Final = 16
WRITES_PER_S: Final = 6.0  # 23 a minute and person
SETS_PER_S: Final = 2.0  # with the reads 23 a minute and person
GETS_PER_S: Final = 4.0


def accounts(*, retries: RetryPolicy = ONCE) -> Workload:
    """Write and read with this patience: ONCE sees every failure, PERSISTENT how long it takes."""

    @asynccontextmanager
    async def entered(scene: Scene) -> AsyncGenerator[Company]:
        people = await scene.regulars.come(scene.stage, PEOPLE)
        for person in people:
            person.client.transport.policy = retries
        is_repeated = retries.attempts > 1
        run = f"{scene.stage.run}-{token_hex(4)}"  # the dice of another drill with the same seed fall the same

        def write(number: int) -> Ask:
            return _write(people[number % PEOPLE], f"{run}-{number}")

        def set_(number: int) -> Ask:
            return _set(people[number % PEOPLE], f"{run} {number}")

        def get(number: int) -> Ask:
            return _get(people[number % PEOPLE])

        yield Company(
            errands=(
                Errand(kind="write", per_s=WRITES_PER_S, ask=write, is_repeated=is_repeated),
                Errand(kind="set", per_s=SETS_PER_S, ask=set_),
                Errand(kind="get", per_s=GETS_PER_S, ask=get),
            ),
            found=lambda: _found(people, run),
        )

    return entered


def _write(person: Person, marker: str) -> Ask:
    async def make() -> str:
        consents = person.client.consents
        await consents.record("TERMS", "1.0", flow="PURCHASE", resource_id=marker, idempotency_key=marker)
        return ""

    return Ask(key=person.id, make=make, value=marker)


def _set(person: Person, name: str) -> Ask:
    async def make() -> str:
        # PATCH, which the SDK repeats only after a failure that had no effect.
        change = Request(method="PATCH", path="/user/profile", body={"displayName": name})
        await person.client.transport.answer(change)
        return ""

    return Ask(key=person.id, make=make, value=name)


def _get(person: Person) -> Ask:
    async def make() -> str:
        return (await person.client.user.profile()).display_name or ""

    return Ask(key=person.id, make=make)


async def _found(people: Sequence[Person], run: str) -> Mapping[str, list[str]]:
    """What the accounts hold of this run."""
    for person in people:
        person.client.transport.policy = PATIENT
    exports = await asyncio.gather(*(person.client.user.export() for person in people))
    return {person.id: _markers(export, run) for person, export in zip(people, exports, strict=True)}


def _markers(export: Mapping[str, Any], run: str) -> list[str]:
    markers = (str(row["resource_id"]) for row in export["consents"])
    return [marker for marker in markers if marker.startswith(run)]
