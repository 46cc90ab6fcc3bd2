"""Shape what is answered about masters and offers, in one place for all routes that answer it.

Between: routes.* (build), docs/openapi/nft.json and the SDK (read).
Units: timestamps ISO-8601 UTC with milliseconds; wei as decimal strings; basis points.
Invariant: what only the artist may see (wallets of collaborators, reservations, the saga) is left out for the others.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, UnsetType

from audifi.kernel.clock import iso
from audifi.kernel.http import Reply, Timestamp
from audifi.services.nft.store.contracts import Deployed
from audifi.services.nft.store.ipos import Ipo
from audifi.services.nft.store.masters import Master
from audifi.wire.amounts import Wei, wei


class CollaboratorReply(Reply, kw_only=True):
    """Somebody who takes a part of the revenue."""

    name: str
    role: str
    split_bps: int
    wallet: str | UnsetType | None = UNSET


class IpoReply(Reply, kw_only=True):
    """An offer; what is marked as the artist's is left out for everybody else."""

    id: str
    master_id: str
    status: str
    total_shares: int
    artist_reserve: int
    public_supply: int
    shares_sold: int
    price_wei: Wei
    currency: str
    chain_id: int
    holders_bps: int
    artist_bps: int
    platform_bps: int
    early_access_hours: int
    starts_at: Timestamp | None
    ends_at: Timestamp | None
    actual_start: Timestamp | None
    actual_end: Timestamp | None
    contract_address: str | None
    dividend_address: str | None
    is_ending: bool
    shares_reserved: int | UnsetType = UNSET  # the artist's, as everything below
    artist_wallet: str | UnsetType | None = UNSET
    launch_asked_at: Timestamp | UnsetType | None = UNSET
    step: str | UnsetType | None = UNSET
    launch_error: str | UnsetType | None = UNSET
    version: int | UnsetType = UNSET


class MasterReply(Reply, kw_only=True):
    """A recording."""

    id: str
    artist_id: str
    title: str
    description: str | None
    type: str
    genre: str
    bpm: int | None
    duration_seconds: int | None
    mood_tags: tuple[str, ...]
    release_date: str | None
    isrc: str | None
    collaborators: tuple[CollaboratorReply, ...]
    audio_cid: str | None
    cover_cid: str | None
    metadata_cid: str | None
    status: str
    rights_confirmed_at: Timestamp | None
    vstudio_session_id: str | None
    created_at: Timestamp
    updated_at: Timestamp
    published_at: Timestamp | None
    ipo: IpoReply | UnsetType | None = UNSET  # asked for with include=ipo


def instant(at: datetime | None) -> str | None:
    """Return a timestamp as the API writes it."""
    return None if at is None else iso(at)


def master_reply(master: Master, *, is_own: bool, ipo: IpoReply | UnsetType | None = UNSET) -> MasterReply:
    """Return a master, as its artist or as everybody sees it."""
    return MasterReply(
        id=master.id,
        artist_id=master.artist_id,
        title=master.title,
        description=master.description,
        type=master.type,
        genre=master.genre,
        bpm=master.bpm,
        duration_seconds=master.duration_s,
        mood_tags=master.mood_tags,
        release_date=None if master.release_date is None else master.release_date.isoformat(),
        isrc=master.isrc,
        collaborators=tuple(
            CollaboratorReply(
                name=each.name, role=each.role, split_bps=each.split_bps, wallet=each.wallet if is_own else UNSET
            )
            for each in master.collaborators
        ),
        audio_cid=master.audio_cid,
        cover_cid=master.cover_cid,
        metadata_cid=master.metadata_cid,
        status=master.status,
        rights_confirmed_at=instant(master.rights_confirmed_at),
        vstudio_session_id=master.vstudio_session_id,
        created_at=iso(master.created_at),
        updated_at=iso(master.updated_at),
        published_at=instant(master.published_at),
        ipo=ipo,
    )


def ipo_reply(ipo: Ipo, deployed: Sequence[Deployed], *, is_own: bool) -> IpoReply:
    """Return an offer, as its artist or as everybody sees it."""
    addresses = {each.kind: each.address for each in deployed}
    reply = IpoReply(
        id=ipo.id,
        master_id=ipo.master_id,
        status=ipo.status,
        total_shares=ipo.total_shares,
        artist_reserve=ipo.artist_reserve,
        public_supply=ipo.public_supply,
        shares_sold=ipo.shares_sold,
        price_wei=wei(ipo.price_wei),
        currency=ipo.currency,
        chain_id=ipo.chain_id,
        holders_bps=ipo.holders_bps,
        artist_bps=ipo.artist_bps,
        platform_bps=ipo.platform_bps,
        early_access_hours=ipo.early_access_hours,
        starts_at=instant(ipo.starts_at),
        ends_at=instant(ipo.ends_at),
        actual_start=instant(ipo.actual_start),
        actual_end=instant(ipo.actual_end),
        contract_address=addresses.get("MASTER"),
        dividend_address=addresses.get("DIVIDEND"),
        is_ending=ipo.ending is not None,
    )
    if is_own:
        reply.shares_reserved = ipo.shares_reserved
        reply.artist_wallet = ipo.artist_wallet
        reply.launch_asked_at = instant(ipo.launch_asked_at)
        reply.step = ipo.step
        reply.launch_error = ipo.launch_error
        reply.version = ipo.version
    return reply
