"""Keep what all connections of a pod share: who is here, the heart, the counts.

Between: app (makes it), connection (each holds it), draining (closes everybody).
Shape: one object per pod. Tasks that were spawned are kept until they end, so that none is collected half-way.
Invariant: what is enrolled when a connection opens is dismissed when it ends, whatever it went through.
Errors: never raises; a spawned task that fails is logged.
Source: domain.md 3 (re-check every 15 min, 5 connections per user), 6.2 (metrics).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from audifi.gateways.ws.admitting import Admitting
from audifi.gateways.ws.batches import Batches
from audifi.gateways.ws.commands import Commands
from audifi.gateways.ws.connection import Connection
from audifi.gateways.ws.heartbeat import Heart, Wheel
from audifi.gateways.ws.people import People
from audifi.gateways.ws.viewer import Rooms
from audifi.kernel.http.address import limited_as
from audifi.kernel.logs import log
from audifi.kernel.metrics import counter, gauge, histogram
from audifi.kernel.peers import Peers
from audifi.wire import metrics
from audifi.wire.live import protocol
from audifi.wire.live.calls import Admission
from audifi.wire.live.protocol import Code

_PENDING = "pending"  # the role of a connection that was not admitted yet


class Gateway:
    """One pod."""

    def __init__(
        self, *, rooms: Rooms, admitting: Admitting, peers: Peers, client_address: Callable[[str, str], str]
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.rooms = rooms
        self.admitting = admitting
        self.people: People[Connection] = People()
        self.heart = Heart()
        self.commands = Commands(rooms, Batches(peers, self.spawn), peers, self.spawn)
        self.connections: set[Connection] = set()
        self.sent = counter(metrics.WS_SENT)
        self.received = counter(metrics.WS_RECEIVED)
        self._address = client_address
        self._rechecks: Wheel[Connection] = Wheel(protocol.RECHECK_S)
        self._tasks: set[asyncio.Task[None]] = set()
        roles = (_PENDING, *protocol.Role)
        self._active = {role: gauge(metrics.WS_ACTIVE).labels(role) for role in map(str, roles)}
        self._tried = {status: counter(metrics.WS_CONNECTIONS).labels(status) for status in ("admitted", "refused")}
        self._lasted = histogram(metrics.WS_DURATION)
        self._errors = counter(metrics.WS_ERRORS)
        self.heart.every_second += (self._recheck, self._forget)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that a connection waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def address_of(self, socket: Any, forwarded: str) -> str:
        """Return what a connection counts as."""
        peer = socket.get_extra_info("peername")
        address = self._address(peer[0] if peer else "", forwarded)
        return limited_as(address) if ":" in address else address  # only IPv6 counts otherwise than it is written

    def errors(self, type_: str) -> None:
        self._errors.labels(type_).inc()

    def enrol(self, connection: Connection) -> tuple[int, int]:
        """Note a connection that has just opened; return its places, with which to dismiss it."""
        self.connections.add(connection)
        self._active[_PENDING].inc()
        return self.heart.enrol(connection), self._rechecks.enrol(connection)

    def admitted(self, connection: Connection) -> None:
        """Note whose it is; their oldest goes when it is one too many."""
        admission = connection.admission
        self._active[_PENDING].dec()
        self._active[admission.you.role].inc()
        self._tried["admitted"].inc()
        if admission.user_id is None:
            return
        oldest = self.people.seat(admission.user_id, connection)
        if oldest is not None:
            self.people.unseat(admission.user_id, oldest)
            oldest.expel(Code.REPLACED, "You opened another connection.")

    def dismiss(
        self, connection: Connection, places: tuple[int, int], admission: Admission | None, lasted_s: float
    ) -> None:
        """Forget a connection."""
        self.connections.discard(connection)
        self.heart.dismiss(connection, places[0])
        self._rechecks.dismiss(connection, places[1])
        self._active[_PENDING if admission is None else admission.you.role].dec()
        self._lasted.observe(lasted_s)
        if admission is None:
            self._tried["refused"].inc()
        elif admission.user_id is not None:
            self.people.unseat(admission.user_id, connection)

    def _recheck(self) -> None:
        due = [each for each in self._rechecks.advance() if each.is_admitted]
        if due:
            self.spawn(self._rechecked(due))

    async def _rechecked(self, due: list[Connection]) -> None:
        revoked = await asyncio.gather(*(self.admitting.is_revoked(each.admission) for each in due))
        for connection, is_revoked in zip(due, revoked, strict=True):
            if is_revoked:
                connection.expel(Code.SESSION_REVOKED, "You signed out.")

    def _forget(self) -> None:
        if self.heart.second % 60 == 0:
            self.people.forget(self.loop.time())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a task of a connection failed", error=error)
