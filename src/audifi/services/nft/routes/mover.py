"""Say what Mover Advantage pays, and how far a master's tiers are taken.

Between: the gateway (/mover-advantage/config, /masters/{id}/mover-advantage), rules.mover, store.shares.
Units: basis points; ids.
Errors: MasterNotFound, ContentUnavailable.
Source: domain.md 2.2 "Mover Advantage", 9.1, 9.19.
"""

from typing import Any, Final

from audifi.kernel.http import Access, Operation, Reply
from audifi.services.nft.errors import ContentUnavailable, MasterNotFound
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes import limits, ownership
from audifi.services.nft.routes.fields import MasterPath
from audifi.services.nft.rules import money, mover
from audifi.services.nft.rules.mover import Tier
from audifi.services.nft.store import ipos, shares

POLICY: Final = "mint-position"


class TierReply(Reply, kw_only=True):
    """A range of share numbers whose resale pays the artist the same."""

    tier: int
    first_id: int
    last_id: int | None
    royalty_bps: int


class ConfigReply(Reply, kw_only=True):
    """The rule, and the platform's fees."""

    policy: str
    tiers: list[TierReply]
    primary_fee_bps: int
    secondary_fee_bps: int


class OccupancyReply(TierReply, kw_only=True):
    """A tier of one master."""

    capacity: int
    minted: int


class AdvantageReply(Reply, kw_only=True):
    """How a master's shares fall into the tiers."""

    master_id: str
    policy: str
    total_shares: int
    minted: int
    holder_count: int
    tiers: list[OccupancyReply]


async def config(_call: NftCall) -> ConfigReply:
    """Show the rule."""
    return ConfigReply(
        policy=POLICY,
        tiers=[TierReply(**_tier(each)) for each in mover.tiers()],
        primary_fee_bps=money.PRIMARY_FEE_BPS,
        secondary_fee_bps=money.SECONDARY_FEE_BPS,
    )


async def of_master(call: NftCall) -> AdvantageReply:
    """Show a master's tiers."""
    async with call.deps.database.read() as connection:
        master = await ownership.visible(connection, call)
        ipo = (await ipos.of_masters(connection, [master.id])).get(master.id)
        holders, minted = await shares.holders(connection, master.id)
        early = await shares.early_ids(connection, master.id, mover.EARLY_END)
    total = 0 if ipo is None else ipo.total_shares
    return AdvantageReply(
        master_id=master.id,
        policy=POLICY,
        total_shares=total,
        minted=minted,
        holder_count=holders,
        tiers=[
            OccupancyReply(capacity=each.capacity, minted=each.minted, **_tier(each.tier))
            for each in mover.occupancy(total, early, minted)
        ],
    )


def _tier(tier: Tier) -> dict[str, Any]:
    return {
        "tier": tier.tier,
        "first_id": tier.first_id,
        "last_id": tier.last_id,
        "royalty_bps": tier.royalty_bps,
    }


_TAG: Final = "mover-advantage"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/mover-advantage/config", handler=config, summary="Show the tiers and fees", tag=_TAG,
        access=Access.GUEST, reply=ConfigReply, limits=(limits.BROWSE,),
    ),
    Operation(
        method="GET", path="/masters/{id}/mover-advantage", handler=of_master, tag=_TAG, access=Access.OPTIONAL,
        summary="Show how far a master's tiers are taken", parameters=MasterPath, reply=AdvantageReply,
        limits=(limits.BROWSE,), errors=(MasterNotFound, ContentUnavailable),
    ),
)  # fmt: skip
