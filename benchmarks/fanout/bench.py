"""Give every part what it works with: the platform, room for peers, audiences.

Between: the parts of vote_fanout (compared, sustained, troubled) and servers, studio, generator.
Units: cores are numbers of processors: the server has one to itself and the viewers another, or all share all.
Invariant: nothing outlives the block that asked for it.
"""

from collections.abc import AsyncGenerator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.fanout.generator import Audience, Wanted, audience
from benchmarks.fanout.publishers import PADDING
from benchmarks.fanout.servers import Server, peer
from benchmarks.fanout.studio import Studio
from benchmarks.harness.arguments import Arguments, say
from benchmarks.harness.wrk import Unusable

SERVER_CORE: Final = 0
VIEWERS_CORE: Final = 1
PODS: Final = (1, 2, 3)
IN_WITHIN_S: Final = 120.0


@dataclass(frozen=True)
class Bench:
    """One run."""

    studio: Studio
    arguments: Arguments
    viewers: tuple[int, ...]

    @property
    def folder(self) -> Path:
        return self.studio.folder

    def redis(self) -> dict[str, str]:
        """What a Socket.IO node is told of its Redis: the platform's own single one."""
        running = self.studio.running
        told = running.environment("vstudio-service-1")
        return {"REDIS_PORT": str(running.port("redis-queue-1", "redis")), "REDIS_PASSWORD": told["QUEUE_PASSWORD"]}

    def peer(
        self, name: str, nodes: int, *, core: int | None = None, padding: str = PADDING
    ) -> AbstractAsyncContextManager[Server]:
        """Run `nodes` processes of a peer; Socket.IO's are joined by Redis."""
        ports = [self.studio.running.instance.ports.of(f"bench-{name}-{node}", "http") for node in range(1, nodes + 1)]
        return peer(name, ports, folder=self.folder, core=core, told=self.redis(), padding=padding)

    @asynccontextmanager
    async def watched(
        self, server: Server, viewers: int, *, core: int | None = None, stalled: int = 0, nap_us: int = 200
    ) -> AsyncGenerator[Audience]:
        """Fill a server with viewers."""
        wanted = Wanted(
            ports=server.ports, viewers=viewers, dialect=server.dialect, paths=server.paths, stalled=stalled,
            core=core, nap_us=nap_us, within_s=IN_WITHIN_S, log=self.folder / f"viewers-{server.name}.log",
        )  # fmt: skip
        async with audience(wanted) as found:
            yield found


async def attempted(work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """Its figures, or why there are none: the other parts go on (goals.missed says it)."""
    try:
        return await work
    except Unusable as error:
        say(f"unusable: {error}")
        return {"unusable": str(error)}
