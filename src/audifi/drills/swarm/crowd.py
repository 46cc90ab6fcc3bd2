"""Run many viewers in a process of their own: `python -m audifi.drills.swarm.crowd`.

Between: crowds (starts it, reads its lines) and viewer.
Shape: the first line of standard input is a Plan; later lines are orders: {"do": "stall", "share": …}, {"do": "end"}.
Standard output has one Report a second, and at the end one line that says where the history was written.
Invariant: it ends when its standard input does, so it cannot outlive who started it. Viewers connect at a bounded rate:
a swarm is an audience, not an attack.
Units: *_us microseconds since the epoch; *_per_s.
Errors: a traceback on standard error, which the starter shows.
Source: domain.md 3 (100 connections an address: each address here has fewer).
"""

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from audifi.drills.swarm import history
from audifi.drills.swarm.delays import percentile
from audifi.drills.swarm.history import History, Life
from audifi.drills.swarm.viewer import Lane, Viewer, Watching, now_us
from audifi.local.room import raise_file_limit

REPORTS_EVERY_S: Final = 1.0
STARTS_EVERY_S: Final = 0.02
PER_ADDRESS: Final = 20  # viewers; all of them may come back several times a minute within the edge's limits


class Plan(msgspec.Struct, kw_only=True):
    """What one process is to do."""

    session_id: str
    lanes: tuple[Lane, ...]
    origin: str
    ca_file: str
    network: int  # its addresses are 127.<network>.x.y
    first: int  # number of the first viewer
    viewers: int
    connects_per_s: float
    history: str  # where to write it
    comes_back: bool = True  # after a loss


class Tally(msgspec.Struct, array_like=True):
    """How one tally spread in the last second."""

    key: str
    version: int
    ts_ms: int
    count: int
    median_us: int
    p99_us: int


class Report(msgspec.Struct, kw_only=True):
    """One second of one process."""

    at_us: int
    live: int
    opens: int  # since it began
    frames: int  # since it began
    newest: tuple[int, int]  # seq, version
    level: int  # viewers that are there
    stalled: int
    tallies: list[Tally]
    trouble: dict[str, int]


class Order(msgspec.Struct, kw_only=True):
    """What the starter wants now."""

    do: str
    percent: float = 0


def address(network: int, number: int) -> str:
    """Return where this viewer comes from."""
    block = number // PER_ADDRESS
    return f"127.{network}.{1 + block // 250}.{1 + block % 250}"


async def main() -> None:
    """Do what the plan says until told to end."""
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    plan = msgspec.json.decode(await orders.readline(), type=Plan)
    raise_file_limit()
    trust = ssl.create_default_context(cafile=plan.ca_file) if any(lane.is_tls for lane in plan.lanes) else None
    watching = Watching(plan.session_id, plan.lanes, plan.origin, trust, plan.comes_back)
    numbers = range(plan.first, plan.first + plan.viewers)
    viewers = [Viewer(number, address(plan.network, number), watching) for number in numbers]
    # A bug in a callback ends the process too, or it would count as a quiet viewer.
    asyncio.get_running_loop().set_exception_handler(_broken)
    async with asyncio.TaskGroup() as group:
        background = [
            group.create_task(_start(viewers, plan.connects_per_s)),
            group.create_task(_tell(viewers, watching)),
        ]
        await _obey(orders, viewers)
        for task in background:
            task.cancel()
    for viewer in viewers:
        viewer.leave()
    history.write(_history(viewers, watching), Path(plan.history))
    _say({"ended": plan.history})


def _broken(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    loop.default_exception_handler(context)
    loop.stop()


async def _obey(orders: asyncio.StreamReader, viewers: list[Viewer]) -> None:
    """Until told to end, or nobody is there to tell."""
    while line := await orders.readline():
        order = msgspec.json.decode(line, type=Order)
        if order.do == "end":
            return
        for viewer in viewers[: round(len(viewers) * order.percent / 100)]:
            viewer.stall()


async def _start(viewers: list[Viewer], connects_per_s: float) -> None:
    """Let them come, some every few milliseconds."""
    began, started = asyncio.get_running_loop().time(), 0
    while started < len(viewers):
        due = int((asyncio.get_running_loop().time() - began) * connects_per_s) + 1
        for viewer in viewers[started:due]:
            viewer.start()
        started = max(started, min(due, len(viewers)))
        await asyncio.sleep(STARTS_EVERY_S)


async def _tell(viewers: list[Viewer], watching: Watching) -> None:
    while True:
        await asyncio.sleep(REPORTS_EVERY_S)
        _say(_report(viewers, watching))


def _report(viewers: list[Viewer], watching: Watching) -> Report:
    reading = [viewer for viewer in viewers if not viewer.is_stalled]
    newest = max(viewer.seq for viewer in viewers), max(viewer.version for viewer in viewers)
    level = sum(viewer.is_live and (viewer.seq, viewer.version) == newest for viewer in reading)
    tallies: list[Tally] = []
    for said, at_us in watching.arrivals.items():
        at_us.sort()
        median, p99 = percentile(at_us, 50), percentile(at_us, 99)
        tallies.append(Tally(said.key, said.version, said.ts_ms, len(at_us), median, p99))
    watching.arrivals.clear()
    return Report(
        at_us=now_us(),
        live=sum(viewer.is_live for viewer in reading),
        opens=watching.opens,
        frames=watching.frames,
        newest=newest,
        level=level,
        stalled=len(viewers) - len(reading),
        tallies=tallies,
        trouble=dict(watching.trouble),
    )


def _history(viewers: list[Viewer], watching: Watching) -> History:
    return History(
        watching.session_id,
        batches=[batch.facts for batch in watching.reader.batches],
        viewers={viewer.number: Life(viewer.at_us.tolist(), viewer.saw.tolist()) for viewer in viewers},
        stalled={viewer.number for viewer in viewers if viewer.is_stalled},
    )


def _say(line: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(main())
