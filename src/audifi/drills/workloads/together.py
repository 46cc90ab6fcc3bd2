"""Run several workloads as one.

Between: drills.catalogue (combines) and drills.under_load.
Invariant: each key of what is found belongs to one of them.
Errors: what the workloads raise.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from audifi.drills.drill import Scene
from audifi.drills.workloads.workload import Company, Workload


def together(*workloads: Workload) -> Workload:
    """Ask for all of it at once."""

    @asynccontextmanager
    async def entered(scene: Scene) -> AsyncGenerator[Company]:
        async with AsyncExitStack() as opened:
            companies = [await opened.enter_async_context(each(scene)) for each in workloads]
            errands = tuple(errand for each in companies for errand in each.errands)
            yield Company(errands=errands, found=lambda: _found(companies))

    return entered


async def _found(companies: Sequence[Company]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in companies:
        found.update(await each.found())
    return found
