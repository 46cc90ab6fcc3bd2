"""Load a server with wrk and read what it saw.

Between: benchmarks and the `wrk` binary (Debian package wrk).
Shape: one thread, `connections` keep-alive connections, requests from a file prepared before (load/requests.lua).
Units: requests/s; latencies in ms; `errors` counts answers other than 2xx and broken connections.
Invariant: a round with a single error is not a measurement: `run` refuses it.
Why think time for latency: wrk is a closed loop; to see the tail at half load each connection pauses between
requests so that together they make about `rate` requests per second.
Errors: Unusable, with what wrk said.
Source: https://github.com/wg/wrk/blob/4.1.0/SCRIPTING (delay, done, summary in µs).
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "load" / "requests.lua"
GRACE_S = 15.0  # wrk ends by itself; beyond this it hangs


class Unusable(Exception):
    """The round did not measure what it should."""


@dataclass(frozen=True)
class Load:
    """One round."""

    requests: int
    seconds: float
    rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float


async def run(  # the parameters of one round, all named
    url: str, *, requests: Path, first: int, connections: int, seconds: float, rate: float | None = None
) -> Load:
    """Send the prepared requests, beginning with number `first`; paced to about `rate` if given."""
    process = await asyncio.create_subprocess_exec(
        "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "5s", "-s", str(SCRIPT), url,
        "--", str(requests), str(first), str(0 if rate is None else 1000 * connections / rate),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds + GRACE_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Unusable(f"wrk did not end within {seconds + GRACE_S:g} s") from None
    return _parse(output.decode("utf-8", "replace"))


def _parse(output: str) -> Load:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise Unusable(f"wrk said: {output.strip()[-600:]}")
    seen = json.loads(lines[-1])
    if seen["errors"] or not seen["requests"]:
        raise Unusable(
            f"{seen['errors']} of {seen['requests']} requests failed, statuses {seen['statuses']}: {output[:300]}"
        )
    seconds = seen["duration_us"] / 1e6
    return Load(
        requests=seen["requests"],
        seconds=seconds,
        rate=seen["requests"] / seconds,
        p50_ms=seen["p50_us"] / 1000,
        p99_ms=seen["p99_us"] / 1000,
        max_ms=seen["max_us"] / 1000,
    )
