"""Write the mails auth-service sends, and promise them in the transaction of their cause.

Between: routes (promise), store.mails (keeps, encrypted), postman (sends).
Invariant: a mail exists if and only if the change it tells of was committed; recipient and text are stored encrypted
only and erased after delivery.
Why text only: a sign-in link is read by people and phishing filters alike; plain text is what both trust most.
Errors: none.
Source: domain.md 4 (link text, 15 min; lockout, wallet and new device notices).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from audifi.kernel.clock import iso
from audifi.kernel.connection import Connection
from audifi.kernel.crypto import Keyring
from audifi.kernel.ids import new_id
from audifi.services.auth.store import mails

NOTICE_S: Final = 3 * 24 * 3600  # a notice older than this is history, not news
LINK_S: Final = 15 * 60

_FOOTER: Final = "\n\nAudiFi\nThis address does not read replies."


class Letter(msgspec.Struct, frozen=True):
    """A mail, ready to be sent."""

    kind: str
    to: str
    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a request came from, as far as its owner should know."""

    at: datetime
    ip: str
    user_agent: str


async def promise(tx: Connection, letter: Letter, *, seal: Keyring, now: datetime, ttl_s: int = NOTICE_S) -> str:
    """Enqueue a mail in the caller's transaction and return its Message-ID."""
    mail_id = str(new_id())
    message_id = f"<{mail_id}@auth.audifi>"
    await mails.insert(
        tx,
        mail_id=mail_id,
        kind=letter.kind,
        payload_enc=seal.seal(msgspec.json.encode(letter), context=f"mails/{mail_id}"),
        message_id=message_id,
        now=now,
        expires_at=now + timedelta(seconds=ttl_s),
    )
    return message_id


def opened(mail: mails.Mail, seal: Keyring) -> Letter:
    """Return a promised mail's content."""
    return msgspec.json.decode(seal.open(mail.payload_enc, context=f"mails/{mail.id}"), type=Letter)


def magic_link(*, to: str, app_origin: str, token: str, redirect_path: str | None) -> Letter:
    """Return the sign-in mail. The token is base64url, so it needs no escaping."""
    link = f"{app_origin}/auth/verify?token={token}"
    landing = f"\n\nYou will land on {redirect_path}." if redirect_path else ""
    text = (
        f"Sign in to AudiFi:\n\n{link}\n\nThe link works once, for {LINK_S // 60} minutes.{landing}\n\n"
        "If you did not ask for it, ignore this mail: without the link nobody can sign in."
    )
    return Letter(kind="magic_link", to=to, subject="Sign in to AudiFi", text=text + _FOOTER)


def lockout(*, to: str, until: datetime, origin: Origin) -> Letter:
    """Return the notice that guessing closed the second factor."""
    text = (
        f"Someone entered five wrong codes for your second factor. It is locked until {iso(until)}.\n\n"
        f"{_where(origin)}\n\nIf this was not you, someone can read your mail: change its password now."
    )
    return Letter(kind="lockout", to=to, subject="Your second factor is locked", text=text + _FOOTER)


def failed_sign_ins(*, to: str, app_origin: str, failures: int, origin: Origin) -> Letter:
    """Return the notice that someone keeps trying."""
    text = (
        f"{failures} attempts to sign in to your account failed within an hour. The last one:\n\n{_where(origin)}\n\n"
        f"Your account is as it was. If this was not you, look at your sessions: {app_origin}/settings"
    )
    return Letter(kind="failed_sign_ins", to=to, subject="Failed sign-ins to your AudiFi account", text=text + _FOOTER)


def new_device(*, to: str, app_origin: str, origin: Origin) -> Letter:
    """Return the notice of a sign-in from a device not seen before."""
    text = (
        f"Your account was used on a new device.\n\n{_where(origin)}\n\n"
        f"If this was not you, sign out everywhere: {app_origin}/settings"
    )
    return Letter(kind="new_device", to=to, subject="New sign-in to your AudiFi account", text=text + _FOOTER)


def wallet_linked(*, to: str, app_origin: str, wallet: str, token: str, payout_at: datetime, origin: Origin) -> Letter:
    """Return the notice of a new wallet, with the link that takes it back."""
    text = (
        f"The wallet {wallet} was linked to your account. It can receive payouts from {iso(payout_at)}.\n\n"
        f"{_where(origin)}\n\nIf this was not you, remove it before then:\n\n{app_origin}/wallet/cancel?token={token}"
    )
    return Letter(kind="wallet_linked", to=to, subject="A wallet was linked to your account", text=text + _FOOTER)


def wallet_changed(*, to: str, app_origin: str, change: str, origin: Origin) -> Letter:
    """Return the notice of a removed wallet or another primary one."""
    text = f"{change}\n\n{_where(origin)}\n\nIf this was not you, sign out everywhere: {app_origin}/settings"
    return Letter(kind="wallet_changed", to=to, subject="Your wallets changed", text=text + _FOOTER)


def mfa_changed(*, to: str, app_origin: str, change: str, origin: Origin) -> Letter:
    """Return the notice that the second factor was switched on or off."""
    text = f"{change}\n\n{_where(origin)}\n\nIf this was not you, sign out everywhere: {app_origin}/settings"
    return Letter(kind="mfa_changed", to=to, subject="Your second factor changed", text=text + _FOOTER)


def _where(origin: Origin) -> str:
    return f"When: {iso(origin.at)}\nAddress: {origin.ip}\nDevice: {origin.user_agent or 'unknown'}"
