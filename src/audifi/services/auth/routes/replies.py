"""Shape what auth-service answers, in one place for all routes that answer it.

Between: routes.* (build), docs/openapi/auth.json and the SDK (read).
Units: timestamps ISO-8601 UTC with milliseconds; `expiresIn` seconds.
Invariant: what is private to an account is in UserReply; PublicArtist holds nothing a stranger may not see.
"""

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from audifi.kernel.clock import iso
from audifi.kernel.http import Reply
from audifi.services.auth.proofs import checksummed
from audifi.services.auth.rules.permissions import permissions
from audifi.services.auth.store.artists import Artist, Producer
from audifi.services.auth.store.sessions import Session
from audifi.services.auth.store.users import User
from audifi.services.auth.store.wallets import Wallet


class MessageReply(Reply):
    """A sentence for people."""

    message: str


class UserReply(Reply, kw_only=True):
    """An account, as its owner sees it."""

    id: str
    email: str
    display_name: str
    avatar_url: str | None
    bio: str | None
    social_links: dict[str, str]
    music_platforms: dict[str, str]
    status: str
    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    plan: str
    wallet_address: str | None
    mfa_enabled: bool
    created_at: str
    last_login_at: str | None


class WalletReply(Reply, kw_only=True):
    """A linked wallet; `address` carries its EIP-55 checksum."""

    address: str
    chain_id: int
    is_primary: bool
    label: str | None
    verified_at: str
    payout_enabled_at: str


class PublicArtist(Reply, kw_only=True):
    """An artist's public face."""

    artist_id: str
    artist_name: str
    slug: str
    bio: str | None
    short_bio: str | None
    genre: str | None
    location: str | None
    image_url: str | None
    banner_url: str | None
    social_links: dict[str, str]
    music_platforms: dict[str, str]
    is_verified: bool
    follower_count: int


class ProducerReply(Reply, kw_only=True):
    """A producer's face."""

    producer_name: str
    slug: str
    specialty: str | None
    bio: str | None
    is_verified: bool


class ProfileReply(UserReply, kw_only=True):
    """An account with its wallets and faces."""

    wallets: tuple[WalletReply, ...]
    artist: PublicArtist | None
    producer: ProducerReply | None


class SessionReply(Reply, kw_only=True):
    """One place where the account is signed in."""

    id: str
    user_agent: str | None
    ip: str | None
    mfa: bool
    created_at: str
    last_used_at: str
    expires_at: str
    current: bool


class SignInReply(Reply, kw_only=True):
    """Either a signed-in session (accessToken, csrfToken, user) or a pending one (mfaRequired, mfaToken)."""

    expires_in: int
    access_token: str | UnsetType = UNSET
    token_type: Literal["Bearer"] | UnsetType = UNSET
    csrf_token: str | UnsetType = UNSET
    user: UserReply | UnsetType = UNSET
    mfa_required: bool | UnsetType = UNSET
    mfa_token: str | UnsetType = UNSET


def instant(at: datetime | None) -> str | None:
    """Return a timestamp as the API writes it."""
    return None if at is None else iso(at)


def user_reply(user: User) -> UserReply:
    """Return the account without its wallets and faces."""
    return UserReply(**_account(user))


def profile_reply(user: User, wallets: list[Wallet], artist: Artist | None, producer: Producer | None) -> ProfileReply:
    """Return everything its owner may see."""
    return ProfileReply(
        **_account(user),
        wallets=tuple(wallet_reply(wallet) for wallet in wallets),
        artist=None if artist is None else artist_reply(artist),
        producer=None if producer is None else producer_reply(producer),
    )


def wallet_reply(wallet: Wallet) -> WalletReply:
    """Return a wallet."""
    return WalletReply(
        address=checksummed(wallet.address),
        chain_id=wallet.chain_id,
        is_primary=wallet.is_primary,
        label=wallet.label,
        verified_at=iso(wallet.verified_at),
        payout_enabled_at=iso(wallet.payout_enabled_at),
    )


def artist_reply(artist: Artist) -> PublicArtist:
    """Return an artist's public face."""
    return PublicArtist(
        artist_id=artist.user_id,
        artist_name=artist.artist_name,
        slug=artist.slug,
        bio=artist.bio,
        short_bio=artist.short_bio,
        genre=artist.genre,
        location=artist.location,
        image_url=artist.image_url,
        banner_url=artist.banner_url,
        social_links=artist.social_links,
        music_platforms=artist.music_platforms,
        is_verified=artist.is_verified,
        follower_count=artist.follower_count,
    )


def producer_reply(producer: Producer) -> ProducerReply:
    """Return a producer's face."""
    return ProducerReply(
        producer_name=producer.producer_name,
        slug=producer.slug,
        specialty=producer.specialty,
        bio=producer.bio,
        is_verified=producer.is_verified,
    )


def session_reply(session: Session, *, current_id: str) -> SessionReply:
    """Return a session; `current` marks the one that asks."""
    return SessionReply(
        id=session.id,
        user_agent=session.user_agent,
        ip=session.ip,
        mfa=session.is_mfa,
        created_at=iso(session.created_at),
        last_used_at=iso(session.last_used_at),
        expires_at=iso(session.expires_at),
        current=session.id == current_id,
    )


def _account(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "display_name": user.display_name,
        "avatar_url": user.avatar_url,
        "bio": user.bio,
        "social_links": user.social_links,
        "music_platforms": user.music_platforms,
        "status": user.status,
        "roles": user.roles,
        "permissions": permissions(user.roles),
        "plan": user.plan,
        "wallet_address": None if user.primary_wallet is None else checksummed(user.primary_wallet),
        "mfa_enabled": user.is_mfa_enabled,
        "created_at": iso(user.created_at),
        "last_login_at": instant(user.last_login_at),
    }
