"""Measure what somebody else's trouble costs: viewers that read nothing, and thousands that vote at once.

Between: vote_fanout and three pods of ours with what lies behind them (vstudio-service, PostgreSQL).
Shape: `stalled` compares, turn by turn, an audience in which everybody reads with one in which 5 % stop (messages of
3 KB, so that their sockets fill); `votes` has everybody vote once, 1,000 a second, from when each vote was due until
its acknowledgement was read, while tallies go out to all.
Units: ms; KiB per stalled viewer, of the kernel's socket buffers and of the pods; cores.
Invariant: an acknowledged vote is a row: they are counted in PostgreSQL afterwards.
"""

import json
from collections.abc import Sequence
from statistics import median
from typing import Any, Final

from audifi.local.waiting import NotReady, TimedOut, wait_for
from benchmarks.fanout import counting, rounds
from benchmarks.fanout.bench import PODS, Bench
from benchmarks.fanout.counting import Seen
from benchmarks.fanout.generator import Audience
from benchmarks.harness.arguments import say
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.processes import cpu_us, rss_bytes
from benchmarks.harness.result import spread

STALLED_SHARE: Final = 0.05
STALLED_VIEWERS: Final = 2000
STALLED_S: Final = 6.0
STALLED_RATE: Final = 8
LONG: Final = "x" * 3000
VOTES_PER_S: Final = 1000
ACKNOWLEDGED_WITHIN_S: Final = 15.0
BEHIND: Final = ("vstudio-service", "ws-gateway", "redis-cluster", "postgres", "pgbouncer")


async def stalled(bench: Bench) -> dict[str, Any]:
    """The others' p99, with and without."""
    viewers = min(STALLED_VIEWERS, max(bench.viewers))
    deaf = int(viewers * STALLED_SHARE)
    held: dict[int, list[int]] = {0: [], deaf: []}  # by how many read nothing

    async def turn(count: int) -> float:
        server = await bench.studio.server(PODS, viewers, padding=LONG)
        async with bench.watched(server, viewers, stalled=count) as audience:
            if count:
                audience.tell("stall")
            before = _held(server.pids)
            one = await rounds.steadily(server, audience, rate=STALLED_RATE, seconds=STALLED_S, viewers=viewers - count)
            held[count].append(_held(server.pids) - before)
            return counting.percentile_ms(one.seen.latency, 0.99)

    seen = await interleaved(
        {"all_read": lambda: turn(0), "some_stalled": lambda: turn(deaf)}, rounds=bench.arguments.rounds, said=say
    )
    return {
        "viewers": viewers,
        "stalled": deaf,
        "p99_ms": {name: spread(values, digits=2) for name, values in seen.items()},
        "p99_ratio": spread(ratios(seen["some_stalled"], seen["all_read"]), digits=3),
        "kib_per_stalled": round((median(held[deaf]) - median(held[0])) / 1024 / deaf, 1),
    }


def _held(pids: Sequence[int]) -> int:
    return rounds.socket_bytes() + sum(rss_bytes(pid) for pid in pids)


async def votes(bench: Bench) -> dict[str, Any]:
    """Everybody votes."""
    viewers = max(bench.viewers)
    server = await bench.studio.server(PODS, viewers)
    decision_id = await bench.studio.decision(server.session_id)
    frame = json.dumps({"type": "vote", "decisionId": decision_id, "choice": "a", "requestId": "vote-#"})
    topology = bench.studio.running.topology
    pids = {name: await bench.studio.pids(*topology.component(name).pods) for name in BEHIND}
    async with bench.watched(server, viewers) as audience:
        audience.tell("mark")
        before = {name: cpu_us(found) for name, found in pids.items()}
        audience.tell(f"votes {VOTES_PER_S} {frame}")
        seen = await _acknowledged(audience)
        spent = {name: cpu_us(found) - before[name] for name, found in pids.items()}
    found = {
        "votes": viewers,
        "unacknowledged": viewers - seen.acks,
        "refused": seen.errors,
        "in_database": await bench.studio.votes(decision_id),
        "p50_ms": round(counting.percentile_ms(seen.ack, 0.5), 2),
        "p99_ms": round(counting.percentile_ms(seen.ack, 0.99), 2),
        "max_ms": round(counting.percentile_ms(seen.ack, 1), 2),
        "seconds": round(seen.seconds, 2),
        "cores": {name: round(value / 1e6 / seen.seconds, 3) for name, value in spent.items()},
    }
    say(f"votes: {found}")
    return found


async def _acknowledged(audience: Audience) -> Seen:
    """Wait until every vote was answered, or long enough."""
    last: list[Seen] = []

    async def all_answered() -> Seen:
        last[:] = [await audience.seen()]
        if last[0].acks + last[0].errors < audience.viewers:
            raise NotReady(f"{last[0].acks} acknowledged, {last[0].errors} refused")
        return last[0]

    within_s = audience.viewers / VOTES_PER_S + ACKNOWLEDGED_WITHIN_S
    try:
        return await wait_for(all_answered, within_s=within_s, saying="every vote is answered")
    except TimedOut:
        return last[0]
