"""Shape what is answered about revenue, and about its way to the holders.

Between: routes.revenue (builds), docs/openapi/nft.json and the SDK (read).
Units: wei as decimal strings; basis points; blocks by number.
"""

from collections.abc import Sequence
from typing import Any, Literal

from audifi.kernel.clock import iso
from audifi.kernel.http import Reply
from audifi.services.nft.store.distributions import Distribution, PaidOut
from audifi.services.nft.store.revenue import Revenue, SourceTotal
from audifi.wire.amounts import Wei, wei

Status = Literal["PENDING", "VERIFIED", "DEPOSITED", "DISTRIBUTED", "FAILED", "DISPUTED"]


class DistributionReply(Reply, kw_only=True):
    """How a revenue was divided, and how far it got. Anybody can repeat it from the snapshot's block."""

    id: str
    status: str
    epoch: int
    chain_id: int
    dividend_contract: str
    holders_wei: Wei
    artist_wei: Wei
    platform_wei: Wei
    collaborators_wei: Wei
    collaborators: list[dict[str, Any]]
    snapshot_block: int | None
    shares: int | None
    wallets: int | None
    merkle_root: str | None
    root_tx: str | None
    opened_at: str | None
    error: str | None


class RevenueReply(Reply, kw_only=True):
    """What a master earned."""

    id: str
    master_id: str
    source: str
    amount_wei: Wei
    currency: str
    external_reference: str
    period_start: str | None
    period_end: str | None
    note: str | None
    status: str  # as Status has them
    recorded_by: str
    verified_at: str | None
    deposit_tx: str | None
    error: str | None
    created_at: str
    distribution: DistributionReply | None


class SourceReply(Reply, kw_only=True):
    """What one kind of source brought; disputed ones are left out."""

    source: str
    events: int
    amount_wei: Wei
    distributed_wei: Wei


class SummaryReply(Reply, kw_only=True):
    """What a master earned, and what became of it."""

    currency: str | None
    total_wei: Wei
    pending_wei: Wei  # nobody verified it yet
    distributed_wei: Wei
    holders_wei: Wei
    artist_wei: Wei
    platform_wei: Wei
    collaborators_wei: Wei
    claimed_wei: Wei
    by_source: list[SourceReply]


def revenue_reply(each: Revenue, currency: str, begun: Distribution | None) -> RevenueReply:
    """Return a revenue with its distribution."""
    return RevenueReply(
        id=each.id,
        master_id=each.master_id,
        source=each.source,
        amount_wei=wei(each.amount_wei),
        currency=currency,
        external_reference=each.external_reference,
        period_start=None if each.period_start is None else each.period_start.isoformat(),
        period_end=None if each.period_end is None else each.period_end.isoformat(),
        note=each.note,
        status=each.status,
        recorded_by=each.recorded_by,
        verified_at=None if each.verified_at is None else iso(each.verified_at),
        deposit_tx=each.deposit_tx,
        error=each.error,
        created_at=iso(each.created_at),
        distribution=None if begun is None else _distribution_reply(begun),
    )


def summary_reply(currency: str | None, totals: Sequence[SourceTotal], paid_out: PaidOut) -> SummaryReply:
    """Return the sums."""
    counted = [each for each in totals if each.status != "DISPUTED"]
    sources = sorted({each.source for each in counted})
    return SummaryReply(
        currency=currency,
        total_wei=wei(_sum(counted)),
        pending_wei=wei(_sum(counted, status="PENDING")),
        distributed_wei=wei(_sum(counted, status="DISTRIBUTED")),
        holders_wei=wei(paid_out.holders_wei),
        artist_wei=wei(paid_out.artist_wei),
        platform_wei=wei(paid_out.platform_wei),
        collaborators_wei=wei(paid_out.collaborators_wei),
        claimed_wei=wei(paid_out.claimed_wei),
        by_source=[_source_reply(name, [each for each in counted if each.source == name]) for name in sources],
    )


def _source_reply(name: str, totals: Sequence[SourceTotal]) -> SourceReply:
    return SourceReply(
        source=name,
        events=sum(each.events for each in totals),
        amount_wei=wei(_sum(totals)),
        distributed_wei=wei(_sum(totals, status="DISTRIBUTED")),
    )


def _sum(totals: Sequence[SourceTotal], *, status: str | None = None) -> int:
    return sum(each.amount_wei for each in totals if status in (None, each.status))


def _distribution_reply(begun: Distribution) -> DistributionReply:
    return DistributionReply(
        id=begun.id,
        status=begun.status,
        epoch=begun.epoch,
        chain_id=begun.chain_id,
        dividend_contract=begun.dividend,
        holders_wei=wei(begun.holders_wei),
        artist_wei=wei(begun.artist_wei),
        platform_wei=wei(begun.platform_wei),
        collaborators_wei=wei(begun.collaborators_wei),
        collaborators=list(begun.collaborators),
        snapshot_block=begun.snapshot_block,
        shares=begun.total_weight,
        wallets=begun.wallets,
        merkle_root=begun.merkle_root,
        root_tx=begun.root_tx,
        opened_at=None if begun.opened_at is None else iso(begun.opened_at),
        error=begun.error,
    )
