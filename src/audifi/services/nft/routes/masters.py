"""Describe recordings: register, list, read, change. What else happens to them is in routes.locking and launches.

Between: the gateway (/masters…), payment-service (how many a plan includes) and store.masters.
Shape: PUT and PATCH change the fields they name. The signed-in read the primary (their own writes), others a replica.
Invariant: a master is changed only in DRAFT and IN_VSTUDIO, by the statement itself.
Errors: MasterNotFound, Forbidden, InvalidState, PlanLimitReached, ContentUnavailable.
Source: domain.md 2.2.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation, Page, Paging
from audifi.kernel.ids import new_id
from audifi.services.nft import eligibility
from audifi.services.nft.errors import (
    ContentUnavailable,
    Forbidden,
    Invalid,
    InvalidState,
    MasterNotFound,
    PlanLimitReached,
    Unauthorized,
)
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes import limits, ownership
from audifi.services.nft.routes.fields import (
    Address,
    Bpm,
    Bps,
    Description,
    DurationSeconds,
    Isrc,
    MasterPath,
    Mood,
    ShortLine,
    Title,
    Words,
)
from audifi.services.nft.routes.replies import MasterReply, ipo_reply, master_reply
from audifi.services.nft.rules import ipos as ipo_rules
from audifi.services.nft.rules import masters as rules
from audifi.services.nft.rules.masters import Collaborator
from audifi.services.nft.store import contracts, ipos
from audifi.services.nft.store import masters as store
from audifi.services.nft.store.masters import Filters, Master
from audifi.wire.events.nft import MasterRegistered, MasterUpdated

Kind = Literal["TRACK", "ALBUM"]
Status = Literal["DRAFT", "IN_VSTUDIO", "LOCKED", "MINTED", "LISTED", "SOLD", "ARCHIVED"]


class CollaboratorBody(Body, kw_only=True):
    """Somebody who takes a part of the revenue."""

    name: ShortLine
    role: ShortLine
    split_bps: Bps
    wallet: Address | None = None

    def value(self) -> Collaborator:
        wallet = None if self.wallet is None else self.wallet.lower()
        return Collaborator(name=self.name, role=self.role, split_bps=self.split_bps, wallet=wallet)


Collaborators = Annotated[list[CollaboratorBody], Meta(max_length=rules.COLLABORATORS_MAX)]
Moods = Annotated[list[Mood], Meta(max_length=5)]


class MasterBody(Body, kw_only=True):
    """A recording."""

    title: Title
    type: Kind
    genre: ShortLine
    description: Description | None = None
    bpm: Bpm | None = None
    duration_seconds: DurationSeconds | None = None
    mood_tags: Moods = msgspec.field(default_factory=list[str])
    release_date: date | None = None
    isrc: Isrc | None = None
    collaborators: Collaborators = msgspec.field(default_factory=list[CollaboratorBody])


class MasterChange(Body, kw_only=True):
    """What of a recording changes."""

    title: Title | UnsetType = UNSET
    type: Kind | UnsetType = UNSET
    genre: ShortLine | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    bpm: Bpm | UnsetType | None = UNSET
    duration_seconds: DurationSeconds | UnsetType | None = UNSET
    mood_tags: Moods | UnsetType = UNSET
    release_date: date | UnsetType | None = UNSET
    isrc: Isrc | UnsetType | None = UNSET
    collaborators: Collaborators | UnsetType = UNSET


class MastersQuery(Paging, kw_only=True):
    """Which masters, in which order."""

    status: Status | None = None
    genre: ShortLine | None = None
    artist_id: UUID | None = None
    q: Words | None = None
    mine: bool = False
    include: Literal["ipo"] | None = None
    sort: Literal["createdAt", "-createdAt"] = "-createdAt"


class MasterQuery(Body, kw_only=True):
    """What belongs to the answer."""

    include: Literal["ipo"] | None = None


async def listed(call: NftCall, query: MastersQuery) -> Page[MasterReply]:
    """List masters: everybody's visible ones, or with `mine` all of one's own."""
    if query.mine and call.principal is None:
        raise Unauthorized
    filters = Filters(
        viewer_id=call.user().user_id if query.mine else None,
        artist_id=None if query.artist_id is None else str(query.artist_id),
        status=query.status,
        genre=query.genre,
        words=None if query.q is None else rules.search_words(query.q),
        is_oldest_first=query.sort == "createdAt",
    )
    if filters.words == "":
        return Page([], 0, query)
    async with _reading(call) as connection:
        found, total = await store.listed(connection, filters, limit=query.limit, offset=query.offset)
        offers = await _offers(connection, call, found) if query.include else None
    items = [
        master_reply(each, is_own=ownership.is_own(call, each), ipo=UNSET if offers is None else offers.get(each.id))
        for each in found
    ]
    return Page(items, total, query)


async def find(call: NftCall, query: MasterQuery) -> MasterReply:
    """Show a master."""
    async with _reading(call) as connection:
        master = await ownership.visible(connection, call)
        offers = await _offers(connection, call, [master]) if query.include else None
    ipo = UNSET if offers is None else offers.get(master.id)
    return master_reply(master, is_own=ownership.is_own(call, master), ipo=ipo)


async def register(call: NftCall, body: MasterBody) -> MasterReply:
    """Register a recording, as far as the plan includes one more."""
    artist_id, now, master_id = call.user().user_id, call.deps.clock.now(), str(new_id())
    said = store.Description(**_said(msgspec.structs.asdict(body)))
    _require(said)
    plan = await eligibility.plan_of(call.deps.peers, artist_id)
    async with call.deps.database.transaction() as tx:
        await store.lock_artist(tx, artist_id)
        eligibility.require_within(plan.limits.masters, await store.count_kept(tx, artist_id), "masters", plan)
        await store.insert(tx, master_id, artist_id, said, now)
        event = MasterRegistered(master_id=master_id, artist_id=artist_id, title=said.title, type=said.type)
        await outbox.add(tx, event, aggregate_id=master_id, actor_id=artist_id)
        master = await store.one(tx, master_id)
        assert master is not None, "it was just inserted"
        reply = master_reply(master, is_own=True)
        await call.settle(tx, reply)
    return reply


async def change(call: NftCall, body: MasterChange) -> MasterReply:
    """Change a recording while it is not locked."""
    changes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    if any(changes.get(name, 1) is None for name in ("title", "type", "genre")):
        raise Invalid(details={"body": "title, type and genre cannot be null"})
    async with call.deps.database.transaction() as tx:
        master = await ownership.own(tx, call, for_update=True)
        said = replace(master, **_said(changes))
        _require(said)
        if not await store.update(tx, master.id, said, call.deps.clock.now()):
            raise InvalidState(f"A master that is {master.status} does not change any more.")
        await _fit_offer(tx, master.id, said)
        await updated(tx, call, said, tuple(changes))
        return await own_reply(tx, call)


def _reading(call: NftCall) -> AbstractAsyncContextManager[Connection]:
    database = call.deps.database
    return database.read() if call.principal is None else database.read_primary()


async def _offers(connection: Connection, call: NftCall, found: list[Master]) -> dict[str, Any]:
    """Return the offers of masters by master, a draft only to its artist."""
    own = {each.id for each in found if ownership.is_own(call, each)}
    offers = await ipos.of_masters(connection, [each.id for each in found])
    return {
        master_id: ipo_reply(ipo, await contracts.of_master(connection, master_id), is_own=master_id in own)
        for master_id, ipo in offers.items()
        if ipo.status != "DRAFT" or master_id in own
    }


def _said(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a body as the store names them."""
    said = {name: value for name, value in values.items() if name not in ("duration_seconds", "collaborators")}
    if "duration_seconds" in values:
        said["duration_s"] = values["duration_seconds"]
    if "collaborators" in values:
        said["collaborators"] = tuple(each.value() for each in values["collaborators"])
    if "mood_tags" in values:
        said["mood_tags"] = tuple(values["mood_tags"])
    if values.get("isrc"):
        said["isrc"] = values["isrc"].upper()
    return said


def _require(said: store.Description) -> None:
    rules.require_title(said.title)
    rules.require_genre(said.genre)
    rules.require_splits(said.collaborators)


async def _fit_offer(tx: Connection, master_id: str, said: store.Description) -> None:
    """Leave the artist of a drafted offer what other splits leave."""
    ipo = await ipos.one(tx, master_id)
    if ipo is not None and ipo.status == "DRAFT":
        left = ipo_rules.artist_bps(ipo.holders_bps, rules.splits_bps(said.collaborators))
        await ipos.update_draft(tx, master_id, ipo.terms, left)


async def updated(tx: Connection, call: NftCall, master: Master, fields: tuple[str, ...]) -> None:
    """Tell everybody which fields changed."""
    event = MasterUpdated(master_id=master.id, artist_id=master.artist_id, status=master.status, fields=fields)
    await outbox.add(tx, event, aggregate_id=master.id, actor_id=call.user().user_id)


async def own_reply(tx: Connection, call: NftCall) -> MasterReply:
    """Return the master as it is now, as its artist sees it."""
    return master_reply(await ownership.own(tx, call), is_own=True)


_TAG: Final = "masters"
_OWN: Final = (MasterNotFound, Forbidden, InvalidState)
_EXAMPLE: Final = {
    "title": "Midnight Pulse", "type": "TRACK", "genre": "Deep House", "bpm": 124, "durationSeconds": 380,
    "moodTags": ["Hypnotic"], "collaborators": [{"name": "Sam Chen", "role": "Producer", "splitBps": 1000}],
}  # fmt: skip
_CHANGE: Final = Operation(
    method="PUT", path="/masters/{id}", handler=change, summary="Change a master that is not locked", tag=_TAG,
    access=Access.ARTIST, parameters=MasterPath, body=MasterChange, reply=MasterReply, errors=_OWN,
    example={"title": "Midnight Pulse (Night Mix)", "bpm": 125},
)  # fmt: skip

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/masters", handler=listed, summary="List masters", tag=_TAG, access=Access.OPTIONAL,
        query=MastersQuery, reply=MasterReply, listed=True, limits=(limits.BROWSE,), errors=(Unauthorized,),
    ),
    Operation(
        method="POST", path="/masters", handler=register, summary="Register a master", tag=_TAG, access=Access.ARTIST,
        body=MasterBody, reply=MasterReply, status=201, idempotent=True, limits=(limits.NEW_MASTER,),
        errors=(PlanLimitReached,), example=_EXAMPLE,
    ),
    Operation(
        method="GET", path="/masters/{id}", handler=find, summary="Show a master", tag=_TAG, access=Access.OPTIONAL,
        parameters=MasterPath, query=MasterQuery, reply=MasterReply, errors=(MasterNotFound, ContentUnavailable),
    ),
    _CHANGE,
    replace(_CHANGE, method="PATCH", summary="Change a master that is not locked (alias)"),
)  # fmt: skip
