"""Send promised mail: claim, send, record; whatever happens in between, someone tries again.

Between: store.mails (rows), clients.mail (SMTP), app (runs `work` in every pod), routes (`wake` after a commit).

Why woken and polled: a person waits for the sign-in mail, so the pod that promised it sends at once; the poll is for
mail promised by a pod that died, and for retries.
When it refrains: mail whose time has passed is dropped, not sent late; a permanent refusal (5xx) is final.
How it recovers: backoff 2, 4, 8 … 300 s; the lease of a dead postman ends after LEASE_S and the resend carries the
same Message-ID, so the reader's server can recognise it.
Units: seconds.
Errors: none leave `work` but bugs and Unavailable of the database (the supervisor of loops restarts it).
Source: RFC 5321 section 4.5.4.1 (retry), 4.2.1 (5yz is permanent).
"""

import asyncio
import contextlib
from datetime import timedelta
from typing import Final

from audifi.clients.mail import MailClient, MailRefused, MailUnavailable, Message
from audifi.kernel.clock import Clock
from audifi.kernel.crypto import Keyring
from audifi.kernel.database import Database
from audifi.kernel.telemetry import counter, log
from audifi.services.auth import letters
from audifi.services.auth.store import mails
from audifi.wire import metrics

POLL_S: Final = 1.0
BATCH: Final = 20
BACKOFF_FIRST_S: Final = 2
BACKOFF_MAX_S: Final = 300


class Postman:
    """One pod's sender of mail."""

    def __init__(self, *, database: Database, client: MailClient, seal: Keyring, clock: Clock) -> None:
        self._database = database
        self._client = client
        self._seal = seal
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now: a transaction with a mail in it was just committed."""
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
            claimed = await mails.claim(tx, now=self._clock.now(), limit=BATCH)
        await asyncio.gather(*(self._deliver(mail) for mail in claimed))
        return len(claimed)

    async def _deliver(self, mail: mails.Mail) -> None:
        letter = letters.opened(mail, self._seal)
        message = Message(to=letter.to, subject=letter.subject, text=letter.text, message_id=mail.message_id)
        try:
            await self._client.send(message)
        except MailRefused as refusal:
            _count(mail, "refused")
            log.error("a mail was refused for good", kind=mail.kind, mail=mail.id, error=str(refusal))
            async with self._database.transaction() as tx:
                await mails.mark_failed(tx, mail.id, now=self._clock.now(), error=str(refusal))
        except MailUnavailable as problem:
            _count(mail, "later")
            wait_s = backoff_s(mail.attempts)
            log.warning(
                "a mail could not be sent yet", kind=mail.kind, mail=mail.id, retry_s=wait_s, error=str(problem)
            )
            async with self._database.transaction() as tx:
                at = self._clock.now() + timedelta(seconds=wait_s)
                await mails.mark_later(tx, mail.id, at=at, error=str(problem))
        else:
            _count(mail, "sent")
            async with self._database.transaction() as tx:
                await mails.mark_sent(tx, mail.id, self._clock.now())


def backoff_s(attempts: int) -> int:
    """Return how long to wait after this many attempts."""
    return min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(max(attempts - 1, 0), 10))


def _count(mail: mails.Mail, status: str) -> None:
    counter(metrics.EMAIL_SENT).labels(mail.kind, status).inc()
