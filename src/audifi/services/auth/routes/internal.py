"""Answer other services about tokens, users and wallets.

Between: services with a declared link (internal token, 60 s) and the stores. Never routed from outside.
Invariant: introspection says "active" only for a token that verifies, whose session is open and whose account is
active, asked of the primary: this is where money decisions look.
Errors: UserNotFound, NotFound.
Source: domain.md 2.1 "Internal"; RFC 7662 (an inactive token is an answer, not an error).
"""

from typing import Annotated, Final

from msgspec import UNSET, Meta, UnsetType

from audifi.kernel.http import Access, Body, Operation, Reply
from audifi.services.auth import presence, proofs
from audifi.services.auth.errors import NotFound, Unauthorized, UserNotFound
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.routes.fields import AddressPath, UserPath
from audifi.services.auth.routes.replies import (
    PublicArtist,
    UserReply,
    WalletReply,
    artist_reply,
    user_reply,
    wallet_reply,
)
from audifi.services.auth.store import artists, sessions, users, wallets


class TokenBody(Body):
    """An access token."""

    token: Annotated[str, Meta(min_length=1, max_length=8192)]


class IntrospectionReply(Reply, kw_only=True):
    """Whether the token counts, and for whom."""

    active: bool
    sub: str | UnsetType = UNSET
    roles: tuple[str, ...] | UnsetType = UNSET
    sid: str | UnsetType = UNSET
    mfa: str | UnsetType = UNSET
    plan: str | UnsetType = UNSET


class OwnerReply(Reply):
    """Whose wallet it is."""

    user_id: str


async def introspect(call: AuthCall, body: TokenBody) -> IntrospectionReply:
    """Say whether an access token counts now."""
    try:
        principal = await call.deps.verifier.verify(body.token)
    except Unauthorized:
        return IntrospectionReply(active=False)
    now = call.deps.clock.now()
    async with call.deps.database.read_primary() as connection:
        session = await sessions.live_one(connection, principal.session_id, now)
        user = await users.user(connection, principal.user_id, now)
    if session is None or user is None or user.status != "ACTIVE" or session.user_id != user.id:
        return IntrospectionReply(active=False)
    mfa = presence.mfa_state(user, session).value
    return IntrospectionReply(active=True, sub=user.id, roles=user.roles, sid=session.id, mfa=mfa, plan=user.plan)


async def user(call: AuthCall) -> UserReply:
    """Return an account."""
    async with call.deps.database.read_primary() as connection:
        found = await users.user(connection, str(call.parameters.id), call.deps.clock.now())
    if found is None:
        raise UserNotFound
    return user_reply(found)


async def user_wallets(call: AuthCall) -> list[WalletReply]:
    """Return an account's wallets."""
    user_id = str(call.parameters.id)
    async with call.deps.database.read_primary() as connection:
        if await users.user(connection, user_id, call.deps.clock.now()) is None:
            raise UserNotFound
        return [wallet_reply(wallet) for wallet in await wallets.of_user(connection, user_id)]


async def artist(call: AuthCall) -> PublicArtist:
    """Return an account's public face as an artist."""
    async with call.deps.database.read_primary() as connection:
        found = await artists.of_user(connection, str(call.parameters.id))
    if found is None:
        raise UserNotFound
    return artist_reply(found)


async def wallet_owner(call: AuthCall) -> OwnerReply:
    """Return whose wallet this is."""
    address = proofs.checksummed(call.parameters.address).lower()
    async with call.deps.database.read_primary() as connection:
        owner = await wallets.owner(connection, address)
    if owner is None:
        raise NotFound
    return OwnerReply(owner)


_TAG: Final = "internal"

OPERATIONS: Final = (
    Operation(
        method="POST", path="/internal/v1/tokens/introspect", handler=introspect, tag=_TAG, access=Access.SERVICE,
        summary="Say whether an access token counts", body=TokenBody, reply=IntrospectionReply,
    ),
    Operation(
        method="GET", path="/internal/v1/users/{id}", handler=user, summary="Show an account", tag=_TAG,
        access=Access.SERVICE, parameters=UserPath, reply=UserReply, errors=(UserNotFound,),
    ),
    Operation(
        method="GET", path="/internal/v1/users/{id}/wallets", handler=user_wallets, summary="List an account's wallets",
        tag=_TAG, access=Access.SERVICE, parameters=UserPath, reply=list[WalletReply], errors=(UserNotFound,),
    ),
    Operation(
        method="GET", path="/internal/v1/users/{id}/artist", handler=artist, summary="Show an account's artist profile",
        tag=_TAG, access=Access.SERVICE, parameters=UserPath, reply=PublicArtist, errors=(UserNotFound,),
    ),
    Operation(
        method="GET", path="/internal/v1/wallets/{address}", handler=wallet_owner, summary="Say whose wallet it is",
        tag=_TAG, access=Access.SERVICE, parameters=AddressPath, reply=OwnerReply, errors=(NotFound,),
    ),
)  # fmt: skip
