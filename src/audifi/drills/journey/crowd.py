"""Let many people do the same, a few of them at the same time.

Between: the acts (say what each one does) and asyncio.
Shape: `await together(do, people)` returns what each got, in their order.
Invariant: when one fails, the others are stopped before the failure is told; nothing runs on.
Errors: the first failure, as it was raised.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

T = TypeVar("T")
Who = TypeVar("Who")

AT_ONCE: Final = 8  # two cores run the platform and us


async def together(do: Callable[[Who], Awaitable[T]], people: Iterable[Who], *, at_once: int = AT_ONCE) -> list[T]:
    """Let everybody do it."""
    room = asyncio.Semaphore(at_once)

    async def one(person: Who) -> T:
        async with room:
            return await do(person)

    tasks = [asyncio.create_task(one(person)) for person in people]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
