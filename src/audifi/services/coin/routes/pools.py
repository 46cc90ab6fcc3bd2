"""Show where a coin trades and what a swap would give; let its artist open the trade.

Between: the gateway (/coins/{artistId}/pool, /swap-quote), store.pools, sagas.providing.
Shape: every pool is our own constant-product contract; `type` is the name its artist chose to show.
Errors: CoinNotFound, PoolNotFound, Conflict, InvalidState, Forbidden, Invalid.
Source: domain.md 2.5 "Pool".
"""

from typing import Final, Literal

from msgspec import field

from audifi.kernel.http import Access, Body, Operation, Reply, StepUp
from audifi.services.coin.errors import CoinNotFound, Conflict, Forbidden, Invalid, InvalidState, PoolNotFound
from audifi.services.coin.parts import CoinCall
from audifi.services.coin.routes import audit, found
from audifi.services.coin.routes.found import Amount, ArtistPath
from audifi.services.coin.routes.replies import PoolReply, pool_reply
from audifi.services.coin.rules import trading
from audifi.services.coin.sagas import providing
from audifi.services.coin.store import pools as store
from audifi.wire.amounts import Wei, parsed, wei


class PoolBody(Body, kw_only=True):
    """What the platform adds in ether to the pool's quarter of the supply."""

    pool_type: Literal["UNISWAP_V2", "UNISWAP_V3", "SUSHISWAP"] = "UNISWAP_V2"
    eth_wei: Amount
    fee_bps: Literal[30, 100] = 30


class QuoteQuery(Body):
    """BUY: how many coins for this much ether. SELL: how much ether for these coins."""

    direction: Literal["BUY", "SELL"]
    amount: Amount


class QuoteReply(Reply, kw_only=True):
    """What a swap would give now; `minReceived` tolerates half a percent."""

    in_: Wei = field(name="in")
    out: Wei
    price_impact_bps: int
    min_received: Wei


async def show(call: CoinCall) -> PoolReply:
    """Return where an artist's coin trades, or is about to."""
    async with call.deps.database.read_primary() as connection:
        coin = await found.coin(connection, call)
        pool = await store.of_coin(connection, coin.id)
    if pool is None or pool.type is None:
        raise PoolNotFound
    return pool_reply(pool)


async def fill(call: CoinCall, body: PoolBody) -> PoolReply:
    """Let the caller's coin trade; it does as soon as the chain has confirmed both sides."""
    found.require_own(call)
    native_wei = parsed(body.eth_wei)
    most = call.deps.settings.pool_seed_wei_max
    if native_wei > most:  # 0 where the platform gives none: whoever holds coins could sell them for it at once
        raise Invalid(details={"ethWei": f"the platform adds at most {most} wei to a pool"})
    async with call.deps.database.transaction() as tx:
        coin = await found.coin(tx, call)
        if coin.status == "TRADABLE":
            raise Conflict("This coin has a pool already.")
        if coin.status != "DEPLOYED":
            raise InvalidState("This coin is not on its chain yet.")
        if body.fee_bps != coin.pool_fee_bps:
            raise Invalid(details={"feeBps": f"this coin was deployed with {coin.pool_fee_bps}"})
        reply = pool_reply(await providing.asked(tx, coin, type_=body.pool_type, native_wei=native_wei))
        deed = {"ethWei": body.eth_wei, "poolType": body.pool_type}
        await audit.recorded(tx, call, "coin.pool_requested", coin.id, deed)
        await call.settle(tx, reply)
    return reply


async def quote(call: CoinCall, query: QuoteQuery) -> QuoteReply:
    """Say what a swap would give now."""
    async with call.deps.database.read_primary() as connection:
        coin = await found.coin(connection, call)
        pool = await store.of_coin(connection, coin.id)
    if pool is None:
        raise PoolNotFound
    given = trading.quote(pool.reserves, parsed(query.amount), is_sale=query.direction == "SELL")
    return QuoteReply(
        in_=wei(given.given),
        out=wei(given.received),
        price_impact_bps=given.price_impact_bps,
        min_received=wei(given.received_min),
    )


_TAG: Final = "pools"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/coins/{artistId}/pool", handler=show, summary="Show where a coin trades", tag=_TAG,
        access=Access.OPTIONAL, parameters=ArtistPath, reply=PoolReply, errors=(CoinNotFound, PoolNotFound),
    ),
    Operation(
        method="POST", path="/coins/{artistId}/pool", handler=fill, summary="Let one's coin trade", tag=_TAG,
        access=Access.ARTIST, step_up=StepUp.ALWAYS, parameters=ArtistPath, body=PoolBody, reply=PoolReply, status=201,
        idempotent=True, idempotency_required=True, errors=(CoinNotFound, Conflict, InvalidState, Forbidden, Invalid),
        example={"poolType": "UNISWAP_V2", "ethWei": "1000000000000000000", "feeBps": 30},
    ),
    Operation(
        method="GET", path="/coins/{artistId}/swap-quote", handler=quote, summary="Say what a swap would give",
        tag=_TAG, access=Access.OPTIONAL, parameters=ArtistPath, query=QuoteQuery, reply=QuoteReply,
        errors=(CoinNotFound, PoolNotFound, Invalid),
    ),
)  # fmt: skip
