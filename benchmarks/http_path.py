"""How much does a request cost, from our service alone to the whole way in, and against Fastify doing the same?

Between: a running platform, the Fastify peer on the same stores, wrk, and results/benchmarks/http_path.json.

# What is measured
Two operations: GET /user/profile (token, session and limits in Redis, one SELECT) and POST /auth/verify-magic-link
(limits, a transaction of a dozen statements, an RS256 signature). Three ways: straight to one pod, beside the peer;
through the gateway to three pods; through edge (TLS, web application firewall) and gateway.
"unpooled" is one more pod of ours that keeps prepared statements, past PgBouncer: what newer PgBouncers allow. It says
how much of a difference is asyncpg's second round trip under Debian 12's PgBouncer 1.18.
Each round: full load for throughput and CPU. Then, once per way, half of that load for latency.

# What to believe
CPU µs per request of the service's processes: it hardly depends on what else the machine does. `ratio_per_core` is the
peer's CPU per request divided by ours, round by round: above 1 we serve more requests per core. Throughput on two
cores that also run wrk, PostgreSQL, PgBouncer and Redis is whatever is left over.

Units: µs CPU per request (user + system), requests/s, ms.
Invariant: a round with one answer that is not 2xx does not count (harness.wrk refuses it).
Source: architecture.md section 7 (budget: ≥ Fastify + pg per core; p99 ≤ 50 ms at half load).
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from benchmarks.harness import visitors, wrk
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.peers import Peer, fastify, install, key_set, unpooled
from benchmarks.harness.people import REQUESTS_PER_ADDRESS, People, people, prepare, reads, sign_ins
from benchmarks.harness.processes import cpu_us, rss_bytes
from benchmarks.harness.result import spread, write
from benchmarks.harness.running import Platform, platform_for
from benchmarks.harness.visitors import Visit
from benchmarks.harness.wrk import Load

ACCOUNTS = 20_000
READERS = 6000  # each reads at most 30 profiles a minute
CONNECTIONS = 32
LINKS_PER_S = 1500  # more than any way in can use
HOST = "api.audifi.localhost"
SERVICE = "auth-service"
POD = "auth-service-1"
BUDGET = {"ratio_per_core": "≥ 1", "p99_ms_at_half_load": 50}


@dataclass(frozen=True)
class Round:
    """What one round saw."""

    load: Load
    cpu: Mapping[str, float]  # component → µs per request

    def __str__(self) -> str:
        return f"{self.load.rate:.0f}/s, {self.cpu[SERVICE]:.0f} µs, p99 {self.load.p99_ms:.1f} ms"


@dataclass
class Bench:
    """One run over one platform."""

    platform: Platform
    people: People
    arguments: Arguments
    folder: Path
    tls: ssl.SSLContext
    edge_url: str
    _sent: int = 0
    _addresses: int = 0
    _files: dict[str, Path] = field(default_factory=dict[str, Path])

    async def full(self, way: "Way", seconds: float) -> Round:
        """One round at full load."""
        return await self._round(way, seconds, None)

    async def half(self, way: "Way", rate: float) -> Round:
        """One round at half of `rate`."""
        return await self._round(way, self.arguments.seconds * 2, rate / 2)

    async def _round(self, way: "Way", seconds: float, rate: float | None) -> Round:
        requests = await self._requests(way, seconds)
        processes = {name: await pids() for name, pids in way.processes.items()}
        before = {name: cpu_us(found) for name, found in processes.items()}
        load = await self._load(way, requests, seconds, rate)
        spent = {name: (cpu_us(found) - before[name]) / load.requests for name, found in processes.items()}
        self._sent += load.requests + CONNECTIONS
        self._addresses += load.requests // REQUESTS_PER_ADDRESS + 2 * CONNECTIONS
        return Round(load, spent)

    async def _requests(self, way: "Way", seconds: float) -> list[bytes]:
        if way.verb == "get":
            return reads(self.people.tokens, prefix=way.prefix, host=HOST)
        links = await self.people.links(int(LINKS_PER_S * seconds))
        requests = sign_ins(links, prefix=way.prefix, host=HOST, first=self._sent)
        self._sent += len(links)
        return requests

    async def _load(self, way: "Way", requests: list[bytes], seconds: float, rate: float | None) -> Load:
        if way.is_edge:
            per_address = 1_000_000 if way.verb == "get" else REQUESTS_PER_ADDRESS
            visit = Visit(
                url=self.edge_url, tls=self.tls, connections=CONNECTIONS, seconds=seconds, per_address=per_address,
                rate=rate, seed=self.arguments.seed,
            )  # fmt: skip
            first = self._sent if way.verb == "get" else 0
            return await visitors.run(visit, requests, first=first, first_address=self._addresses)
        file = prepare(self.folder / f"{way.verb}.requests", requests)
        first = self._sent if way.verb == "get" else 0
        return await wrk.run(way.url, requests=file, first=first, connections=CONNECTIONS, seconds=seconds, rate=rate)


@dataclass(frozen=True, kw_only=True)
class Way:
    """Which operation, by which way, and whose CPU it costs."""

    verb: str
    url: str
    processes: Mapping[str, Callable[[], Awaitable[list[int]]]]
    prefix: str = ""
    is_edge: bool = False


def ways(platform: Platform, peer: Peer, unpooled_pod: Peer, verb: str) -> dict[str, dict[str, Way]]:
    """All ways in; those of one dictionary take turns."""

    async def own() -> list[int]:
        return [await platform.pid(POD)]

    async def peers() -> list[int]:
        return [peer.pid]

    async def unpooled_pids() -> list[int]:
        return [unpooled_pod.pid]

    def component(name: str) -> Callable[[], Awaitable[list[int]]]:
        return lambda: platform.pids(name)

    stores = {name: component(name) for name in ("pgbouncer", "postgres", "redis-cluster")}
    pods = {SERVICE: component(SERVICE)}
    gateway = {"api-gateway": component("api-gateway")}
    return {
        "direct": {
            "audifi": Way(verb=verb, url=platform.url(POD), processes={SERVICE: own, **stores}),
            "fastify": Way(verb=verb, url=peer.url, processes={SERVICE: peers, **stores}),
            "unpooled": Way(verb=verb, url=unpooled_pod.url, processes={SERVICE: unpooled_pids, **stores}),
        },
        "gateway": {
            "audifi": Way(
                verb=verb, url=platform.url("api-gateway-1"), prefix="/v1", processes={**pods, **gateway, **stores}
            )
        },
        "edge": {
            "audifi": Way(
                verb=verb, url="", prefix="/v1", is_edge=True,
                processes={**pods, **gateway, "edge": component("edge"), **stores},
            )
        },
    }  # fmt: skip


async def measured(bench: Bench, candidates: Mapping[str, Way]) -> dict[str, Any]:
    """Full load in turns, then half load once for each."""
    seconds, rounds = bench.arguments.seconds, bench.arguments.rounds
    turns = {name: lambda way=way: bench.full(way, seconds) for name, way in candidates.items()}
    full = await interleaved(turns, rounds=rounds, said=say)
    found: dict[str, Any] = {}
    for name, way in candidates.items():
        half = await bench.half(way, median(each.load.rate for each in full[name]))
        say(f"half load {name}: {half}")
        found[name] = figures(full[name], half)
    if "fastify" in full:
        own, unpooled_cpu, peer = (
            [each.cpu[SERVICE] for each in full[name]] for name in ("audifi", "unpooled", "fastify")
        )
        found["ratio_per_core"] = spread(ratios(peer, own), digits=3)
        found["ratio_per_core_unpooled"] = spread(ratios(peer, unpooled_cpu), digits=3)
        rates = ([each.load.rate for each in full[name]] for name in ("audifi", "fastify"))
        found["ratio_throughput"] = spread(ratios(*rates), digits=3)
    return found


def figures(full: list[Round], half: Round) -> dict[str, Any]:
    """One candidate's figures by one way."""
    cpu = [each.cpu[SERVICE] for each in full]
    return {
        "cpu_us_per_request": spread(cpu),
        "requests_per_s": spread([each.load.rate for each in full]),
        "requests_per_service_core_s": spread([1e6 / each for each in cpu]),
        "cpu_us_by_component": {name: round(median(each.cpu[name] for each in full), 1) for name in full[0].cpu},
        "half_load": {name: round(value, 2) for name, value in asdict(half.load).items()},
    }


async def same_answers(own: str, peer: str, everyone: People) -> None:
    """Refuse to compare servers that do not answer the same."""
    profiles = [await fetched(url, "/user/profile", everyone.tokens[0]) for url in (own, peer)]
    if profiles[0] != profiles[1]:
        raise wrk.Unusable(f"the peer answers something else:\n{profiles[0]}\n{profiles[1]}")
    steps = [await fetched(url, "/auth/verify-magic-link", None, (await everyone.links(1))[0]) for url in (own, peer)]
    if steps[0].keys() != steps[1].keys():
        raise wrk.Unusable(f"the peer signs in with other fields: {sorted(steps[0])}, {sorted(steps[1])}")


async def fetched(url: str, path: str, token: str | None, link: str | None = None) -> dict[str, Any]:
    """One answer, decoded."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"token": link} if link else None
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request("POST" if link else "GET", url + path, json=body) as reply,
    ):
        return await reply.json()


async def answered(arguments: Arguments) -> dict[str, Any]:
    """Everything, on one platform."""
    async with platform_for("http_path", arguments.instance) as platform:
        folder = platform.instance.path / "bench"
        folder.mkdir(exist_ok=True)
        port = platform.instance.ports.of("bench-fastify-1", "http")
        keys = await key_set(platform.url(POD))
        told = platform.told(POD)
        async with (
            people(told) as everyone,
            fastify(told, port=port, key_set=keys, log=folder / "fastify.log") as peer,
            unpooled(platform, log=folder / "unpooled.log") as unpooled_pod,
        ):
            await everyone.settle(ACCOUNTS, arguments.seed)
            await everyone.sign_in(platform.url(POD), READERS)  # their tokens live 15 minutes: reads come first
            await same_answers(platform.url(POD), peer.url, everyone)
            tls = ssl.create_default_context(cafile=str(platform.ca_file))
            bench = Bench(platform, everyone, arguments, folder, tls, platform.public_url())
            found: dict[str, Any] = {"budget": BUDGET}
            for verb in ("get", "post"):
                found[verb] = {}
                for name in ("direct", "gateway", "edge"):
                    say(f"{verb} {name}")
                    found[verb][name] = await measured(bench, ways(platform, peer, unpooled_pod, verb)[name])
            found["memory_mib_under_load"] = {
                POD: round(rss_bytes(await platform.pid(POD)) / 2**20, 1),
                "fastify": round(rss_bytes(peer.pid) / 2**20, 1),
            }
            return found


def main() -> None:
    arguments = read(__doc__ or "", seconds=4, rounds=7)
    versions = install()
    found = asyncio.run(answered(arguments))
    units = {
        "cpu_us_per_request": "µs CPU (user + system) of the service's processes per request",
        "cpu_us_by_component": "µs CPU per request, median of rounds",
        "ratio_per_core": "Fastify's CPU per request / ours, round by round",
        "ratio_per_core_unpooled": "the same for ours with prepared statements, past PgBouncer",
        "half_load": "ms; rate in requests/s",
    }
    print(write("http_path", figures=found, units=units, seed=arguments.seed, versions=versions))


if __name__ == "__main__":
    main()
