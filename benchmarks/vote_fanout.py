"""How fast and at what cost does a vote reach every viewer, against Socket.IO, ws, websockets and the bare send loop?

Between: benchmarks/fanout (servers, viewers, parts, goals), benchmarks/peers/sockets and results/benchmarks.
Parts: per_core (CPU per message, memory, getting in; one core each) · latency (three pods, 1, 3, 5 messages a second)
· coalesced (20 and 100 a second) · hop (what Redis adds) · stalled (5 % that read nothing) · votes (1,000 a second to
PostgreSQL and back).
Shape: the viewers are a C program (harness/wsload.c) that checks that each read each message once; a round in which
one did not is refused. Ours is the platform's own gateway, straight at its pods, no TLS. The floor is a C loop of
send() with a ready frame (harness/wsfloor.c).
What to believe: ratios within one run. The sender's CPU on loopback contains the reader's TCP input, for everybody
alike; milliseconds move by a third with what else the machine does.
Units: in each part's module. Needs a C compiler, and 20,000 open files (ulimit -Hn).
Some of it: python -m benchmarks.vote_fanout --only per_core,hop --viewers 1000 (shown, not written; --write writes).
Exit: 1 when a goal that decides (fanout/goals.py) is missed, 0 otherwise.
"""

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop

from audifi.local.held import Held, held
from audifi.local.state import Instance
from audifi.topology.declaration import platform
from benchmarks.fanout import compared, servers, sustained, troubled
from benchmarks.fanout.bench import Bench, attempted
from benchmarks.fanout.goals import missed, unusable
from benchmarks.fanout.studio import studio
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.result import ROOT, write

PARTS: Final[Mapping[str, Callable[[Bench], Awaitable[dict[str, Any]]]]] = {
    "per_core": compared.per_core,
    "latency": sustained.latency,
    "coalesced": sustained.coalesced,
    "hop": sustained.hop,
    "stalled": troubled.stalled,
    "votes": troubled.votes,
}
VIEWERS: Final = (1000, 5000, 10_000)
COMPONENTS: Final = ("ws-gateway", "vstudio-service")
UNITS: Final = {
    "cpu_us_per_message": "µs CPU (user + system) of the server's processes per delivered message",
    "messages_per_core_s": "delivered messages per second of CPU",
    "ours_to_*": "ours / theirs in messages per core second, round by round",
    "*_ms": "ms from publish to read (votes: from when it was due to the acknowledgement)",
    "joined_s": "s until all viewers were in, ours with a single-use ticket each",
    "rss_kib_per_connection": "KiB of resident memory more than before the first viewer, per connection",
    "kernel_kib_per_connection": "KiB of the kernel's slabs and buffers, one end",
    "*_cores": "cores used on average",
}


@dataclass(frozen=True)
class Asked:
    """What of the whole is asked."""

    parts: tuple[str, ...]
    viewers: tuple[int, ...]
    is_written: bool

    @property
    def is_whole(self) -> bool:
        return self.parts == tuple(PARTS) and self.viewers == VIEWERS


def asked() -> Asked:
    """Take our own options out of the command line; the rest is every question's."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--only", default="")
    parser.add_argument("--viewers", default="")
    parser.add_argument("--write", action="store_true")
    mine, others = parser.parse_known_args()
    sys.argv[1:] = others
    parts = tuple(name for name in mine.only.split(",") if name) or tuple(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"{', '.join(unknown)} is none of {', '.join(PARTS)}")
    viewers = tuple(int(count) for count in mine.viewers.split(",") if count) or VIEWERS
    return Asked(parts, viewers, mine.write)


async def measured(wanted: Asked, arguments: Arguments, running: Held, folder: Path) -> dict[str, Any]:
    async with studio(running, folder) as found:
        bench = Bench(found, arguments, wanted.viewers)
        figures: dict[str, Any] = {name: await attempted(PARTS[name](bench)) for name in wanted.parts}
    figures["missed"] = [*unusable(figures), *missed(figures, is_whole=wanted.is_whole)]
    figures["slower_than_wished"] = list(missed(figures, is_whole=wanted.is_whole, is_gating=False))
    return figures


@contextmanager
def running_platform(given: Path | None) -> Generator[Held]:
    """The given one if it runs, else one of our own (in a folder that PostgreSQL's user may enter)."""
    if given is not None and Instance.at(given).running() is not None:
        yield Held(Instance.at(given), platform("local"))
        return
    with held(ROOT / ".audifi" / "bench-vote_fanout", COMPONENTS) as running:
        yield running


def main() -> int:
    wanted = asked()
    arguments = read(__doc__ or "", seconds=2, rounds=3)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the peers and the viewers inherit it
    versions = servers.install()
    with tempfile.TemporaryDirectory(dir=ROOT / ".audifi") as folder, running_platform(arguments.instance) as running:
        found = uvloop.run(measured(wanted, arguments, running, Path(folder)))
    for line in found["slower_than_wished"]:
        say(f"slower than wished: {line}")
    for line in found["missed"]:
        say(f"missed: {line}")
    if wanted.is_whole or wanted.is_written:
        print(write("vote_fanout", figures=found, units=UNITS, seed=arguments.seed, versions=versions))
    else:
        print(json.dumps(found, indent=1))
    return 1 if found["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
