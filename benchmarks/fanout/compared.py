"""Compare per core: what a message costs each server, what an idle connection holds, how fast ten thousand get in.

Between: vote_fanout and one process of each candidate on one core, its viewers on the other.
Shape: all candidates are filled with viewers, then take turns (harness.pairs); one message is under way at a time, and
the next comes at the same pace for everybody (rounds.one_by_one). Ours is a pod of the platform with all its work on:
ticket, limits, ring, presence, and the message comes through Redis as vstudio-service sends it; the peers just send.
Units: µs CPU per delivered message; delivered messages per core second; KiB per connection; s until all were in.
Why CPU and not the clock: the gateway pauses between two fan-outs on purpose, to join what comes meanwhile; a core that
waits is free.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.fanout import counting, rounds
from benchmarks.fanout.bench import SERVER_CORE, VIEWERS_CORE, Bench, attempted
from benchmarks.fanout.generator import Audience
from benchmarks.fanout.rounds import Round
from benchmarks.fanout.servers import FLOOR, PYTHON, SOCKETIO, WS, Server
from benchmarks.fanout.studio import OURS
from benchmarks.harness.arguments import say
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.processes import rss_bytes
from benchmarks.harness.result import spread

SETTLES_S: Final = 2.0  # after the last came in: what was needed only for that is given back
# From one message to the next: what the slowest of them needs, and the gateway's own pause after it.
PAUSE_S: Final = 0.02
EACH_S: Final = 20e-6


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A server with its viewers, and what letting them in took."""

    server: Server
    audience: Audience
    rss_bytes: int
    kernel_bytes: int


async def per_core(bench: Bench) -> dict[str, Any]:
    """Every number of viewers, every candidate."""
    idle_bytes = _rss(await bench.studio.pids("ws-gateway-1"))  # before its first viewer
    return {str(viewers): await attempted(_at(bench, viewers, idle_bytes)) for viewers in bench.viewers}


async def _at(bench: Bench, viewers: int, idle_bytes: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        ours = await bench.studio.server((1,), viewers)
        stack.enter_context(rounds.pinned(ours.pids, SERVER_CORE))
        filled = {OURS: await _filled(bench, stack, ours, viewers, idle_bytes)}
        for name in (FLOOR, WS, PYTHON, SOCKETIO):
            server = await stack.enter_async_context(bench.peer(name, 1, core=SERVER_CORE))
            filled[name] = await _filled(bench, stack, server, viewers, _rss(server.pids))
        seconds, every_s = bench.arguments.seconds, PAUSE_S + viewers * EACH_S
        turns = {
            name: lambda one=one: rounds.one_by_one(one.server, one.audience, seconds=seconds, every_s=every_s)
            for name, one in filled.items()
        }
        say(f"{viewers} viewers, one core")
        seen = await interleaved(turns, rounds=bench.arguments.rounds, said=say)
        return {
            **{name: _figures(one, seen[name]) for name, one in filled.items()},
            **_ratios(seen),
            "joined_s": {name: round(one.audience.joined["seconds"], 2) for name, one in filled.items()},
            "refused": {name: one.audience.joined["refused"] for name, one in filled.items()},
        }


async def _filled(bench: Bench, stack: AsyncExitStack, server: Server, viewers: int, before_bytes: int) -> Filled:
    kernel_bytes = rounds.kernel_bytes()
    audience = await stack.enter_async_context(bench.watched(server, viewers, core=VIEWERS_CORE))
    await asyncio.sleep(SETTLES_S)
    found = Filled(
        server=server,
        audience=audience,
        rss_bytes=_rss(server.pids) - before_bytes,
        # Both ends are here: a server far from its viewers has half.
        kernel_bytes=(rounds.kernel_bytes() - kernel_bytes) // 2,
    )
    say(
        f"{server.name}: {viewers} in within {audience.joined['seconds']:.2f} s ({audience.joined['refused']} came "
        f"again), {found.rss_bytes / viewers / 1024:.1f} + {found.kernel_bytes / viewers / 1024:.1f} KiB each"
    )
    return found


def _rss(pids: Sequence[int]) -> int:
    return sum(rss_bytes(pid) for pid in pids)


def _figures(one: Filled, seen: list[Round]) -> dict[str, Any]:
    viewers = one.audience.viewers
    return {
        "cpu_us_per_message": spread([each.cpu_us for each in seen], digits=2),
        "messages_per_core_s": spread([1e6 / each.cpu_us for each in seen], digits=0),
        "redis_cpu_us_per_message": spread([each.redis_cpu_us for each in seen], digits=3),
        **{
            name: spread([counting.delivery(each.seen)[name] for each in seen], digits=2)
            for name in ("p50_ms", "p99_ms", "slowest_p50_ms", "slowest_max_ms")
        },
        "rss_kib_per_connection": round(one.rss_bytes / viewers / 1024, 2),
        "kernel_kib_per_connection": round(one.kernel_bytes / viewers / 1024, 2),
    }


def _ratios(seen: Mapping[str, list[Round]]) -> dict[str, Any]:
    """Messages per core, ours against each, round by round."""
    own = [each.cpu_us for each in seen[OURS]]
    return {
        f"ours_to_{name}": spread(ratios([each.cpu_us for each in found], own), digits=3)
        for name, found in seen.items()
        if name != OURS
    }
