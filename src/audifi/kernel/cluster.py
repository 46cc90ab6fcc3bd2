"""Speak to a Redis Cluster over one pipelined connection per master, and follow its failovers.

Between: kernel.cache (asks for one command), hiredis (packs and parses) and the nodes (RESP2).

# Why not the library's cluster client
A signed-in request runs two to three commands, and redis-py's cluster client takes four times our CPU for a command
among concurrent ones and a connection for each in flight. After a frozen primary both write again equally soon:
results/benchmarks/redis_client.json, docs/decisions/0037. The protocol itself is hiredis'.

# How it talks
Commands of all requests share a connection; those of one turn of the event loop leave in one write, answers come back
in order. A command belongs to the node that owns its key's slot.

# When it gives a node up
A connection whose oldest command waits longer than ANSWER_S is cut: everything on it fails, marked as sent. A node
that cannot be reached rests for REST_S, in which its commands fail at once, marked as not sent. Other masters go on.
Both times are counted in steps of WATCH_S that the event loop really took: a pod too busy to look does not call a node
dead whose answer lies unread.

# How it recovers
From the first failure on, some other node is asked who owns which slots, every LEARN_EVERY_S, until every owner can be
reached. MOVED is followed at once and teaches too. Nothing is repeated here except after MOVED and ASK, where the node
says that it did nothing.

Units: *_s seconds. Shape: at most one connection per master and pod.
Errors: `Lost` (with `sent`), `Refused` (an error reply; `code` is its first word).
Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ (MOVED, ASK, slots); RESP2.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

import hiredis

from audifi.wire import channels

ANSWER_S: Final = 1.0
WATCH_S: Final = 0.1
CONNECT_S: Final = 0.5
REST_S: Final = 0.25
LEARN_EVERY_S: Final = 0.2
REDIRECTS_MAX: Final = 5
_NOT_NOW: Final = frozenset({"CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY", "TRYAGAIN"})

Answer = TypeVar("Answer")
Argument = str | bytes | int
_packed: Final[Callable[[Sequence[Argument]], bytes]] = cast("Any", hiredis.pack_command)  # its stub knows one argument


class Lost(Exception):
    """The node did not answer."""

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent  # the command may have taken effect
        super().__init__(message)


class Refused(Exception):
    """The node answered with an error."""

    @property
    def code(self) -> str:
        return str(self).partition(" ")[0]


class Link(asyncio.Protocol):
    """One connection. Answers are matched to commands by their order."""

    def __init__(self, ended: "Callable[[Link], None]") -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = ended
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._outgoing: list[bytes] = []
        reader: Any = hiredis.Reader  # its stub admits only exceptions, the documentation any callable
        self._reader = reader(protocolError=Refused, replyError=Refused)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._suspect: asyncio.Future[Any] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        while self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_exception(Lost(f"the connection ended: {exc or 'closed'}", sent=True))
        self._ended(self)

    def call(self, command: bytes) -> "asyncio.Future[Any]":
        """Send a command with the others of this turn of the loop; the future is its answer, maybe a Refused."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            future.set_exception(Lost("the connection is closed", sent=False))
            return future
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(command)
        self._waiting.append((future, self._loop.time()))
        return future

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        reader.feed(data)
        while (answer := reader.gets()) is not False:  # False: not all there yet; RESP2 has no other False
            future, _ = self._waiting.popleft()
            if not future.done():  # the caller may have given up; its answer is still consumed
                future.set_result(answer)

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def _watch(self) -> None:
        oldest = self._waiting[0] if self._waiting else None
        if oldest is not None and self._loop.time() - oldest[1] > ANSWER_S:
            # Seen twice: between the two the loop has read what there was, so it is the node that is late, not we.
            if oldest[0] is self._suspect:
                self.abort()
                return
            self._suspect = oldest[0]
        self._timer = self._loop.call_later(WATCH_S, self._watch)


class Cluster:
    """All masters, and who owns which slot."""

    def __init__(self, nodes: Sequence[str], password: str) -> None:
        self._seeds = tuple(nodes)
        self._password = password
        self._owners: list[str | None] = [None] * channels.SLOTS
        self._known: tuple[str, ...] = self._seeds
        self._links: dict[str, Link] = {}
        self._connecting: dict[str, asyncio.Task[Link]] = {}
        self._resting_until: dict[str, float] = {}
        self._learning: asyncio.Task[None] | None = None
        self._is_closed = False

    async def close(self) -> None:
        self._is_closed = True
        tasks: list[asyncio.Task[Any]] = [
            task for task in (self._learning, *self._connecting.values()) if task is not None
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for link in list(self._links.values()):
            link.abort()

    async def execute(self, key: str, *arguments: Argument) -> Any:
        """Run one command on the node that owns the key; raise Refused or Lost."""
        command, slot = _packed(arguments), _slot(key)
        address = self._owners[slot] or await self._found(slot)
        for _ in range(REDIRECTS_MAX):
            link = self._links.get(address) or await self._connected(address)
            answer = await link.call(command)
            if not isinstance(answer, Refused):
                return answer
            if answer.code == "MOVED":
                address = self._owners[slot] = str(answer).rpartition(" ")[2]
                self._learn_soon()
            elif answer.code == "ASK":
                return await self._asked(str(answer).rpartition(" ")[2], command)
            elif answer.code in _NOT_NOW:
                self._learn_soon()
                raise Lost(str(answer), sent=False)
            else:
                raise answer
        raise Lost("sent from node to node", sent=False)

    async def owner(self, key: str) -> str:
        """Return host:port of the master that owns a key, as far as known; raise Lost."""
        slot = _slot(key)
        return self._owners[slot] or await self._found(slot)

    def doubt(self) -> None:
        """Somebody saw a master fail: learn who owns what, until every owner can be reached."""
        self._learn_soon()

    async def _asked(self, address: str, command: bytes) -> Any:
        link = self._links.get(address) or await self._connected(address)
        _, result = await asyncio.gather(link.call(_packed(("ASKING",))), link.call(command))
        if isinstance(result, Refused):
            raise result
        return result

    async def _found(self, slot: int) -> str:
        """Learn the owners for the first time, or after they were all away."""
        await self._learn_once()
        owner = self._owners[slot]
        if owner is None:
            self._learn_soon()
            raise Lost("no node says who owns the slot", sent=False)
        return owner

    async def _connected(self, address: str) -> Link:
        if asyncio.get_running_loop().time() < self._resting_until.get(address, 0.0):
            raise Lost(f"{address} did not answer a moment ago", sent=False)
        task = self._connecting.get(address)
        if task is None:
            task = self._connecting[address] = asyncio.create_task(self._connect(address))
            task.add_done_callback(lambda _: self._connecting.pop(address, None))
        try:
            return await asyncio.shield(task)
        except (OSError, TimeoutError, Refused, Lost) as error:
            raise Lost(f"{address} cannot be reached: {error}", sent=False) from error

    async def _connect(self, address: str) -> Link:
        loop = asyncio.get_running_loop()
        host, _, port = address.rpartition(":")
        link = None
        try:
            _, link = await _within_s(CONNECT_S, loop.create_connection(lambda: Link(self._forget), host, int(port)))
            answer = await _within_s(CONNECT_S, link.call(_packed(("AUTH", self._password))))
            if isinstance(answer, Refused):
                raise answer
        except (OSError, TimeoutError, Refused, Lost):
            if link is not None:
                link.abort()
            self._resting_until[address] = loop.time() + REST_S
            self._learn_soon()
            raise
        except asyncio.CancelledError:  # we are being closed
            if link is not None:
                link.abort()
            raise
        self._resting_until.pop(address, None)
        self._links[address] = link
        return link

    def _forget(self, ended: Link) -> None:
        for address, link in list(self._links.items()):
            if link is ended:
                del self._links[address]
                if not self._is_closed:
                    self._learn_soon()

    def _learn_soon(self) -> None:
        if self._is_closed or (self._learning is not None and not self._learning.done()):
            return
        self._learning = asyncio.create_task(self._learn())

    async def _learn(self) -> None:
        while not await self._is_whole():  # noqa: ASYNC110  # what is waited for is in other processes
            await asyncio.sleep(LEARN_EVERY_S)

    async def _is_whole(self) -> bool:
        await self._learn_once()
        owners = {owner for owner in self._owners if owner is not None}
        found = await asyncio.gather(*(self._reach(owner) for owner in owners))
        return bool(owners) and all(found)

    async def _reach(self, address: str) -> bool:
        try:
            link = self._links.get(address) or await self._connected(address)
            return not isinstance(await link.call(_packed(("PING",))), Refused)
        except Lost:
            return False

    async def _learn_once(self) -> None:
        # Connected nodes first: one that hangs costs a time-out.
        for address in dict.fromkeys(itertools.chain(list(self._links), self._known, self._seeds)):
            try:
                link = self._links.get(address) or await self._connected(address)
                answer = await _within_s(CONNECT_S, link.call(_packed(("CLUSTER", "SLOTS"))))
            except (Lost, TimeoutError):
                continue
            if not isinstance(answer, Refused) and answer:
                self._take_over(answer, address)
                return

    def _take_over(self, ranges: Iterable[Any], asked: str) -> None:
        known: dict[str, None] = {}
        for start, end, *nodes in ranges:
            addresses = [f"{(host or asked.rpartition(':')[0].encode()).decode()}:{port}" for host, port, *_ in nodes]
            known.update(dict.fromkeys(addresses))
            self._owners[start : end + 1] = [addresses[0]] * (end - start + 1)
        self._known = tuple(known)


async def _within_s(limit_s: float, awaited: Awaitable[Answer]) -> Answer:
    """Wait for it, for limit_s in steps that the loop took; raise TimeoutError."""
    task = asyncio.ensure_future(awaited)
    try:
        for _ in range(round(limit_s / WATCH_S)):
            done, _ = await asyncio.wait({task}, timeout=WATCH_S)
            if done:
                return task.result()
    finally:
        task.cancel()
    raise TimeoutError(f"no answer in {limit_s} s")


@lru_cache(4096)
def _tag_slot(tag: str) -> int:
    return channels.slot(tag)


def _slot(key: str) -> int:
    start = key.find("{")
    end = key.find("}", start + 1) if start >= 0 else -1
    return _tag_slot(key[start + 1 : end] if end > start + 1 else key)
