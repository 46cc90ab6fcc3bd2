"""Send promised mail: claim, ask whom it goes to, send, record; whatever happens in between, someone tries again.

Between: store.mails (rows), auth-service (addresses: asked when sending, kept nowhere), clients.mail (SMTP), app (runs
`work` in every pod), consumers (`wake`).
When it refrains: an account that is closed gets nothing; mail whose time has passed is dropped, not sent late; a
permanent refusal (5xx) is final.
How it recovers: backoff 2, 4, 8 … 300 s; the lease of a dead postman ends after LEASE_S and the resend carries the
same Message-ID, so the reader's server can recognise it.
Units: seconds.
Errors: none leave `work` but bugs and Unavailable of the database (the supervisor of loops restarts it).
Source: ADR 0023; RFC 5321 section 4.5.4.1 (retry), 4.2.1 (5yz is permanent).
"""

import asyncio
import contextlib
from datetime import timedelta
from typing import Final

import msgspec

from audifi.clients.mail import MailClient, MailRefused, MailUnavailable, Message
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.kernel.logs import log
from audifi.kernel.metrics import counter
from audifi.kernel.peers import Peers
from audifi.services.worker import letters
from audifi.services.worker.store import mails
from audifi.services.worker.store.mails import Mail
from audifi.wire import metrics
from audifi.wire.problems import Problem, UserNotFound

POLL_S: Final = 1.0
BATCH: Final = 20
BACKOFF_FIRST_S: Final = 2
BACKOFF_MAX_S: Final = 300


class Account(msgspec.Struct):
    """What we read of auth-service's answer about a user."""

    email: str
    status: str


class Postman:
    """One pod's sender of mail."""

    def __init__(self, *, database: Database, client: MailClient, peers: Peers, clock: Clock, app_url: str) -> None:
        self._database = database
        self._client = client
        self._peers = peers
        self._clock = clock
        self._app_url = app_url
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now: a transaction with a mail in it is about to be committed."""
        self._woken.set()

    async def work(self) -> None:
        """Send what is due, for ever."""
        while True:
            self._woken.clear()
            if await self.deliver_due() == BATCH:
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), POLL_S)

    async def deliver_due(self) -> int:
        """Claim one batch and try to send it; return how many were claimed."""
        async with self._database.transaction() as tx:
            await mails.fail_expired(tx, self._clock.now())
            claimed = await mails.claim(tx, now=self._clock.now(), limit=BATCH)
        await asyncio.gather(*(self._deliver(mail) for mail in claimed))
        return len(claimed)

    async def _deliver(self, mail: Mail) -> None:
        try:
            account = await self._peers.get("auth-service", f"/internal/v1/users/{mail.user_id}", Account)
            if account.status in ("DELETED", "SUSPENDED"):
                await self._give_up(mail, f"the account is {account.status}", status="dropped")
                return
            await self._client.send(self._message(mail, account.email))
        except UserNotFound:
            await self._give_up(mail, "there is no such account", status="dropped")
        except MailRefused as refusal:
            log.error("a mail was refused for good", kind=mail.kind, mail=mail.id, error=str(refusal))
            await self._give_up(mail, str(refusal), status="refused")
        except (MailUnavailable, Problem) as problem:
            await self._put_off(mail, str(problem))
        else:
            _count(mail, "sent")
            async with self._database.transaction() as tx:
                await mails.mark_sent(tx, mail.id, self._clock.now())

    def _message(self, mail: Mail, to: str) -> Message:
        letter = letters.written(mail.kind, mail.facts, self._app_url)
        return Message(to=to, subject=letter.subject, text=letter.text, message_id=mail.message_id)

    async def _give_up(self, mail: Mail, reason: str, *, status: str) -> None:
        _count(mail, status)
        async with self._database.transaction() as tx:
            await mails.mark_failed(tx, mail.id, now=self._clock.now(), error=reason)

    async def _put_off(self, mail: Mail, reason: str) -> None:
        _count(mail, "later")
        wait_s = backoff_s(mail.attempts)
        log.warning("a mail could not be sent yet", kind=mail.kind, mail=mail.id, retry_s=wait_s, error=reason)
        async with self._database.transaction() as tx:
            await mails.mark_later(tx, mail.id, at=self._clock.now() + timedelta(seconds=wait_s), error=reason)


def backoff_s(attempts: int) -> int:
    """Return how long to wait after this many attempts."""
    return min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(max(attempts - 1, 0), 10))


def _count(mail: Mail, status: str) -> None:
    counter(metrics.EMAIL_SENT).labels(mail.kind, status).inc()
