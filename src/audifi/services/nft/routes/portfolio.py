"""Show somebody everything they have: shares, coins, dividends.

Between: the gateway (/portfolio), store.portfolio, store.claims, coin-service (asked; without it coins are left out).
Shape: `masters` adds up the shares of each master, MASTERS_MAX at most; `shares` are the first SHARES_MAX (all of them,
page by page: /user/holdings); `notes` says what is left out, and why.
Errors: none of its own: what another service does not tell is a note, not a failure.
Source: domain.md 2.2 ("portfolio adds coins, votes"), 8 (FanPortfolio).
"""

from typing import Any, Final

import msgspec

from audifi.kernel.http import Access, Operation, Reply
from audifi.kernel.logs import log
from audifi.services.nft.errors import NotFound, Problem
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes.holdings import HoldingReply, holding_reply
from audifi.services.nft.store import claims, portfolio
from audifi.services.nft.store.claims import DividendTotal
from audifi.services.nft.store.portfolio import MasterHolding
from audifi.wire.amounts import Wei, wei

MASTERS_MAX: Final = 500
SHARES_MAX: Final = 100


class MasterHoldingReply(Reply, kw_only=True):
    """What is owned of one master."""

    master_id: str
    master_title: str
    currency: str
    shares: int
    best_tier: int
    cost_wei: Wei
    last_price_wei: Wei
    value_wei: Wei  # shares × last price
    unclaimed_wei: Wei


class DividendTotalReply(Reply, kw_only=True):
    """Dividends in one currency."""

    currency: str
    claimable_wei: Wei
    pending_wei: Wei
    claimed_wei: Wei


class PortfolioReply(Reply, kw_only=True):
    """Everything somebody has."""

    masters: list[MasterHoldingReply]
    shares: list[HoldingReply]
    shares_total: int
    coins: list[dict[str, Any]]  # as coin-service tells them
    dividends: list[DividendTotalReply]
    votes: list[dict[str, Any]]
    notes: list[str]


async def show(call: NftCall) -> PortfolioReply:
    """Gather what the signed-in user has."""
    user_id = call.user().user_id
    async with call.deps.database.read() as connection:
        owned_by = await portfolio.wallets(connection, user_id)
        held = await portfolio.masters(connection, owned_by, limit=MASTERS_MAX)
        found, total = await portfolio.shares(connection, owned_by, master_id=None, limit=SHARES_MAX, offset=0)
        open_claims = await claims.unclaimed(connection, owned_by)
        sums = await claims.totals(connection, owned_by)
    notes: list[str] = []
    coins = await _coins(call, user_id, notes)
    unclaimed: dict[str, int] = {}
    for (master_id, _), amount in open_claims.items():
        unclaimed[master_id] = unclaimed.get(master_id, 0) + amount
    return PortfolioReply(
        masters=[_master_reply(each, unclaimed.get(each.master_id, 0)) for each in held],
        shares=[holding_reply(each, open_claims) for each in found],
        shares_total=total,
        coins=coins,
        dividends=[_total_reply(each) for each in sums],
        votes=[],
        notes=notes,
    )


async def _coins(call: NftCall, user_id: str, notes: list[str]) -> list[dict[str, Any]]:
    path = f"/internal/v1/users/{user_id}/coins"
    try:
        return await call.deps.peers.get("coin-service", path, list[dict[str, Any]])
    except NotFound:
        return []  # coin-service knows nobody of that name: no coins
    except (Problem, msgspec.ValidationError) as problem:
        log.warning("a portfolio is shown without coins", error=problem)
        notes.append("Coins are left out: coin-service does not answer. Try again in a moment.")
        return []


def _master_reply(each: MasterHolding, unclaimed_wei: int) -> MasterHoldingReply:
    return MasterHoldingReply(
        master_id=each.master_id,
        master_title=each.master_title,
        currency=each.currency,
        shares=each.shares,
        best_tier=each.best_tier,
        cost_wei=wei(each.cost_wei),
        last_price_wei=wei(each.last_price_wei),
        value_wei=wei(each.shares * each.last_price_wei),
        unclaimed_wei=wei(unclaimed_wei),
    )


def _total_reply(each: DividendTotal) -> DividendTotalReply:
    return DividendTotalReply(
        currency=each.currency,
        claimable_wei=wei(each.claimable_wei),
        pending_wei=wei(each.pending_wei),
        claimed_wei=wei(each.claimed_wei),
    )


OPERATIONS: Final = (
    Operation(
        method="GET", path="/portfolio", handler=show, summary="Show everything you have", tag="portfolio",
        access=Access.USER, reply=PortfolioReply,
    ),
)  # fmt: skip
