"""Measure from publish to the last viewer as people would feel it: three pods, Redis, cores shared with the viewers.

Between: vote_fanout and three processes of ours, of the floor (told one by one), of Socket.IO with its Redis adapter.
Shape: `latency` is 1, 3 and 5 messages a second; `coalesced` is more than the cores can send one by one, so frames
must travel together; `hop` is one viewer, what Redis between publisher and pod adds.
Units: ms from just before the message is handed over until a viewer has read it; delivered messages per second; cores.
"""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final

from audifi.wire.live import feed
from benchmarks.fanout import counting, rounds
from benchmarks.fanout.bench import PODS, Bench, attempted
from benchmarks.fanout.generator import Audience
from benchmarks.fanout.rounds import Round
from benchmarks.fanout.servers import FLOOR, SOCKETIO, Server
from benchmarks.fanout.studio import OURS, Studio
from benchmarks.harness.arguments import say
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.result import spread

RATES: Final = (1, 3, 5)
COMPARED_AT: Final = 5
COALESCED_AT: Final = (20, 100)
COALESCED_S: Final = 8.0
HOP_RATE: Final = 20  # slower than the gateway's pause after a fan-out
HOP_MESSAGES: Final = 120
LATENCY_VIEWERS_MIN: Final = 5000


async def latency(bench: Bench) -> dict[str, Any]:
    """Every number of viewers that is worth it."""
    sizes = [viewers for viewers in bench.viewers if viewers >= LATENCY_VIEWERS_MIN] or [max(bench.viewers)]
    return {str(viewers): await attempted(_at(bench, viewers)) for viewers in sizes}


async def _at(bench: Bench, viewers: int) -> dict[str, Any]:
    seconds = 2 * bench.arguments.seconds
    async with AsyncExitStack() as stack:
        servers: dict[str, tuple[Server, Audience]] = {}
        for name in (OURS, FLOOR, SOCKETIO):
            server = (
                await bench.studio.server(PODS, viewers)
                if name == OURS
                else await stack.enter_async_context(bench.peer(name, len(PODS)))
            )
            servers[name] = (server, await stack.enter_async_context(bench.watched(server, viewers)))
        found: dict[str, Any] = {"joined_s": {name: one.joined["seconds"] for name, (_, one) in servers.items()}}
        for rate in RATES:
            names = list(servers) if rate == COMPARED_AT else [OURS]
            say(f"{viewers} viewers, three pods, {rate}/s")
            turns = {name: partial(rounds.steadily, *servers[name], rate=rate, seconds=seconds) for name in names}
            seen = await interleaved(turns, rounds=bench.arguments.rounds, said=say)
            found[str(rate)] = {name: figures(each) for name, each in seen.items()}
            if rate == COMPARED_AT:
                found[str(rate)] |= _against(seen)
        return found


def _against(seen: dict[str, list[Round]]) -> dict[str, float]:
    p99 = {name: [counting.percentile_ms(each.seen.latency, 0.99) for each in found] for name, found in seen.items()}
    return {f"p99_to_{name}": spread(ratios(p99[OURS], p99[name]), digits=2)["median"] for name in p99 if name != OURS}


def figures(seen: list[Round]) -> dict[str, Any]:
    """Median of rounds; the slowest of all."""
    delivered = [counting.delivery(each.seen) for each in seen]
    median = {name: spread([each[name] for each in delivered], digits=2)["median"] for name in delivered[0]}
    return {
        **median,
        "slowest_max_ms": max(each["slowest_max_ms"] for each in delivered),
        "p99_ms_rounds": spread([each["p99_ms"] for each in delivered], digits=2),
        "server_cores": spread([each.cpu_us * each.delivered_per_s / 1e6 for each in seen], digits=3)["median"],
        "redis_cores": spread([each.redis_cpu_us * each.delivered_per_s / 1e6 for each in seen], digits=3)["median"],
        "viewers_cores": spread([each.seen.cpu_s / each.seen.seconds for each in seen], digits=3)["median"],
    }


async def coalesced(bench: Bench) -> dict[str, Any]:
    """More than the cores can send one by one: everything arrives all the same."""
    viewers = max(bench.viewers)
    server = await bench.studio.server(PODS, viewers)
    found: dict[str, Any] = {}
    async with bench.watched(server, viewers) as audience:
        for rate in COALESCED_AT:
            one = await rounds.steadily(server, audience, rate=rate, seconds=COALESCED_S)
            say(f"{viewers} viewers, three pods, {rate}/s: {one}")
            found[str(rate)] = {
                **counting.delivery(one.seen),
                # Over the time of publishing and of delivering what was then under way.
                "delivered_per_s": round(one.delivered_per_s),
                "delivered_share": one.seen.delivered / (int(rate * COALESCED_S) * viewers),
                "cpu_us_per_message": round(one.cpu_us, 2),
                "server_cores": round(one.cpu_us * one.delivered_per_s / 1e6, 2),
            }
    low, high = (found[str(rate)]["delivered_per_s"] for rate in COALESCED_AT)
    return {**found, "gain": round(high / low, 2), "viewers": viewers}


async def hop(bench: Bench) -> dict[str, Any]:
    """One viewer: through Redis, to Redis and no further, and without it."""
    found: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        ours = await bench.studio.server((1,), 1)
        nodes = await stack.enter_async_context(bench.peer(SOCKETIO, 2))
        floor = await stack.enter_async_context(bench.peer(FLOOR, 1))
        near, far = (_one_of(nodes, number) for number in (0, 1))
        for name, server in {"ours": ours, "floor": floor, "socketio_same_node": near, "socketio_other": far}.items():
            async with bench.watched(server, 1, nap_us=-1) as audience:
                one = await rounds.steadily(server, audience, rate=HOP_RATE, seconds=HOP_MESSAGES / HOP_RATE)
            found[f"{name}_p50_ms"] = round(counting.percentile_ms(one.seen.latency, 0.5), 3)
            found[f"{name}_p99_ms"] = round(counting.percentile_ms(one.seen.latency, 0.99), 3)
    alone = await _redis_alone(bench.studio)
    found["redis_p50_ms"] = round(counting.nearest_rank(alone, 0.5), 3)
    found["redis_p99_ms"] = round(counting.nearest_rank(alone, 0.99), 3)
    found["socketio_hop_p50_ms"] = round(found["socketio_other_p50_ms"] - found["socketio_same_node_p50_ms"], 3)
    say(f"one viewer: {found}")
    return found


def _one_of(server: Server, number: int) -> Server:
    """Viewers at this node, the publisher at the first."""
    return Server(
        name=server.name, ports=[server.ports[number]], pids=server.pids, publishing=server.publishing,
        dialect=server.dialect, paths=server.paths,
    )  # fmt: skip


async def _redis_alone(studio: Studio) -> list[float]:
    """From publish to a bare subscriber of the session's channel, in ms."""
    server = await studio.server((1,), 0)
    reader, writer = await _subscribed(studio, feed.channel(server.session_id))
    found: list[float] = []

    async def listen() -> None:
        while data := await reader.read(65536):
            now = time.monotonic_ns()
            if (mark := data.find(b"~")) >= 0:
                found.append((now - int(data[mark:].split(b",")[1].split(b"~")[0])) / 1e6)

    listening = asyncio.create_task(listen())
    for number in range(1, HOP_MESSAGES + 1):
        await server.publishing.publish(number)
        await asyncio.sleep(1 / HOP_RATE)
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening
    writer.close()
    return found


async def _subscribed(studio: Studio, channel: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the channel's master that hears it and nothing else."""
    host, _, port = (await studio.cache.owner(channel)).rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    password = studio.running.environment("vstudio-service-1")["REDIS_PASSWORD"]
    for command in (("AUTH", password), ("SSUBSCRIBE", channel)):
        writer.write(f"*{len(command)}\r\n".encode())
        writer.writelines(f"${len(each)}\r\n{each}\r\n".encode() for each in command)
        await reader.read(4096)
    return reader, writer
