"""Speak SMTP: one connection per mail, TLS whenever the other side offers it.

Between: services' relay loops (call `send`) and an SMTP server.
Why a connection per mail: sign-in mail is rare and must not wait behind, or die with, a connection gone stale.
Invariant: `send` returns only after the server took responsibility (250 after DATA). It does not retry: the caller
holds the mail and knows how often it tried.
Units: seconds.
Errors: MailRefused (5xx: never again), MailUnavailable (anything else; `may_have_taken_effect` is always true after
DATA, hence the stable Message-ID).
Source: domain.md 5.8 (30 s); RFC 5321; RFC 3207 (STARTTLS).
"""

import asyncio
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

SEND_S: Final = 30.0


class MailRefused(Exception):
    """The mail server refuses this mail for good."""


class MailUnavailable(Exception):
    """The mail server did not take this mail now; it may later, or may have without telling."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A plain-text mail. `message_id` identifies it over resends."""

    to: str
    subject: str
    text: str
    message_id: str


class MailClient:
    """A sender bound to one server and one From address."""

    def __init__(self, *, url: str, sender: str, password: str | None) -> None:
        """Take `smtp://[user@]host:port` (STARTTLS if offered) or `smtps://…` (TLS from the first byte)."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not parts.port:
            raise ValueError(
                f"MAIL_URL is {parts.scheme}://{parts.hostname}: expected smtp://host:port or smtps://host:port"
            )
        self._host = parts.hostname
        self._port = parts.port
        self._is_tls = parts.scheme == "smtps"
        self._user = unquote(parts.username) if parts.username else None
        self._sender = sender
        self._password = password

    async def send(self, message: Message) -> None:
        """Hand one mail to the server."""
        mail = self._composed(message)
        try:
            async with asyncio.timeout(SEND_S):  # of the whole dialogue: the library's own counts per command
                await aiosmtplib.send(
                    mail,
                    hostname=self._host,
                    port=self._port,
                    use_tls=self._is_tls,
                    start_tls=None,
                    username=self._user if self._password else None,
                    password=self._password if self._user else None,
                    timeout=SEND_S,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            _raise_by_code(max(refusal.code for refusal in error.recipients), error)
        except aiosmtplib.SMTPResponseException as error:
            _raise_by_code(error.code, error)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailUnavailable(f"{self._host}:{self._port}: {type(error).__name__}") from error

    def _composed(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = message.to
        mail["Subject"] = message.subject
        mail["Message-ID"] = message.message_id
        mail["Date"] = formatdate(usegmt=True)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: asks out-of-office robots to stay quiet
        mail.set_content(message.text)
        return mail


def _raise_by_code(code: int, error: Exception) -> None:
    # The server's own words may repeat the recipient: only the code is kept.
    if 500 <= code < 600:
        raise MailRefused(f"SMTP {code}") from error
    raise MailUnavailable(f"SMTP {code}") from error
