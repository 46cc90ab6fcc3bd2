"""Show and change what people say about themselves; become an artist; show artists to everyone.

Between: the gateway (/user/profile, /user/artist-profile, /artists/{slug}), store.users, store.artists.
Invariant: a field that is not sent stays; null clears it where it may be empty. One artist profile per account, one
account per slug: the database's unique key decides races.
Errors: Invalid with a reason per field, Conflict (profile exists, name taken), NotFound.
Source: domain.md 2.1, 4 "Input rules"; 9.44 (how one becomes an artist).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation
from audifi.kernel.ids import new_id
from audifi.services.auth import journal, presence
from audifi.services.auth.errors import Conflict, Invalid, NotFound, Unauthorized
from audifi.services.auth.journal import Deed
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.routes import limits
from audifi.services.auth.routes.fields import ArtistName, Bio, DisplayName, HttpsUrl, ShortLine, Slug, Version
from audifi.services.auth.routes.replies import ProfileReply, PublicArtist, artist_reply, profile_reply
from audifi.services.auth.rules import profile as rules
from audifi.services.auth.rules.consents import PolicyType
from audifi.services.auth.store import artists, consents, sessions, users, wallets
from audifi.services.auth.store.consents import NewConsent
from audifi.services.auth.store.users import User
from audifi.wire.events.auth import UserRoleChanged, UserUpdated


class SocialLinks(Body, omit_defaults=True):
    """Where else someone is found."""

    instagram: HttpsUrl | None = None
    twitter: HttpsUrl | None = None
    tiktok: HttpsUrl | None = None
    youtube: HttpsUrl | None = None
    website: HttpsUrl | None = None


class MusicPlatforms(Body, omit_defaults=True):
    """Where someone's music is found."""

    spotify: HttpsUrl | None = None
    apple_music: HttpsUrl | None = None
    soundcloud: HttpsUrl | None = None
    bandcamp: HttpsUrl | None = None
    tidal: HttpsUrl | None = None
    youtube: HttpsUrl | None = None


class ProfileBody(Body):
    """What to change; fields left out stay."""

    display_name: DisplayName | UnsetType = UNSET
    bio: Bio | UnsetType | None = UNSET
    avatar_url: HttpsUrl | UnsetType | None = UNSET
    social_links: SocialLinks | UnsetType = UNSET
    music_platforms: MusicPlatforms | UnsetType = UNSET


class AcceptedPolicy(Body):
    """A policy the new artist accepts."""

    policy_type: PolicyType
    policy_version: Version


class ArtistBody(Body):
    """How an artist wants to be known."""

    artist_name: ArtistName
    consents: Annotated[list[AcceptedPolicy], Meta(max_length=10)]
    genre: ShortLine | None = None
    location: ShortLine | None = None


class SlugPath(Body):
    """Which artist."""

    slug: Slug


async def profile(call: AuthCall) -> ProfileReply:
    """Return the caller's account with wallets and faces."""
    database = call.deps.database
    user = await users.user_at_once(database, call.user().user_id, call.deps.clock.now())
    if user is None:
        raise Unauthorized
    if user.primary_wallet is None and not {"ARTIST", "PRODUCER"} & set(user.roles):
        return profile_reply(user, [], None, None)  # most people: nothing more to read
    async with database.read_primary() as connection:
        return await _with_faces(connection, user)


async def _with_faces(connection: Connection, user: User) -> ProfileReply:
    user_id = user.id
    linked = await wallets.of_user(connection, user_id) if user.primary_wallet else []
    artist = await artists.of_user(connection, user_id) if "ARTIST" in user.roles else None
    producer = await artists.producer_of_user(connection, user_id) if "PRODUCER" in user.roles else None
    return profile_reply(user, linked, artist, producer)


async def update(call: AuthCall, body: ProfileBody) -> ProfileReply:
    """Change some fields."""
    changes = _changes(body)
    user_id, now = call.user().user_id, call.deps.clock.now()
    async with call.deps.database.transaction() as tx:
        if changes:
            if not await users.update_profile(tx, user_id, changes, now):
                raise Unauthorized
            await journal.noticed(tx, call, "user.updated", user_id=user_id, fields=sorted(changes))
            event = UserUpdated(user_id=user_id, fields=tuple(sorted(changes)), status="ACTIVE")
            await journal.announce(tx, event, user_id, actor_id=user_id)
        user = await users.user(tx, user_id, now)
        if user is None:
            raise Unauthorized
        return await _with_faces(tx, user)


def _changes(body: ProfileBody) -> dict[str, Any]:
    sent = {name: getattr(body, name) for name in body.__struct_fields__ if getattr(body, name) is not UNSET}
    rules.require_clean(
        rules.reasons_against_text({"displayName": sent.get("display_name")}),
        rules.reasons_against_urls({"avatarUrl": sent.get("avatar_url")}),
        _reasons_against_links("socialLinks", sent.get("social_links")),
        _reasons_against_links("musicPlatforms", sent.get("music_platforms")),
    )
    return {name: _links(value) if isinstance(value, msgspec.Struct) else value for name, value in sent.items()}


def _links(body: msgspec.Struct) -> dict[str, str]:
    named: dict[str, str | None] = msgspec.to_builtins(body)
    return {name: url for name, url in named.items() if url is not None}


def _reasons_against_links(field: str, body: msgspec.Struct | None) -> Mapping[str, str]:
    named = {} if body is None else _links(body)
    return rules.reasons_against_urls({f"{field}.{name}": url for name, url in named.items()})


async def become_artist(call: AuthCall, body: ArtistBody) -> PublicArtist:
    """Create the artist's face and grant ARTIST."""
    rules.require_clean(
        rules.reasons_against_text({"artistName": body.artist_name, "genre": body.genre, "location": body.location})
    )
    slugs = rules.slug_candidates(body.artist_name)
    if not slugs:
        raise Invalid(details={"artistName": "needs at least one letter or digit that can be written in an address"})
    user_id, now = call.user().user_id, call.deps.clock.now()
    async with call.deps.database.transaction() as tx:
        await users.lock(tx, user_id)
        if await artists.of_user(tx, user_id) is not None:
            raise Conflict("This account has an artist profile already.")
        await _accept(tx, call, body)
        slug = await artists.insert(
            tx,
            user_id=user_id,
            artist_name=body.artist_name,
            slugs=slugs,
            genre=body.genre,
            location=body.location,
            now=now,
        )
        if slug is None:
            raise Conflict("Every address for this name is taken; choose another name.")
        user = await _granted(tx, call)
        artist = await artists.of_user(tx, user_id)
        live = await sessions.live(tx, user_id, now)
    await presence.publish(call.deps, user, live)
    assert artist is not None, "the profile was inserted in this transaction"
    return artist_reply(artist)


async def _accept(tx: Connection, call: AuthCall, body: ArtistBody) -> None:
    unknown: dict[str, str] = {}
    for index, accepted in enumerate(body.consents):
        new = NewConsent(
            id=str(new_id()),
            user_id=call.user().user_id,
            policy_type=accepted.policy_type,
            policy_version=accepted.policy_version,
            action="ACCEPTED",
            flow="ARTIST",
            resource_id=None,
            ip=journal.client_ip(call),
            user_agent=journal.user_agent(call),
            at=call.deps.clock.now(),
        )
        if not await consents.insert(tx, new):
            unknown[f"consents.{index}"] = f"{accepted.policy_type} has no version {accepted.policy_version}"
    if unknown:
        raise Invalid(details=unknown)


async def _granted(tx: Connection, call: AuthCall) -> User:
    user_id, now = call.user().user_id, call.deps.clock.now()
    await users.grant_role(tx, user_id=user_id, role="ARTIST", by=user_id, now=now, expires_at=None)
    user = await users.user(tx, user_id, now)
    if user is None:
        raise Unauthorized
    await journal.noticed(tx, call, "authz.role.changed", "medium", user_id=user_id, role="ARTIST")
    event = UserRoleChanged(user_id=user_id, role="ARTIST", action="GRANT", roles=user.roles)
    await journal.announce(tx, event, user_id, actor_id=user_id)
    after = {"role": "ARTIST", "by": "artist profile"}
    deed = Deed(action="role.granted", category="authorization", target_type="user", target_id=user_id, after=after)
    await journal.audited(tx, call, deed)
    return user


async def artist(call: AuthCall) -> PublicArtist:
    """Return an artist's public face; a replica will do."""
    async with call.deps.database.read() as connection:
        found = await artists.by_slug(connection, call.parameters.slug)
    if found is None:
        raise NotFound
    return artist_reply(found)


_TAG: Final = "profile"
_UPDATE: Final = Operation(
    method="PUT", path="/user/profile", handler=update, summary="Change the profile", tag=_TAG, access=Access.USER,
    body=ProfileBody, reply=ProfileReply, limits=(limits.PROFILE,),
    example={"displayName": "Ada", "bio": "Counts things.", "socialLinks": {"website": "https://ada.example"}},
)  # fmt: skip

OPERATIONS: Final = (
    Operation(
        method="GET", path="/user/profile", handler=profile, summary="Show who is signed in", tag=_TAG,
        access=Access.USER, reply=ProfileReply, limits=(limits.PROFILE,),
    ),
    _UPDATE,
    replace(_UPDATE, method="PATCH", summary="Change the profile (alias)"),
    Operation(
        method="POST", path="/user/artist-profile", handler=become_artist, summary="Become an artist", tag=_TAG,
        access=Access.USER, body=ArtistBody, reply=PublicArtist, status=201, errors=(Conflict,), idempotent=True,
        example={"artistName": "Ada & the Engines", "genre": "Synthwave", "consents": []},
    ),
    Operation(
        method="GET", path="/artists/{slug}", handler=artist, summary="Show an artist", tag=_TAG, access=Access.GUEST,
        parameters=SlugPath, reply=PublicArtist, errors=(NotFound,),
        cache_control="public, s-maxage=30, stale-while-revalidate=60",
    ),
)  # fmt: skip
