"""Open sessions on the running platform, and give thousands of people tickets to them.

Between: the parts of vote_fanout and the platform's database (as its superuser), Redis Cluster and ws-gateway's pods.
Shape: a session is one row that is ACTIVE and open to all; a ticket is what vstudio-service would have written, for a
person of its own each. So ten thousand are ready at once, and what is measured is the gateway.
Why directly at the pods, without TLS: the edge's part is another question's (http_path), and the peers have none.
Units: TICKET_S seconds, longer than the service's thirty: they are made before anybody connects.
Invariant: each audience has a session of its own, so that events are numbered from 1.
Errors: psycopg's; Unavailable from Redis.
"""

import asyncio
import hashlib
import secrets
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg

from audifi.clients.live.publishing import Publisher
from audifi.kernel.cache import Cache
from audifi.kernel.settings import Secret
from audifi.local.held import Held
from audifi.wire import channels
from audifi.wire.live.calls import Admission, Ticket, You
from audifi.wire.live.protocol import Role
from benchmarks.fanout.publishers import PADDING, Live
from benchmarks.fanout.servers import Server
from benchmarks.harness.catalogue import connected
from benchmarks.harness.processes import family

OURS: Final = "ours"
GATEWAY: Final = "ws-gateway"
TICKET_S: Final = 600
AT_ONCE: Final = 500
OPEN: Final = '{"type": "OPEN", "requirements": {}}'
OPTIONS: Final = '[{"id": "a", "label": "Strings"}, {"id": "b", "label": "Brass"}]'


@dataclass(frozen=True)
class _Told:
    """What a Cache reads of a service's settings."""

    redis_nodes: tuple[str, ...]
    redis_password: Secret


@dataclass(frozen=True)
class Studio:
    """The platform as the benchmark uses it."""

    running: Held
    cache: Cache
    database: "psycopg.AsyncConnection[tuple[Any, ...]]"
    folder: Path

    async def session(self) -> str:
        """A live session that everybody may watch and vote in."""
        session_id = str(uuid.uuid4())
        await self.database.execute(
            """INSERT INTO vstudio.sessions (id, artist_id, master_id, title, slug, status, view_gating, vote_gating,
                                             started_at)
               VALUES (%(id)s::uuid, gen_random_uuid(), gen_random_uuid(), 'Bench', %(id)s::text, 'VOTING', %(open)s,
                       %(open)s, now())""",
            {"id": session_id, "open": OPEN},
        )
        return session_id

    async def decision(self, session_id: str) -> str:
        """An open question with two answers."""
        decision_id = str(uuid.uuid4())
        await self.database.execute(
            """INSERT INTO vstudio.decisions (id, session_id, type, question, options, status, duration_s, opens_at,
                                              closes_at, display_order)
               VALUES (%s, %s, 'POLL', 'Strings or brass?', %s, 'OPEN', 3600, now(), now() + interval '1 hour', 1)""",
            (decision_id, session_id, OPTIONS),
        )
        return decision_id

    async def votes(self, decision_id: str) -> int:
        """How many PostgreSQL has."""
        found = await self.database.execute("SELECT count(*) FROM vstudio.votes WHERE decision_id = %s", (decision_id,))
        row = await found.fetchone()
        assert row is not None, "an aggregate has a row"
        return int(row[0])

    async def tickets(self, session_id: str, count: int) -> Path:
        """Write `count` tickets, each for somebody else, and the addresses they open, one a line."""
        given = [secrets.token_urlsafe(32) for _ in range(count)]
        for start in range(0, count, AT_ONCE):
            await asyncio.gather(*(self._write(each, session_id) for each in given[start : start + AT_ONCE]))
        path = self.folder / f"{session_id}.paths"
        path.write_text("".join(f"/vstudio/{session_id}?ticket={each}\n" for each in given))
        return path

    async def _write(self, ticket: str, session_id: str) -> None:
        you = You(role=Role.VIEWER, eligible=True)
        admission = Admission(session_id=session_id, user_id=str(uuid.uuid4()), display_name="Fan", you=you)
        key = channels.ws_ticket(hashlib.sha256(ticket.encode()).hexdigest())
        await self.cache.set(key, msgspec.json.encode(Ticket(admission=admission)), ttl_s=TICKET_S)

    async def server(self, pods: Sequence[int], viewers: int, *, padding: str = PADDING) -> Server:
        """Those pods, with a new session and so many tickets to it."""
        session_id = await self.session()
        names = [f"{GATEWAY}-{number}" for number in pods]
        return Server(
            name=OURS,
            ports=[self.running.port(name, "http") for name in names],
            pids=await self.pids(*names),
            publishing=Live(Publisher(self.cache), session_id, padding=padding),
            dialect=OURS,
            paths=await self.tickets(session_id, viewers),
            redis=await self.pids(*self.running.topology.component("redis-cluster").pods),
            session_id=session_id,
        )

    async def pids(self, *pods: str) -> list[int]:
        """Every process of these pods."""
        units = await self.running.units()
        return [pid for pod in pods for pid in family(units[pod]["pid"])]


@asynccontextmanager
async def studio(running: Held, folder: Path) -> AsyncGenerator[Studio]:
    """Connect to it all."""
    told = running.environment("vstudio-service-1")
    cache = await Cache.open(_Told(tuple(told["REDIS_NODES"].split(",")), Secret(told["REDIS_PASSWORD"])))
    database = await connected(running)
    try:
        yield Studio(running, cache, database, folder)
    finally:
        await database.close()
        await cache.close()
