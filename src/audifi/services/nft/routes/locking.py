"""Decide about recordings: confirm rights, lock without a session, archive.

Between: the gateway (/masters/{id}/…) and store.masters. Sessions lock through routes.internal_masters.
Invariant: what is locked has its content; what was offered is not archived.
Errors: MasterNotFound, Forbidden, InvalidState.
Source: domain.md 2.2; POST …/lock is ours: it names the transition DRAFT → LOCKED and no endpoint for it.
"""

from dataclasses import replace
from typing import Annotated, Final

from msgspec import Meta

from audifi.kernel import outbox
from audifi.kernel.http import Access, Body, Operation
from audifi.services.nft import journal
from audifi.services.nft.errors import Forbidden, Invalid, InvalidState, MasterNotFound
from audifi.services.nft.journal import Deed
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes import ownership
from audifi.services.nft.routes.fields import MasterPath, PolicyName, Version
from audifi.services.nft.routes.masters import own_reply, updated
from audifi.services.nft.routes.replies import MasterReply
from audifi.services.nft.rules import masters as rules
from audifi.services.nft.store import ipos
from audifi.services.nft.store import masters as store
from audifi.wire.events.nft import MasterLocked


class RightsBody(Body, kw_only=True):
    """A declaration, and the policies it was made under."""

    accepted: bool
    policy_versions: Annotated[dict[PolicyName, Version], Meta(max_length=10)]


async def confirm_rights(call: NftCall, body: RightsBody) -> MasterReply:
    """Declare that the recording is the artist's to sell; declaring it again changes nothing."""
    if not body.accepted:
        raise Invalid(details={"accepted": "must be true: nothing can be sold without it"})
    async with call.deps.database.transaction() as tx:
        master = await ownership.own(tx, call, for_update=True)
        if await store.confirm_rights(tx, master.id, call.deps.clock.now()):
            await updated(tx, call, master, ("rightsConfirmedAt",))
            deed = Deed(
                action="master.rights_confirmed", category="master", target_id=master.id, after=body.policy_versions
            )
            await journal.audited(tx, call, deed)
        elif master.rights_confirmed_at is None:
            raise InvalidState(f"A master that is {master.status} needs no declaration.")
        reply = await own_reply(tx, call)
        await call.settle(tx, reply)
    return reply


async def lock(call: NftCall) -> MasterReply:
    """Lock a draft without a session in V Studio."""
    async with call.deps.database.transaction() as tx:
        master = await ownership.own(tx, call, for_update=True)
        if master.audio_cid is None:
            raise InvalidState("Upload audio and cover first: they do not change any more once it is locked.")
        if not await store.move(tx, master.id, ("DRAFT",), "LOCKED", call.deps.clock.now()):
            raise InvalidState(f"A master that is {master.status} is not locked here.")
        event = MasterLocked(master_id=master.id, artist_id=master.artist_id)
        await outbox.add(tx, event, aggregate_id=master.id, actor_id=master.artist_id)
        reply = await own_reply(tx, call)
        await call.settle(tx, reply)
    return reply


async def archive(call: NftCall) -> MasterReply:
    """Put away what was never offered; it stays visible to its artist."""
    now = call.deps.clock.now()
    async with call.deps.database.transaction() as tx:
        ipo = await ipos.one(tx, str(call.parameters.id), for_update=True)
        master = await ownership.own(tx, call, for_update=True)
        is_offered = ipo is not None and ipo.status not in ("DRAFT", "CANCELLED")
        if is_offered or not await store.move(tx, master.id, rules.ARCHIVABLE, "ARCHIVED", now):
            raise InvalidState("Only a draft or a locked master that is not offered can be archived.")
        if ipo is not None:
            await ipos.cancel(tx, master.id, now)
        await updated(tx, call, replace(master, status="ARCHIVED"), ("status",))
        reply = await own_reply(tx, call)
        await call.settle(tx, reply)
    return reply


_TAG: Final = "masters"
_OWN: Final = (MasterNotFound, Forbidden, InvalidState)

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST", path="/masters/{id}/confirm-rights", handler=confirm_rights, tag=_TAG, access=Access.ARTIST,
        summary="Declare that the recording is yours to sell", parameters=MasterPath, body=RightsBody,
        reply=MasterReply, idempotent=True, errors=_OWN,
        example={"accepted": True, "policyVersions": {"RIGHTS_DECLARATION": "1.0"}},
    ),
    Operation(
        method="POST", path="/masters/{id}/lock", handler=lock, summary="Lock a draft without a session", tag=_TAG,
        access=Access.ARTIST, parameters=MasterPath, reply=MasterReply, idempotent=True, errors=_OWN,
    ),
    Operation(
        method="POST", path="/masters/{id}/archive", handler=archive, summary="Put a master away", tag=_TAG,
        access=Access.ARTIST, parameters=MasterPath, reply=MasterReply, idempotent=True, errors=_OWN,
    ),
)  # fmt: skip
