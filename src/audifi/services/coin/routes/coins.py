"""Show artists' coins, what they do and who holds them; bring one to its chain.

Between: the gateway (/coins…), store, sagas.deploying.
Invariant: lists may be a moment old (replicas); a coin's own page and balances are the primary's.
Errors: CoinNotFound, CoinExists, Forbidden, Invalid.
Source: domain.md 2.5.
"""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation, Page, Paging, Reply
from audifi.services.coin.errors import CoinExists, CoinNotFound, Forbidden, Invalid
from audifi.services.coin.parts import CoinCall
from audifi.services.coin.routes import audit, found, limits
from audifi.services.coin.routes.found import ArtistPath
from audifi.services.coin.routes.replies import (
    BalanceReply,
    CoinDetail,
    CoinReply,
    MetricsReply,
    coin_detail,
    coin_reply,
)
from audifi.services.coin.rules import naming, staking, trading
from audifi.services.coin.rules.supply import COIN, formatted
from audifi.services.coin.sagas import deploying
from audifi.services.coin.store import allocations, balances, coins, pools, stakes
from audifi.services.coin.store.coins import Coin, NewCoin
from audifi.services.coin.store.pools import Pool
from audifi.wire.amounts import Address, wei


class ListQuery(Paging, kw_only=True):
    """Which page of coins."""

    sort: Literal["createdAt", "-createdAt"] = "-createdAt"


class DeployBody(Body, kw_only=True):
    """What the coin is called; what its pool will take of a swap."""

    name: Annotated[str, Meta(min_length=1, max_length=naming.NAME_CHARS_MAX)] | UnsetType = UNSET
    symbol: Annotated[str, Meta(pattern=naming.SYMBOL_PATTERN)] | UnsetType = UNSET
    fee_bps: Literal[30, 100] = 30


class WalletPath(ArtistPath):
    """Whose coin, in which wallet."""

    wallet: Address


class ArtistWallet(Reply):
    """A wallet, as auth-service tells it."""

    address: str
    chain_id: int


async def listed(call: CoinCall, query: ListQuery) -> Page[CoinReply]:
    """List coins that are on their chain."""
    async with call.deps.database.read() as connection:
        rows = await coins.listed(
            connection, newest_first=query.sort == "-createdAt", limit=query.limit, offset=query.offset
        )
        there = await pools.of_coins(connection, [row.id for row in rows])
        return Page([coin_reply(row, there.get(row.id)) for row in rows], await coins.count(connection), query)


async def show(call: CoinCall) -> CoinDetail:
    """Return an artist's coin."""
    async with call.deps.database.read_primary() as connection:
        coin = await found.coin(connection, call)
        pool = await pools.of_coin(connection, coin.id)
        return await _detail(connection, coin, pool)


async def metrics(call: CoinCall) -> MetricsReply:
    """Return what an artist's coin does now."""
    async with call.deps.database.read_primary() as connection:
        coin = await found.coin(connection, call)
        return await _metrics(connection, coin, await pools.of_coin(connection, coin.id))


async def balance(call: CoinCall) -> BalanceReply:
    """Return what a wallet has of an artist's coin."""
    wallet = call.parameters.wallet.lower()
    async with call.deps.database.read_primary() as connection:
        coin = await found.coin(connection, call)
        held = await balances.of_wallets(connection, coin.id, [wallet])
        standing = await stakes.standing(connection, coin.id, [wallet])
    return BalanceReply(wallet=wallet, balance=wei(held), formatted=formatted(held), staked=wei(standing.staked))


async def deploy(call: CoinCall, body: DeployBody) -> CoinDetail:
    """Bring the caller's coin to the chain of their primary wallet; what failed goes on where it stopped."""
    artist_id = found.require_own(call)
    peers = call.deps.peers
    linked = await peers.get("auth-service", f"/internal/v1/users/{artist_id}/wallets", list[ArtistWallet])
    if not linked:
        raise Invalid("Link a wallet first: it receives the artist's part.", details={"wallet": "none is linked"})
    artist = await deploying.artist_name(peers, artist_id)
    new = NewCoin(
        artist_id=artist_id,
        chain_id=linked[0].chain_id,
        treasury=linked[0].address,
        base_bps=staking.BASE_BPS,
        pool_fee_bps=body.fee_bps,
        name=body.name or naming.name_of(artist),
        symbol=body.symbol or naming.symbol_of(artist),
    )
    async with call.deps.database.transaction() as tx:
        coin = await deploying.asked(tx, new)
        deed = {"name": coin.name or "", "symbol": coin.symbol or "", "treasury": coin.treasury}
        await audit.recorded(tx, call, "coin.deploy_requested", coin.id, deed)
        reply = await _detail(tx, coin, await pools.of_coin(tx, coin.id))
        await call.settle(tx, reply)
    return reply


async def _detail(connection: Connection, coin: Coin, pool: Pool | None) -> CoinDetail:
    parts = await allocations.of_coin(connection, coin.id)
    return coin_detail(coin, pool, allocations=parts, metrics=await _metrics(connection, coin, pool))


async def _metrics(connection: Connection, coin: Coin, pool: Pool | None) -> MetricsReply:
    price = None if pool is None else trading.price_wei(pool.reserves)
    released = sum(part.released for part in await allocations.of_coin(connection, coin.id))
    return MetricsReply(
        price_wei=None if price is None else wei(price),
        market_cap_wei=None if price is None else wei(price * coin.total_supply // COIN),
        volume24h_wei=wei(await pools.volume_wei(connection, coin.id)),
        holders=await balances.holder_count(connection, coin.id),
        circulating=wei(released),
        staked=wei(await stakes.total(connection, coin.id)),
        rewards_left=wei(coin.rewards_left),
        base_apy_bps=coin.base_bps,
    )


_TAG: Final = "coins"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/coins", handler=listed, summary="List artists' coins", tag=_TAG, access=Access.OPTIONAL,
        query=ListQuery, reply=CoinReply, listed=True, limits=(limits.BROWSE,),
    ),
    Operation(
        method="GET", path="/coins/{artistId}", handler=show, summary="Show an artist's coin", tag=_TAG,
        access=Access.OPTIONAL, parameters=ArtistPath, reply=CoinDetail, errors=(CoinNotFound,),
    ),
    Operation(
        method="GET", path="/coins/{artistId}/metrics", handler=metrics, summary="Show price, volume and holders",
        tag=_TAG, access=Access.OPTIONAL, parameters=ArtistPath, reply=MetricsReply, errors=(CoinNotFound,),
    ),
    Operation(
        method="GET", path="/coins/{artistId}/balance/{wallet}", handler=balance, summary="Show what a wallet has",
        tag=_TAG, access=Access.OPTIONAL, parameters=WalletPath, reply=BalanceReply, errors=(CoinNotFound,),
    ),
    Operation(
        method="POST", path="/coins/{artistId}/deploy", handler=deploy, summary="Bring one's coin to its chain",
        tag=_TAG, access=Access.ARTIST, parameters=ArtistPath, body=DeployBody, reply=CoinDetail, status=202,
        errors=(CoinExists, Forbidden, Invalid), idempotent=True, idempotency_required=True,
        example={"name": "Alex Rivera", "symbol": "ALEXR", "feeBps": 30},
        description="Without a name or symbol they follow the artist's. The first IPO does this by itself.",
    ),
)  # fmt: skip
