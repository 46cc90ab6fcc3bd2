"""Ask at a fixed rate whatever the answers, and write every attempt down.

Between: drills.under_load (holds a flow during a run), workloads.workload (says what to ask), drills.history.
Shape: one task paces each errand; each attempt is a task of its own, so a platform that stands still is asked on.
Units: *_us microseconds since the epoch; *_s seconds.
Invariant: an attempt starts when it is due or as soon as this process gets to it, and counts from when it was due.
Nothing is asked after the block; what is outstanding then is waited for, and every client has a deadline.
Errors: a Problem is an attempt's outcome; anything else is a bug of the workload and fails the run.
Source: "open loop" and coordinated omission: Gil Tene, "How NOT to Measure Latency"; drills.history.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from audifi.drills.history import Attempt, Ended, History
from audifi.drills.timing import US, now_us
from audifi.drills.workloads.workload import Ask, Errand
from audifi.local.waiting import NotReady, wait_for
from audifi.wire.problems import NotFound, Problem, Refusal, Unavailable

STEADY_ATTEMPTS: Final = 3  # in a row, of each kind
STEADY_WITHIN_S: Final = 45.0


@dataclass
class Flow:
    """Attempts that keep coming."""

    history: History
    errands: tuple[Errand, ...]
    outstanding: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def ended(self, task: asyncio.Task[None]) -> None:
        """Forget an attempt that is written down; one that broke is kept until the end tells of it."""
        if not task.cancelled() and task.exception() is None:
            self.outstanding.discard(task)

    async def steady(self, *, within_s: float = STEADY_WITHIN_S) -> None:
        """Wait until the last attempts of every kind, all started from now on, were answered."""
        begun_us = now_us()

        async def answered() -> None:
            for errand in self.errands:
                since = [each for each in self.history.of(errand.kind) if each.started_us >= begun_us]
                last = since[-STEADY_ATTEMPTS:]  # the history is in the order of endings while it is written
                wrong = [each.reason for each in last if each.ended is not Ended.OK]
                if wrong or len(last) < STEADY_ATTEMPTS:
                    raise NotReady(f"{errand.kind}: {len(last)} answered, {wrong[-1:]}")

        await wait_for(answered, within_s=within_s, saying="everybody is answered")


@asynccontextmanager
async def flowing(errands: Iterable[Errand], history: History) -> AsyncGenerator[Flow]:
    """Ask for as long as the block runs."""
    flow = Flow(history, tuple(errands))
    pacing = [asyncio.create_task(_paced(flow, errand)) for errand in flow.errands]
    try:
        yield flow
    except BaseException:
        _cancel(flow.outstanding)  # interrupted, or broken: nobody waits for answers
        raise
    finally:
        _cancel(pacing)
        ended = await asyncio.gather(*pacing, *flow.outstanding, return_exceptions=True)
    if bugs := [each for each in ended if isinstance(each, Exception)]:
        raise bugs[0]


def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


async def _paced(flow: Flow, errand: Errand) -> None:
    begun_us, number = now_us(), 0
    while True:
        due_us = begun_us + int(number / errand.per_s * US)
        await asyncio.sleep(max(due_us - now_us(), 0) / US)
        task = asyncio.create_task(_attempted(flow.history, errand, errand.ask(number), due_us))
        flow.outstanding.add(task)
        task.add_done_callback(flow.ended)
        number += 1


async def _attempted(history: History, errand: Errand, ask: Ask, due_us: int) -> None:
    started_us = now_us()
    ended, value, reason = Ended.OK, ask.value, ""
    try:
        read = await ask.make()
        value = ask.value or read
    except NotFound:
        reason = "not found"  # an answer: there is nothing
    except Problem as problem:
        ended = outcome(problem, errand)
        reason = f"{problem.status} {problem.code}: {problem.message}"
    history.attempts.append(
        Attempt(
            kind=errand.kind,
            key=ask.key,
            due_us=due_us,
            started_us=started_us,
            ended_us=now_us(),
            ended=ended,
            value=value,
            reason=reason,
        )
    )


def outcome(problem: Problem, errand: Errand) -> Ended:
    """What the client knows after this problem. A client that tried before it may have had an effect then."""
    if errand.is_repeated:
        return Ended.UNKNOWN
    if isinstance(problem, Refusal):
        return Ended.FAILED
    is_certain = isinstance(problem, Unavailable) and not problem.may_have_taken_effect
    return Ended.FAILED if is_certain else Ended.UNKNOWN
