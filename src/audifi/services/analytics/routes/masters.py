"""Show what became of a master: to everybody a part, to its artist and administrators all of it.

Between: the gateway (/analytics/masters/{id}) and store.reports, store.holdings, on a replica.
Invariant: whoever may not know that a master exists is told that it does not.
Errors: MasterNotFound.
Source: domain.md 2.6 ("G only public subset").
"""

from typing import Final

from msgspec import UNSET, UnsetType

from audifi.kernel.clock import iso
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Operation, Page, Paging, Reply, Timestamp
from audifi.services.analytics.errors import MasterNotFound
from audifi.services.analytics.parts import AnalyticsCall
from audifi.services.analytics.routes.access import may_see
from audifi.services.analytics.routes.fields import IdPath, PeriodQuery
from audifi.services.analytics.routes.replies import shown
from audifi.services.analytics.rules import periods
from audifi.services.analytics.rules.periods import Period
from audifi.services.analytics.store import catalog, holdings, reports
from audifi.services.analytics.store.catalog import Master
from audifi.services.analytics.store.reports import Days, Happening
from audifi.wire.amounts import Wei, wei


class MasterReply(Reply, kw_only=True):
    """The figures of a master; what the public may not see is absent."""

    master_id: str
    artist_id: str
    title: str
    status: str
    period: str
    as_of: Timestamp
    views: int
    plays: int
    shares_sold: int
    resales: int
    holders: int
    total_shares: int
    public_supply: int
    price_wei: Wei
    primary_wei: Wei
    secondary_wei: Wei
    chain_id: int | None = None
    ipo_status: str | None = None
    launched_at: Timestamp | None = None
    visitors: int | UnsetType = UNSET
    shared: int | UnsetType = UNSET
    bookmarks: int | UnsetType = UNSET
    reactions: int | UnsetType = UNSET
    purchases: int | UnsetType = UNSET
    shares_reserved: int | UnsetType = UNSET
    transfers: int | UnsetType = UNSET
    claims: int | UnsetType = UNSET
    primary_fee_wei: Wei | UnsetType = UNSET
    secondary_fee_wei: Wei | UnsetType = UNSET
    royalties_wei: Wei | UnsetType = UNSET
    revenue_wei: Wei | UnsetType = UNSET
    dividends_wei: Wei | UnsetType = UNSET
    artist_revenue_wei: Wei | UnsetType = UNSET
    platform_revenue_wei: Wei | UnsetType = UNSET
    collaborators_wei: Wei | UnsetType = UNSET
    dividends_claimed_wei: Wei | UnsetType = UNSET


class HolderReply(Reply):
    """A wallet and its part."""

    wallet: str
    shares: int


class SaleReply(Reply, kw_only=True):
    """A sale: new shares (PRIMARY) or a resale (SECONDARY)."""

    id: str
    at: Timestamp
    kind: str
    quantity: int
    amount_wei: Wei
    fee_wei: Wei
    royalty_wei: Wei
    token_ids: tuple[int, ...]
    tx_hash: str


class SalesQuery(Paging, kw_only=True):
    """Which sales."""

    period: Period = "all_time"


_PUBLIC: Final = ("views", "plays", "shares_sold", "resales", "primary_wei", "secondary_wei")


async def master(call: AnalyticsCall, query: PeriodQuery) -> MasterReply:
    """Return a master's figures."""
    now = call.deps.clock.now()
    today = periods.day_of(now)
    async with call.deps.database.read() as connection:
        found = await _visible(call, connection)
        totals = await reports.of_master(
            connection, call.parameters.id, Days(periods.first_day(query.period, today), today)
        )
        holders = await holdings.holders_of_master(connection, call.parameters.id)
    figures = shown(totals)
    if not may_see(call.principal, found.artist_id):
        figures = {name: figures[name] for name in _PUBLIC}
    return MasterReply(
        master_id=found.master_id,
        artist_id=found.artist_id,
        title=found.title,
        status=found.status,
        ipo_status=found.ipo_status,
        period=query.period,
        as_of=iso(now),
        chain_id=found.chain_id,
        total_shares=found.total_shares,
        public_supply=found.public_supply,
        price_wei=wei(found.price_wei),
        launched_at=None if found.launched_at is None else iso(found.launched_at),
        holders=holders,
        **figures,
    )


async def holders(call: AnalyticsCall, query: Paging) -> Page[HolderReply]:
    """Return who holds how many shares, the largest first."""
    async with call.deps.database.read() as connection:
        await _own(call, connection)
        rows = await holdings.page(connection, call.parameters.id, limit=query.limit, offset=query.offset)
        total = await holdings.holders_of_master(connection, call.parameters.id)
    return Page([HolderReply(row["wallet"], row["shares"]) for row in rows], total, query)


async def sales(call: AnalyticsCall, query: SalesQuery) -> Page[SaleReply]:
    """Return a master's sales, the newest first."""
    now = call.deps.clock.now()
    first = periods.begins(periods.first_day(query.period, periods.day_of(now)))
    async with call.deps.database.read() as connection:
        await _own(call, connection)
        rows, total = await reports.sales(
            connection, call.parameters.id, first, now, limit=query.limit, offset=query.offset
        )
    return Page([_sale(row) for row in rows], total, query)


async def _visible(call: AnalyticsCall, connection: Connection) -> Master:
    found = await catalog.master(connection, call.parameters.id)
    if found is None or not (found.is_public or may_see(call.principal, found.artist_id)):
        raise MasterNotFound
    return found


async def _own(call: AnalyticsCall, connection: Connection) -> Master:
    found = await catalog.master(connection, call.parameters.id)
    if found is None or not may_see(call.principal, found.artist_id):
        raise MasterNotFound
    return found


def _sale(row: Happening) -> SaleReply:
    data = row.data
    is_primary = row.kind == "purchase.completed"
    return SaleReply(
        id=row.event_id,
        at=iso(row.at),
        kind="PRIMARY" if is_primary else "SECONDARY",
        quantity=data["quantity"] if is_primary else 1,
        amount_wei=data["totalWei"] if is_primary else data["priceWei"],
        fee_wei=data["feeWei"],
        royalty_wei="0" if is_primary else data["royaltyWei"],
        token_ids=tuple(data["tokenIds"]) if is_primary else (data["tokenId"],),
        tx_hash=data["txHash"],
    )


_TAG: Final = "analytics"

OPERATIONS: Final = (
    Operation(
        method="GET", path="/analytics/masters/{id}", handler=master, summary="Show what became of a master", tag=_TAG,
        access=Access.OPTIONAL, parameters=IdPath, query=PeriodQuery, reply=MasterReply, errors=(MasterNotFound,),
        description="Guests see a part; its artist and administrators all of it. `holders` is of now, not of a period.",
    ),
    Operation(
        method="GET", path="/analytics/masters/{id}/holders", handler=holders, summary="List who holds shares",
        tag=_TAG, access=Access.USER, parameters=IdPath, query=Paging, reply=HolderReply, listed=True,
        errors=(MasterNotFound,),
    ),
    Operation(
        method="GET", path="/analytics/masters/{id}/sales", handler=sales, summary="List a master's sales", tag=_TAG,
        access=Access.USER, parameters=IdPath, query=SalesQuery, reply=SaleReply, listed=True,
        errors=(MasterNotFound,),
    ),
)  # fmt: skip
