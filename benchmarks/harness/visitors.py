"""Send prepared requests over TLS from many addresses, as visitors do, and time each answer.

Between: http_path (edge) and the platform's edge.
Why not wrk here: the platform counts requests per address, and wrk has one. Each visitor calls from an address of its
own in 127/8 (the edge tells the service what it saw) and, where sign-ins are limited, gives it up after a few.
Units: latencies in ms; `rate` requests per second over all visitors.
Shape: a closed loop of `connections` visitors; with `rate` each pauses an exponential time between requests.
Cost: about 0.2 ms CPU per request of the generator's own, beside 2 ms of the edge's rules.
Errors: Unusable as soon as an answer is not 2xx.
"""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from time import perf_counter
from urllib.parse import urlsplit

from benchmarks.harness.wrk import Load, Unusable

LOOPBACK = "127.0.0.1"
ANSWER_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One round."""

    url: str
    tls: ssl.SSLContext
    connections: int
    seconds: float
    per_address: int  # requests one address makes before another takes its place
    rate: float | None = None
    seed: int = 0


async def run(visit: Visit, requests: Sequence[bytes], *, first: int, first_address: int) -> Load:
    """Send requests from number `first` on, cyclically, until the time is over."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    latencies: list[float] = []
    numbers = iter(range(first, first + 10_000_000))
    addresses = (_loopback(number) for number in range(first_address, first_address + 10_000_000))
    jitter = Random(visit.seed)  # noqa: S311  # arrivals, not secrets

    async def visitor() -> None:
        while loop.time() - began_s < visit.seconds:
            reader, writer = await _open(visit, addresses)
            try:
                for _ in range(visit.per_address):
                    if visit.rate is not None:
                        await asyncio.sleep(jitter.expovariate(visit.rate / visit.connections))
                    if loop.time() - began_s >= visit.seconds:
                        return
                    started = perf_counter()
                    writer.write(requests[next(numbers) % len(requests)])
                    await asyncio.wait_for(_answer(reader), ANSWER_S)
                    latencies.append((perf_counter() - started) * 1000)
            finally:
                writer.close()

    await asyncio.gather(*(visitor() for _ in range(visit.connections)))
    return _load(latencies, loop.time() - began_s)


async def _open(visit: Visit, addresses: Iterator[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(visit.url)
    return await asyncio.open_connection(
        LOOPBACK, parts.port or 443, ssl=visit.tls, server_hostname=parts.hostname, local_addr=(next(addresses), 0)
    )


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next((line[15:] for line in head.split("\r\n") if line.startswith("content-length:")), None)
    if length is not None:
        body = await reader.readexactly(int(length))
    else:
        body = await _chunks(reader)
    if not head.startswith("http/1.1 2"):
        raise Unusable(f"the edge answered {head.splitlines()[0]}: {body[:200]!r}")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size + 2)
    await reader.readuntil(b"\r\n")
    return body


def _load(latencies: list[float], seconds: float) -> Load:
    if not latencies:
        raise Unusable("nothing was answered")
    ordered = sorted(latencies)
    return Load(
        requests=len(ordered),
        seconds=seconds,
        rate=len(ordered) / seconds,
        p50_ms=ordered[len(ordered) // 2],
        p99_ms=ordered[int(len(ordered) * 0.99)],
        max_ms=ordered[-1],
    )


def _loopback(number: int) -> str:
    return f"127.{1 + number // (254 * 254) % 250}.{number // 254 % 254}.{1 + number % 254}"
