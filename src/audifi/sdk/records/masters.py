"""Say what nft-service returns about recordings and their offers.

Between: sdk.masters, sdk.ipos (decode into them) and callers.
Units: `*_bps` 1/10 000; `*_wei` 10^-18 of the chain's currency.
Errors: as records.
Source: domain.md 2.2.
"""

from datetime import datetime

import msgspec

from audifi.sdk.records.envelopes import Amount


class Collaborator(msgspec.Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who takes a part of a master's revenue; also how it is said to the API."""

    name: str
    role: str
    split_bps: int
    wallet: str | None = None


class Master(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A recording."""

    id: str
    artist_id: str
    title: str
    status: str  # DRAFT | IN_VSTUDIO | LOCKED | MINTED | LISTED | SOLD | ARCHIVED
    type: str = "TRACK"
    description: str | None = None
    genre: str = ""
    bpm: int | None = None
    duration_seconds: int | None = None
    mood_tags: tuple[str, ...] = ()
    isrc: str | None = None
    collaborators: tuple[Collaborator, ...] = ()
    audio_cid: str | None = None
    cover_cid: str | None = None
    metadata_cid: str | None = None
    rights_confirmed_at: datetime | None = None
    created_at: datetime | None = None
    ipo: "Ipo | None" = None


class Uploaded(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Where the files of a master are, by what they contain."""

    audio_cid: str
    cover_cid: str
    metadata_cid: str


class Ipo(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The offer of a master's shares."""

    master_id: str
    total_shares: int
    artist_reserve: int
    price_wei: Amount
    currency: str
    chain_id: int
    status: str  # DRAFT | LAUNCHING | SCHEDULED | LIVE | SOLD_OUT | CLOSED | CANCELLED
    holders_bps: int
    artist_bps: int
    platform_bps: int
    id: str
    public_supply: int
    shares_sold: int
    is_ending: bool = False
    shares_reserved: int | None = None  # the artist's to know, as what follows
    artist_wallet: str | None = None
    step: str | None = None
    launch_error: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    contract_address: str | None = None
    dividend_address: str | None = None


class MintPreview(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What shares would cost now."""

    price_wei: Amount
    total_wei: Amount
    platform_fee_wei: Amount
    currency: str
    estimated_gas: int


class Share(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """One numbered share; whose it is, shortened as for everybody."""

    token_id: int
    owner_wallet: str
    tier: int
    royalty_bps: int
    minted_at: datetime | None = None
