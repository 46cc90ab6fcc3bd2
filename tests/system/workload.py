"""Keep asking while something is broken, and remember every answer.

Between: system tests that break things and what they assert.
Shape: `History` of acknowledgements in time; `reading` and `writing` run until they are cancelled.
Invariant: a write counts as acknowledged only when the caller got its answer; its marker is unique.
Units: *_s seconds at the client.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from audifi.local.waiting import NotReady
from audifi.sdk import Audifi
from audifi.wire.problems import Problem


@dataclass
class History:
    """What was answered, when, and what was not."""

    acknowledged: list[str] = field(default_factory=list[str])
    failures: list[str] = field(default_factory=list[str])
    times_s: list[float] = field(default_factory=list[float])

    def acknowledge(self, marker: str) -> None:
        self.acknowledged.append(marker)
        self.times_s.append(asyncio.get_running_loop().time())

    def fail(self, problem: Problem) -> None:
        self.failures.append(f"{type(problem).__name__}: {problem}")

    def longest_gap_s(self) -> float:
        """The longest time in which nobody got an answer."""
        return max((later - sooner for sooner, later in zip(self.times_s, self.times_s[1:], strict=False)), default=0.0)

    async def has(self, count: int) -> None:
        """Raise NotReady until so many are acknowledged."""
        if len(self.acknowledged) < count:
            raise NotReady(f"{len(self.acknowledged)} of {count} acknowledged, failures {self.failures[-3:]}")


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Run these beside the block; a bug in one of them fails the block's end."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    bugs = [each for each in ended if isinstance(each, Exception)]
    assert not bugs, f"{bugs}"


async def reading(readers: Sequence[Audifi], history: History) -> None:
    """Let readers in turn read their public page: nothing but the next request waits."""
    while True:
        for reader in readers:
            try:
                await reader.consents.check("SIGNUP")
                history.acknowledge("")
            except Problem as problem:
                history.fail(problem)
            await asyncio.sleep(0)


async def writing(writer: Audifi, history: History, *, prefix: str) -> None:
    """Record consents one after the other, each under a marker of its own and keyed by it."""
    while True:
        marker = f"{prefix}-{secrets.token_hex(8)}"
        try:
            await writer.consents.record("TERMS", "1.0", flow="PURCHASE", resource_id=marker, idempotency_key=marker)
            history.acknowledge(marker)
        except Problem as problem:
            history.fail(problem)
        await asyncio.sleep(0)
