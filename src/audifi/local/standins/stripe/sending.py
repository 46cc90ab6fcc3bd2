"""Deliver events as signed webhooks, again and again until somebody says 2xx.

Between: world (tells events), faults (disturbs deliveries), control (replays, asks what waits), the one endpoint.
Shape: POST of the event; `Stripe-Signature: t=<s>,v1=<HMAC-SHA256 of "t.body" in hex>`.
Units: seconds. The signature's time is the machine's, whatever the account's clock says: a receiver compares with its
own.
Invariant: an event counts as delivered only after a 2xx; what was not delivered is tried again after a restart.
Errors: none leave: whatever the endpoint does leads to another try.
Source: docs.stripe.com/webhooks (signatures, retries). Stripe waits hours between tries; here BACKOFF_MAX_S.
"""

import asyncio
import contextlib
import hashlib
import heapq
import hmac
import itertools
import json
import socket
import ssl
import time
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from audifi.local.standins.keys import Keys
from audifi.local.standins.stripe.faults import Trouble
from audifi.local.standins.stripe.records import Json
from audifi.local.standins.stripe.world import World

TOGETHER: Final = 16  # deliveries at once
TIMEOUT_S: Final = 30.0
BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MAX_S: Final = 15.0
WRONG_SECRET: Final = "whsec_somebody_else"  # noqa: S105  # nobody's
Due = tuple[float, int, str, int]  # when, order, event, tries so far


class _Loopback(AbstractResolver):
    """Names below .localhost are this machine (RFC 6761 section 6.3)."""

    def __init__(self) -> None:
        self._others = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if not host.endswith(".localhost"):
            return await self._others.resolve(host, port, family)
        found = ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)
        return [found]

    async def close(self) -> None:
        await self._others.close()


class Sender:
    """One webhook endpoint."""

    def __init__(self, world: World, trouble: Trouble, *, url: str, secrets: Keys | None, ca: Path | None) -> None:
        self._world, self._trouble = world, trouble
        self._url, self._secrets, self._ca = url, secrets, ca
        self._waiting: list[Due] = []
        self._order = itertools.count()
        self._woken = asyncio.Event()
        self._busy: set[asyncio.Task[None]] = set()

    def event(self, event: Json) -> None:
        """Deliver this event, as often as the knobs say."""
        if not self._url:
            return
        for _ in range(1 + self._trouble.faults.webhooks.duplicates):
            self._plan(event["id"], 0, self._lateness_s())

    def replay(self, times: int) -> int:
        """Deliver everything once more, so many times; returns how many deliveries that makes."""
        found = list(self._world.records.of_kind("event"))
        for _ in range(times):
            for event in found:
                self._plan(event["id"], 0, self._lateness_s())
        return times * len(found)

    def waiting(self) -> int:
        return len(self._waiting) + len(self._busy)

    def wake(self) -> None:
        self._woken.set()

    def _lateness_s(self) -> float:
        faults = self._trouble.faults.webhooks
        return faults.late_s + self._trouble.dice.random() * faults.shuffle_s

    def _plan(self, event: str, tries: int, after_s: float) -> None:
        heapq.heappush(self._waiting, (time.monotonic() + after_s, next(self._order), event, tries))
        self.wake()

    async def run(self) -> None:
        """Deliver until cancelled, first what an earlier process did not."""
        for event in reversed(list(self._world.records.of_kind("event"))):
            if event["pending_webhooks"]:
                self._plan(event["id"], 0, 0.0)
        context = ssl.create_default_context(cafile=str(self._ca)) if self._ca else True
        connector = aiohttp.TCPConnector(ssl=context, resolver=_Loopback())
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            while True:
                self._start_due(session)
                await self._next_moment()

    def _start_due(self, session: aiohttp.ClientSession) -> None:
        held = self._trouble.faults.webhooks.hold
        while self._waiting and not held and len(self._busy) < TOGETHER and self._waiting[0][0] <= time.monotonic():
            _, _, event, tries = heapq.heappop(self._waiting)
            task = asyncio.create_task(self._deliver(session, event, tries))
            self._busy.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._busy.discard(task)
        self.wake()

    async def _next_moment(self) -> None:
        wait_s = 1.0
        if self._waiting and not self._trouble.faults.webhooks.hold and len(self._busy) < TOGETHER:
            wait_s = max(0.0, min(wait_s, self._waiting[0][0] - time.monotonic()))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), wait_s)
        self._woken.clear()

    async def _deliver(self, session: aiohttp.ClientSession, identity: str, tries: int) -> None:
        event = self._world.records.get(identity)
        if event is None:
            return
        body = json.dumps(event).encode()
        headers = {"Stripe-Signature": self._signed(body), "Content-Type": "application/json; charset=utf-8"}
        headers["User-Agent"] = "Stripe/1.0 (+https://stripe.com/docs/webhooks)"
        status = 0
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                status = answer.status
        self._trouble.counts[f"webhooks.{status or 'unanswered'}"] += 1
        if 200 <= status < 300:
            self._world.keep(event, pending_webhooks=0)
        else:
            self._plan(identity, tries + 1, min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(tries, 10)))

    def _signed(self, body: bytes) -> str:
        faults = self._trouble.faults.webhooks
        moment = int(time.time()) - faults.signature_age_s
        secret = WRONG_SECRET if faults.wrong_signature or self._secrets is None else self._secrets.first
        return f"t={moment},v1={signature(secret, moment, body)}"


def signature(secret: str, moment: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
