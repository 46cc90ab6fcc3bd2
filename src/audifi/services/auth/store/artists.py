"""Keep the public faces of artists and producers.

Between: routes.profile.
Invariant: one profile per account, one account per slug.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from audifi.kernel.connection import Connection, Row
from audifi.services.auth.store.documents import from_json


@dataclass(frozen=True, kw_only=True)
class Artist:
    """An artist's profile."""

    user_id: str
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


@dataclass(frozen=True, kw_only=True)
class Producer:
    """A producer's profile; granted by an administrator."""

    producer_name: str
    slug: str
    specialty: str | None
    bio: str | None
    is_verified: bool


_ARTIST = """a.user_id, a.artist_name, a.slug, coalesce(a.bio, u.bio) AS bio, a.short_bio, a.genre, a.location,
             coalesce(a.image_url, u.avatar_url) AS image_url, a.banner_url,
             u.social_links || a.social_links AS social_links,
             u.music_platforms || a.music_platforms AS music_platforms,
             a.is_verified, a.follower_count
        FROM auth.artists a JOIN auth.users u ON u.id = a.user_id"""


async def of_user(connection: Connection, user_id: str) -> Artist | None:
    """Return the artist profile of an account."""
    row = await connection.fetchrow(f"SELECT {_ARTIST} WHERE a.user_id = $1", user_id)  # constant text
    return None if row is None else _artist(row)


async def by_slug(connection: Connection, slug: str) -> Artist | None:
    """Return the artist at this address, unless the account is suspended or gone."""
    row = await connection.fetchrow(
        f"SELECT {_ARTIST} WHERE a.slug = $1 AND u.status = 'ACTIVE'", slug
    )  # constant text
    return None if row is None else _artist(row)


async def producer_of_user(connection: Connection, user_id: str) -> Producer | None:
    """Return the producer profile of an account."""
    row = await connection.fetchrow(
        "SELECT producer_name, slug, specialty, bio, is_verified FROM auth.producers WHERE user_id = $1", user_id
    )
    if row is None:
        return None
    return Producer(
        producer_name=row["producer_name"],
        slug=row["slug"],
        specialty=row["specialty"],
        bio=row["bio"],
        is_verified=row["is_verified"],
    )


async def insert(
    tx: Connection,
    *,
    user_id: str,
    artist_name: str,
    slugs: Sequence[str],
    genre: str | None,
    location: str | None,
    now: datetime,
) -> str | None:
    """Create a profile under the first free slug and return it; nothing if all are taken.

    The caller holds the account's lock and knows it has no profile. A slug taken by a racing transaction makes this
    one wait for it and then try the next.
    """
    for slug in slugs:
        made = await tx.fetchval(
            """INSERT INTO auth.artists (user_id, artist_name, slug, genre, location, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (slug) DO NOTHING RETURNING slug""",
            user_id,
            artist_name,
            slug,
            genre,
            location,
            now,
        )
        if made is not None:
            return str(made)
    return None


def _artist(row: Row) -> Artist:
    return Artist(
        user_id=str(row["user_id"]),
        artist_name=row["artist_name"],
        slug=row["slug"],
        bio=row["bio"],
        short_bio=row["short_bio"],
        genre=row["genre"],
        location=row["location"],
        image_url=row["image_url"],
        banner_url=row["banner_url"],
        social_links=from_json(row["social_links"]),
        music_platforms=from_json(row["music_platforms"]),
        is_verified=row["is_verified"],
        follower_count=row["follower_count"],
    )
