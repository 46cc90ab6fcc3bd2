"""Publish the keys that verify access tokens, and rotate them.

Between: every verifier (GET /.well-known/jwks.json), administrators and the operator's job (rotate), signing.
Invariant: a rotation adds a key that signs only after every verifier can know it; the old one stays public a day.
Source: domain.md 2.1, 4 "Secrets"; RFC 7517.
"""

from typing import Any, Final

from audifi.kernel.clock import iso
from audifi.kernel.http import Access, Operation, Reply
from audifi.services.auth import journal
from audifi.services.auth.journal import Deed
from audifi.services.auth.parts import AuthCall


class KeySetReply(Reply):
    """A JSON Web Key Set."""

    keys: list[dict[str, Any]]


class RotationReply(Reply):
    """The key that will sign, and from when."""

    kid: str
    activates_at: str


async def key_set(call: AuthCall) -> KeySetReply:
    """Return the public keys, newest first."""
    return KeySetReply(keys=await call.deps.signing.document())


async def rotate(call: AuthCall) -> RotationReply:
    """Begin to replace the signing key."""
    async with call.deps.database.transaction() as tx:
        fresh = await call.deps.signing.rotate(tx)
        await journal.noticed(tx, call, "system.config.changed", "high", what="signing key rotated", kid=fresh.kid)
        await journal.audited(tx, call, Deed(
            action="signing_key.rotated", category="system", target_type="signing_key", target_id=fresh.kid,
            actor_type="admin" if call.principal else "system",
        ))  # fmt: skip
    await call.deps.signing.reload()
    return RotationReply(kid=fresh.kid, activates_at=iso(fresh.activates_at))


OPERATIONS: Final = (
    Operation(
        method="GET", path="/.well-known/jwks.json", handler=key_set, summary="Public keys of access tokens",
        tag="keys",
        access=Access.GUEST, reply=KeySetReply, envelope=False, cache_control="public, max-age=300",
    ),
    Operation(
        method="POST", path="/admin/keys/rotate", handler=rotate, summary="Rotate the signing key", tag="keys",
        access=Access.ADMIN, reply=RotationReply,
    ),
    Operation(
        method="POST", path="/internal/v1/keys/rotate", handler=rotate, summary="Rotate the signing key",
        tag="internal",
        access=Access.SERVICE, reply=RotationReply,
    ),
)  # fmt: skip
