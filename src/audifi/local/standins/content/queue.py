"""Work off what a provider was asked to fetch: queued, then pinning while it travels, then pinned, or failed.

Between: the providers' APIs (add an entry) and content.network.
Shape: each kind of entry has its own words for the three states; a finished one is handed to `done`.
Invariant: nothing is called pinned before the whole tree is here and checked. What was under way when the process
was killed starts again.
Units: *_s seconds.
Errors: content nobody has is asked for again, ever more slowly, and is `failed` after `give_up_s`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from audifi.local.standins.content.cids import parse
from audifi.local.standins.content.network import NotFetched, take_archive
from audifi.local.standins.content.provider import Provider
from audifi.local.standins.content.records import Entry

LOOKS_EVERY_S: Final = 0.1
FIRST_PAUSE_S: Final = 0.2
PAUSE_S_MAX: Final = 3.0
GROWTH: Final = 1.5
AT_ONCE_MAX: Final = 8


@dataclass(frozen=True)
class Words:
    """What a kind of entry calls its states."""

    waiting: str
    travelling: str
    failed: str


@dataclass
class _Waiting:
    entry: Entry
    due: float
    pause: float = FIRST_PAUSE_S


type_of_done = Callable[[Entry, list[str]], None]


class Queue:
    """What is still to be fetched."""

    def __init__(self, provider: Provider, words: Mapping[str, Words], done: type_of_done) -> None:
        self._provider, self._words, self._done = provider, words, done
        self._waiting: dict[str, _Waiting] = {}
        self._running: set[asyncio.Task[None]] = set()

    def add(self, entry: Entry) -> Entry:
        """Ask for content; if it is here already, that is all."""
        entry.body["status"] = self._words[entry.kind].waiting
        cid = parse(entry.cid)
        self._provider.records.keep(entry)
        if self._provider.records.holds_root(cid) and self._provider.records.tree(cid):
            self._done(entry, self._provider.records.tree(cid))
        else:
            self._waiting[entry.id] = _Waiting(entry, time.monotonic())
        return entry

    def cancel(self, identifier: str) -> None:
        self._waiting.pop(identifier, None)

    async def run(self) -> None:
        """Fetch, for ever."""
        for entry in self._provider.records.entries(*self._words):
            if not entry.held and entry.body["status"] != self._words[entry.kind].failed:
                self._waiting[entry.id] = _Waiting(entry, time.monotonic())
        try:
            while True:
                self._start_due()
                await asyncio.sleep(LOOKS_EVERY_S)
        finally:
            for task in self._running:
                task.cancel()

    def _start_due(self) -> None:
        if self._provider.trouble.faults.stuck_queue:
            return
        now = time.monotonic()
        for waiting in list(self._waiting.values()):
            if len(self._running) >= AT_ONCE_MAX:
                return
            if waiting.due <= now:
                waiting.due = float("inf")  # under way
                task = asyncio.create_task(self._try(waiting))
                self._running.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.result()  # a bug is heard of
            self._start_due()

    async def _try(self, waiting: _Waiting) -> None:
        entry, words = waiting.entry, self._words[waiting.entry.kind]
        reason = await self._fetch(entry, words)
        if entry.id not in self._waiting:
            return  # done, or withdrawn meanwhile
        if time.time() - entry.created / 1000 > self._provider.options.give_up_s:
            self._show(entry, words.failed, reason)
            self._waiting.pop(entry.id)
            return
        self._show(entry, words.waiting, reason)
        waiting.due, waiting.pause = time.monotonic() + waiting.pause, min(waiting.pause * GROWTH, PAUSE_S_MAX)

    async def _fetch(self, entry: Entry, words: Words) -> str:
        """Try once; returns why it did not succeed."""
        cid, network = parse(entry.cid), self._provider.network
        peer = await network.find(cid, [str(each) for each in entry.body.get("origins", [])])
        if peer is None:
            return f"nobody on the network has {cid}"
        self._show(entry, words.travelling, f"fetching from {peer}")
        try:
            async with network.fetched(cid, peer) as path, self._provider.changing:
                keys = await asyncio.to_thread(take_archive, path, self._provider.blocks, cid)
                if self._waiting.pop(entry.id, None) is not None:
                    self._done(entry, keys)
        except NotFetched as error:
            return str(error)
        return ""

    def _show(self, entry: Entry, status: str, details: str) -> None:
        if entry.id in self._waiting:
            entry.body.update(status=status, details=details)
            self._provider.records.keep(entry)
