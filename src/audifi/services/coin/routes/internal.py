"""Answer other services about balances, and take over what the chain logged.

Between: vstudio-service (gating and weights), nft-service (portfolios), the worker (logs). Never routed from outside.
Invariant: always the primary: eligibility is decided here. An artist without a coin has given nobody anything.
Errors: Invalid, UserNotFound of auth-service.
Source: domain.md 2.5 "Internal", 2.3 "Vote weight".
"""

from typing import Final
from uuid import UUID

from audifi.clients.chain.mirroring import routes as mirrored
from audifi.kernel.http import Access, Body, Operation, Reply
from audifi.services.coin.errors import Invalid, UserNotFound
from audifi.services.coin.parts import CoinCall
from audifi.services.coin.routes import found
from audifi.services.coin.rules import staking
from audifi.services.coin.rules.supply import formatted
from audifi.services.coin.store import balances, coins, stakes
from audifi.wire.amounts import Address, Wei, wei


class UserPath(Body):
    """Who."""

    id: UUID


class BalanceQuery(Body, kw_only=True):
    """Whose coin, and whose balance: a user's over all wallets, or one wallet's."""

    artist_id: UUID
    user_id: UUID | None = None
    wallet: Address | None = None


class StandingReply(Reply, kw_only=True):
    """What somebody has of a coin; the multiplier is that of the longest lock, 1000 without a stake."""

    balance: Wei
    staked: Wei
    best_multiplier_milli: int


class HoldingReply(Reply, kw_only=True):
    """What somebody has of one coin."""

    artist_id: str
    name: str
    symbol: str
    chain_id: int
    address: str
    balance: Wei
    formatted: str
    staked: Wei


async def balance(call: CoinCall, query: BalanceQuery) -> StandingReply:
    """Return what somebody has of a coin, and has staked."""
    if (query.user_id is None) == (query.wallet is None):
        raise Invalid(details={"userId": "either this or wallet"})
    wallets = [query.wallet.lower()] if query.wallet else await found.wallets_of(call, str(query.user_id))
    async with call.deps.database.read_primary() as connection:
        coin = await coins.of_artist(connection, str(query.artist_id))
        if coin is None:
            return StandingReply(balance="0", staked="0", best_multiplier_milli=staking.NO_STAKE_MILLI)
        held = await balances.of_wallets(connection, coin.id, wallets)
        standing = await stakes.standing(connection, coin.id, wallets)
    best = max((staking.MULTIPLIER_MILLI[days] for days in standing.locks_days), default=staking.NO_STAKE_MILLI)
    return StandingReply(balance=wei(held), staked=wei(standing.staked), best_multiplier_milli=best)


async def user_coins(call: CoinCall) -> list[HoldingReply]:
    """Return every coin a user holds or has staked."""
    wallets = await found.wallets_of(call, str(call.parameters.id))
    async with call.deps.database.read_primary() as connection:
        held = await balances.holdings(connection, wallets)
    return [
        HoldingReply(
            artist_id=each.artist_id,
            name=each.name,
            symbol=each.symbol,
            chain_id=each.chain_id,
            address=each.address,
            balance=wei(each.balance),
            formatted=formatted(each.balance),
            staked=wei(each.staked),
        )
        for each in held
    ]


_TAG: Final = "internal"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/internal/v1/balance", handler=balance, summary="Show what somebody has of a coin",
        tag=_TAG, access=Access.SERVICE, query=BalanceQuery, reply=StandingReply, errors=(Invalid, UserNotFound),
    ),
    Operation(
        method="GET", path="/internal/v1/users/{id}/coins", handler=user_coins, summary="List a user's coins",
        tag=_TAG, access=Access.SERVICE, parameters=UserPath, reply=list[HoldingReply], errors=(UserNotFound,),
    ),
    *mirrored.operations(lambda call: call.deps.mirror),
)  # fmt: skip
