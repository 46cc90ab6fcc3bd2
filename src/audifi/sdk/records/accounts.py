"""Say what auth-service returns: people, sessions, second factors, wallets, consents.

Between: sdk.auth, sdk.user, sdk.consents, sdk.artists (decode into them) and callers.
Units: timestamps are ISO-8601 UTC; `*_in` seconds from now.
Invariant: a secret is in no repr.
Errors: as records.
Source: domain.md 2.1.
"""

from datetime import datetime
from typing import Any

import msgspec


class Profile(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The signed-in user, with the artist's and producer's face if there is one."""

    id: str
    email: str
    display_name: str
    roles: tuple[str, ...] = ()
    bio: str | None = None
    avatar_url: str | None = None
    plan: str = "FREE"
    status: str = "ACTIVE"
    mfa_enabled: bool = False
    social_links: dict[str, str | None] = {}
    music_platforms: dict[str, str | None] = {}
    wallets: tuple["Wallet", ...] = ()
    artist: "Artist | None" = None
    producer: dict[str, Any] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Artist(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """An artist's public face."""

    artist_name: str
    slug: str
    bio: str | None = None
    short_bio: str | None = None
    genre: str | None = None
    location: str | None = None
    image_url: str | None = None
    social_links: dict[str, str | None] = {}
    music_platforms: dict[str, str | None] = {}
    is_verified: bool = False


class Message(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A sentence for people."""

    message: str


class SignedIn(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """An access token, and who it speaks for."""

    access_token: str
    expires_in: int
    user: Profile | None = None

    def __repr__(self) -> str:
        """Never show the token."""
        return f"SignedIn(expires_in={self.expires_in}, user={self.user!r})"


class SecondFactorNeeded(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The link was right; a code of the second factor completes the sign-in."""

    mfa_token: str
    expires_in: int
    mfa_required: bool = True

    def __repr__(self) -> str:
        """Never show the token."""
        return f"SecondFactorNeeded(expires_in={self.expires_in})"


class SignInStep(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Either of the two above, as the token endpoints send it: bare, distinguished by `mfaRequired`."""

    access_token: str | None = None
    csrf_token: str | None = None
    expires_in: int
    user: Profile | None = None
    mfa_required: bool = False
    mfa_token: str | None = None

    def outcome(self) -> SignedIn | SecondFactorNeeded:
        if self.mfa_required and self.mfa_token is not None:
            return SecondFactorNeeded(mfa_token=self.mfa_token, expires_in=self.expires_in)
        if self.access_token is None:
            raise msgspec.ValidationError("a sign-in has an accessToken or an mfaToken")
        return SignedIn(access_token=self.access_token, expires_in=self.expires_in, user=self.user)


class Link(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A link taken from a mail; its token is a secret until used."""

    url: str
    token: str


class Enrolment(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Shown once: what the authenticator app needs, and ten codes for the day it is lost."""

    secret: str
    otpauth_url: str
    backup_codes: tuple[str, ...]


class BackupCodes(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Fresh backup codes."""

    backup_codes: tuple[str, ...]


class Wallet(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A wallet linked to the account; `address` is EIP-55."""

    address: str
    chain_id: int
    is_primary: bool = False
    label: str | None = None
    verified_at: datetime | None = None
    payout_enabled_at: datetime | None = None


class WalletNonce(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The message to sign (EIP-4361), valid for five minutes."""

    nonce: str
    message: str
    expires_at: datetime


class Session(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """One place where the user is signed in."""

    id: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    user_agent: str | None = None
    ip: str | None = None
    current: bool = False


class ConsentCheck(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Which policies are still to be accepted for a flow."""

    has_all_required: bool
    missing: tuple[Any, ...] = ()
