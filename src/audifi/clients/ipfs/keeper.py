"""Make every wanted pin true: claim, look it up, send it, verify it, write down how it went; whoever dies is replaced.

Between: the worker (runs `work` in every pod), ledger (rows), providers (remote state), shelf (bytes).

How nothing is pinned twice: before anything is sent, the provider is asked for the CID. A crash between the provider's
acceptance and our record therefore ends in a look-up that finds it. Two keepers that worked on one pin (a lease ended
early) may both have sent it: verifying keeps the oldest copy and deletes the others, and every keeper decides alike.
How nothing is lost: a pin stays due until it is `verified`, is looked at once more verify_soon_s later (a provider may
forget what it has just taken), then every verify_every_s, and when the other provider cannot fetch it; a lease ends by
itself. `failed` is the only state without a next look; it is logged as an error, counted, and mended by `repair`.
What verified means: the provider lists the CID, and its gateway gave the root and random paths down to leaves, all with
the right hash.
When a verified copy is gone: `lost`, which is uploaded anew from the shelf, or from what other gateways still have.
Units: seconds, aware UTC times.
Errors: none leave `work` but bugs; a database that is away is waited for. `turn` and `keep` raise its Unavailable.
Source: outbound.md 4.4; docs/ipfs-pinning.md draws the states.
"""

import asyncio
import contextlib
import random
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import uuid4

from audifi.clients.ipfs import ledger
from audifi.clients.ipfs.car import CarError
from audifi.clients.ipfs.cids import Cid
from audifi.clients.ipfs.content import ContentError
from audifi.clients.ipfs.errors import (
    IpfsError,
    NeverAccepted,
    ProviderAway,
    ProviderBusy,
    ProviderRefused,
    WrongCid,
)
from audifi.clients.ipfs.ledger import Claimed, Outcome
from audifi.clients.ipfs.policy import GOOD, PinPolicy
from audifi.clients.ipfs.provider import Provider, RemotePin, RemoteStatus, Upload
from audifi.clients.ipfs.restoring import Restorer
from audifi.clients.ipfs.transport import cancelled_quietly
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.kernel.telemetry import counter, gauge, log
from audifi.wire import metrics
from audifi.wire.problems import Unavailable

T = TypeVar("T")
_GIVEN_UP: Final = (NeverAccepted, WrongCid)
_MEASURE_S: Final = 15.0  # as often as Prometheus looks (domain.md 6.1)
_UNLISTED_MAX: Final = 3  # a list may lag behind an upload; after so many looks a copy that never showed is lost


class Overtaken(Exception):
    """Another keeper has this pin now."""


class Keeper:
    """One pod's worker on pins."""

    def __init__(
        self,
        *,
        database: Database,
        providers: Sequence[Provider],
        restorer: Restorer,
        clock: Clock,
        policy: PinPolicy | None = None,
        chooser: random.Random | None = None,
    ) -> None:
        self._database = database
        self._providers = {provider.name: provider for provider in providers}
        self._restorer = restorer
        self._clock = clock
        self._policy = policy or PinPolicy()
        self._chooser = chooser or random.Random()  # noqa: S311  # spreads load and samples, guards nothing
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now: a transaction with a new pin was just committed."""
        self._woken.set()

    async def work(self) -> None:
        """Keep pins, for ever: as many at once as `batch`, so that a large upload holds up nobody else."""
        running: set[asyncio.Task[None]] = set()
        measured_s = -_MEASURE_S
        try:
            while True:
                self._woken.clear()
                try:
                    claimed = await self._claim_due(self._policy.batch - len(running))
                    running |= {asyncio.create_task(self.keep(pin)) for pin in claimed}
                    if self._clock.monotonic_s() - measured_s >= _MEASURE_S:
                        measured_s = self._clock.monotonic_s()
                        await self.measure()
                except Unavailable as problem:  # uploads under way go on meanwhile
                    log.warning("pins wait for the database", error=problem.message)
                running = await self._rested(running)
        finally:
            await cancelled_quietly(*running)

    async def turn(self) -> int:
        """Work on one batch of what is due until all of it is settled; return how many that were."""
        claimed = await self._claim_due(self._policy.batch)
        tasks = [asyncio.create_task(self.keep(pin)) for pin in claimed]
        try:
            await asyncio.gather(*tasks)
        finally:
            await cancelled_quietly(*tasks)
        return len(claimed)

    async def keep(self, pin: Claimed) -> None:
        """Bring one claimed pin as far as it goes now."""
        provider = self._providers[pin.provider]
        try:
            if pin.state not in GOOD:
                step = await self._holding(pin, self._place(provider, pin))
                if isinstance(step, Outcome):
                    await self._settle(pin, step)
                    return
                pin = step
            outcome = await self._holding(pin, self._verify(provider, pin))
        except Overtaken:
            return
        except (IpfsError, ContentError, CarError) as error:
            outcome = self._after_failure(pin, error)
        await self._settle(pin, outcome)

    async def measure(self) -> None:
        """Publish how the pins stand."""
        async with self._database.read() as connection:
            totals = await ledger.totals(connection)
            copies = await ledger.copies(connection)
        now = self._clock.now()
        lost = dict.fromkeys(self._providers, 0)
        oldest_s = dict.fromkeys(self._providers, 0.0)
        for row in totals:
            if row["provider"] in lost:
                lost[row["provider"]] += row["pins"] if row["state"] in ("lost", "failed") else 0
                if row["oldest"] is not None:
                    age_s = (now - row["oldest"]).total_seconds()
                    oldest_s[row["provider"]] = max(oldest_s[row["provider"]], age_s)
        for name in self._providers:
            gauge(metrics.IPFS_LOST).labels(name).set(lost[name])
            gauge(metrics.IPFS_VERIFIED_AGE).labels(name).set(oldest_s[name])
        for replicas in range(len(self._providers) + 1):
            gauge(metrics.IPFS_REPLICAS).labels(str(replicas)).set(copies.get(replicas, 0))

    async def _rested(self, running: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """Wait until a pin is settled, somebody wakes us or poll_s has passed; return what still runs."""
        woken = asyncio.create_task(self._woken.wait())
        try:
            done, _ = await asyncio.wait(
                {*running, woken}, timeout=self._policy.poll_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            await cancelled_quietly(woken)
        for task in running & done:
            error = task.exception()
            if isinstance(error, Unavailable):  # the lease ends, and somebody finds what was done
                log.warning("how a pin went could not be written down", error=error.message)
            elif error is not None:
                raise error
        return running - done

    async def _claim_due(self, limit: int) -> list[Claimed]:
        """Claim due pins at each provider whose health allows it."""
        claimed: list[Claimed] = []
        for provider in self._providers.values():
            allowed = provider.allowance(limit - len(claimed)) if limit > len(claimed) else 0
            if allowed:
                claimed += await self._claim(provider, allowed)
        return claimed

    async def _claim(self, provider: Provider, limit: int) -> list[Claimed]:
        async with self._database.transaction() as tx:
            return await ledger.claim(
                tx,
                provider=provider.name,
                is_fetching=not provider.takes_uploads,
                claim_id=uuid4(),
                now=self._clock.now(),
                until=self._lease_end(),
                limit=limit,
            )

    async def _place(self, provider: Provider, pin: Claimed) -> Claimed | Outcome:
        """Make the provider have it: return the pin as `pinned`, or how to wait for that."""
        found = await provider.find(Cid.parse(pin.content.cid))
        remote = next((each for each in found if each.status is not RemoteStatus.FAILED), None)
        if remote is None:
            for each in found:
                await provider.delete(each.remote_id)
            if found:
                raise ProviderRefused(f"{provider.name} failed to pin {pin.content.cid}; its request was given up")
            remote = await self._send(provider, pin)
        if remote.status is not RemoteStatus.PINNED:
            return await self._wait(provider, pin, remote)
        await self._settle(
            pin,
            Outcome(state="pinned", next_at=self._lease_end(), remote_id=remote.remote_id),
            keep_claim=True,
        )
        _count(pin, "pinned")
        return replace(pin, state="pinned", remote_id=remote.remote_id, resume_url=None, attempts=1)

    async def _send(self, provider: Provider, pin: Claimed) -> RemotePin:
        _count(pin, "asked")
        if provider.takes_uploads:
            remote = await self._upload(provider, pin)
        else:
            remote = await provider.pin(pin.content)
        ours = Cid.parse(pin.content.cid)
        if not remote.cid.is_same_content(ours):
            await provider.delete(remote.remote_id)
            raise WrongCid(f"{provider.name} calls {ours} {remote.cid}; its copy was deleted")
        return remote

    async def _upload(self, provider: Provider, pin: Claimed) -> RemotePin:
        archive = await self._restorer.archive(pin.content, without=provider.gateway.name)

        async def remember(url: str) -> None:
            async with self._database.transaction() as tx:
                if not await ledger.remember(tx, pin, resume_url=url):
                    raise Overtaken

        return await provider.upload(
            Upload(content=pin.content, archive=archive, resume_url=pin.resume_url, remember=remember)
        )

    async def _wait(self, provider: Provider, pin: Claimed, remote: RemotePin) -> Outcome:
        """Look again soon: the provider is fetching. After queued_s it is asked anew."""
        now = self._clock.now()
        asked_at = pin.asked_at or now
        waited_s = (now - asked_at).total_seconds()
        if waited_s > self._policy.doubt_s:
            async with self._database.transaction() as tx:
                await ledger.doubt(tx, pin, since=asked_at, now=now)
        if waited_s > self._policy.queued_s:
            await provider.delete(remote.remote_id)
            raise ProviderAway(f"{provider.name} had {pin.content.cid} {remote.status} for {self._policy.queued_s:g} s")
        return Outcome(
            state="uploading",
            next_at=now + timedelta(seconds=self._policy.queued_poll_s),
            remote_id=remote.remote_id,
            asked_at=asked_at,
            attempts=max(pin.attempts - 1, 0),
        )

    async def _verify(self, provider: Provider, pin: Claimed) -> Outcome:
        cid = Cid.parse(pin.content.cid)
        listed = [each for each in await provider.find(cid) if each.status is RemoteStatus.PINNED]
        if not listed:
            if pin.verified_at is None and pin.attempts <= _UNLISTED_MAX:
                raise ProviderAway(f"{provider.name} does not list {cid} yet")
            log.error("a pin is gone from its provider", provider=pin.provider, cid=pin.content.cid)
            _count(pin, "lost")
            return Outcome(state="lost", next_at=self._clock.now(), last_error="the provider does not list it")
        for surplus in listed[1:]:
            await provider.delete(surplus.remote_id)
        await provider.gateway.checked(cid, leaves=self._policy.leaves, chooser=self._chooser)
        now = self._clock.now()
        _count(pin, "verified")
        is_new = pin.verified_at is None
        again_s = self._policy.verify_soon_s if is_new else self._policy.verify_every_s
        again_s *= self._chooser.uniform(0.8, 1.0)  # so that they spread over the day
        return Outcome(
            state="verified",
            next_at=now + timedelta(seconds=again_s),
            remote_id=listed[0].remote_id,
            verified_at=now,
        )

    def _after_failure(self, pin: Claimed, error: Exception) -> Outcome:
        """Try later, or give up. What a provider has accepted is never given up: it is only not proved now."""
        attempts = pin.attempts - isinstance(error, ProviderBusy)
        wait = self._policy.backoff(attempts, self._chooser)
        if isinstance(error, ProviderBusy):
            wait = timedelta(seconds=error.retry_after_s or 1)
        is_last = isinstance(error, _GIVEN_UP) or attempts >= self._policy.attempts_max
        if is_last:
            log.error("a pin needs a person", provider=pin.provider, cid=pin.content.cid, error=str(error))
        else:
            log.warning("a pin waits", provider=pin.provider, cid=pin.content.cid, retry=str(wait), error=str(error))
        if pin.state in GOOD:
            state = pin.state if isinstance(error, ProviderAway) else "pinned"  # silence disproves nothing
        else:
            state = "failed" if is_last else "wanted"
        _count(pin, "failed" if state == "failed" else "later")
        return Outcome(
            state=state,
            next_at=self._clock.now() + wait,
            remote_id=pin.remote_id,
            resume_url=pin.resume_url,
            attempts=attempts,
            verified_at=pin.verified_at,
            last_error=str(error),
        )

    async def _settle(self, pin: Claimed, outcome: Outcome, *, keep_claim: bool = False) -> None:
        async with self._database.transaction() as tx:
            is_ours = await ledger.settle(tx, pin, outcome, self._clock.now(), keep_claim=keep_claim)
        if not is_ours and keep_claim:
            raise Overtaken

    async def _holding(self, pin: Claimed, work: Coroutine[Any, Any, T]) -> T:
        """Do this while renewing the claim; stop it when somebody else has the pin."""
        working = asyncio.create_task(work)
        holding = asyncio.create_task(self._hold(pin))
        try:
            await asyncio.wait({working, holding}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            holding.result()
            raise Overtaken
        finally:
            await cancelled_quietly(working, holding)

    async def _hold(self, pin: Claimed) -> None:
        """Renew a claim until it is lost."""
        is_ours = True
        while is_ours:
            await asyncio.sleep(self._policy.lease_s / 3)
            with contextlib.suppress(Unavailable):  # the next try, or the next keeper, decides
                async with self._database.transaction() as tx:
                    is_ours = await ledger.renew(tx, pin, self._lease_end())

    def _lease_end(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self._policy.lease_s)


def _count(pin: Claimed, status: str) -> None:
    counter(metrics.IPFS_PINS).labels(pin.provider, status).inc()
