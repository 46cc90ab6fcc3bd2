"""Tell wallets how to stake and take back, and show what stakes earn.

Between: the gateway (/coins/{artistId}/stake…), store.stakes, auth-service (whose wallets are whose).
Shape: coins are the wallet's, so the platform never moves them: an answer lists the transactions the wallet has to
send, in their order. What became of them is read from the chain (facts).
Not checked: whether the wallet holds so much. The chain knows, and knows earlier than we do.
Errors: CoinNotFound, InvalidState, StakeLocked, NotFound, Invalid.
Source: domain.md 2.5 "Staking".
"""

from typing import Final, Literal
from uuid import UUID

from audifi.clients.chain.contracts.surface import CoinContract, StakingContract
from audifi.kernel.http import Access, Body, Operation
from audifi.kernel.ids import new_id
from audifi.services.coin.errors import CoinNotFound, Invalid, InvalidState, NotFound, StakeLocked
from audifi.services.coin.parts import CoinCall
from audifi.services.coin.routes import found
from audifi.services.coin.routes.found import Amount, ArtistPath
from audifi.services.coin.routes.replies import StakeReply, TransactionReply, stake_reply
from audifi.services.coin.rules import staking
from audifi.services.coin.rules.supply import SUPPLY
from audifi.services.coin.store import balances
from audifi.services.coin.store import stakes as store
from audifi.services.coin.store.coins import Coin
from audifi.services.coin.store.stakes import Stake
from audifi.wire.amounts import Address, parsed


class StakeBody(Body, kw_only=True):
    """How much, for how long, from which wallet (the primary one unless said)."""

    amount: Amount
    lock_days: Literal[0, 30, 90, 365] = 0
    wallet: Address | None = None


class UnstakeBody(Body):
    """Which stake: the `id` it was given here."""

    stake_id: UUID


async def stake(call: CoinCall, body: StakeBody) -> StakeReply:
    """Promise a stake, and tell the wallet what to send: an approval, then the stake."""
    amount = parsed(body.amount)
    if amount > SUPPLY:
        raise Invalid(details={"amount": "is more than there is"})
    wallet = await found.own_wallet(call, body.wallet)
    async with call.deps.database.transaction() as tx:
        coin = await found.coin(tx, call)
        address, contract = _contracts(coin)
        is_provider = await balances.is_provider(tx, coin.id, wallet)
        new = Stake(
            id=str(new_id()),
            coin_id=coin.id,
            user_id=call.user().user_id,
            wallet=wallet,
            amount=amount,
            lock_days=body.lock_days,
            apy_bps=staking.apy_bps(body.lock_days, is_provider=is_provider, base_bps=coin.base_bps),
            stake_id=None,
            started_at=None,
            unlocks_at=None,
            status="PENDING",
            reward_paid=0,
            created_at=call.deps.clock.now(),
        )
        await store.promise(tx, coin.id, new)
        sending = (
            _transaction(address, CoinContract(address).approve(contract, amount)),
            _transaction(contract, StakingContract(contract).stake(amount, body.lock_days)),
        )
        reply = stake_reply(new, coin, call.deps.clock.now(), transactions=sending)
        await call.settle(tx, reply)
    return reply


async def unstake(call: CoinCall, body: UnstakeBody) -> StakeReply:
    """Tell the wallet how to take a stake back with its reward, once its lock is over."""
    now = call.deps.clock.now()
    own = await found.wallets_of(call, call.user().user_id)
    async with call.deps.database.transaction() as tx:
        coin = await found.coin(tx, call)
        there = await store.find(tx, coin.id, str(body.stake_id))
        if there is None or there.wallet not in own:
            raise NotFound("You have no such stake.")
        if there.unlocks_at is None or there.stake_id is None:
            raise InvalidState("This stake is not on the chain yet.")
        if now < there.unlocks_at:
            raise StakeLocked(details={"unlocksAt": there.unlocks_at.isoformat()})
        if not await store.start_unstaking(tx, there.id):
            raise InvalidState("This stake was taken back already.")
        moved = await store.find(tx, coin.id, there.id)
        assert moved is not None, "it was there a moment ago"
        _, contract = _contracts(coin)
        sending = (_transaction(contract, StakingContract(contract).unstake(there.stake_id)),)
        reply = stake_reply(moved, coin, now, transactions=sending)
        await call.settle(tx, reply)
    return reply


async def stakes(call: CoinCall) -> list[StakeReply]:
    """List the caller's stakes of an artist's coin, over all linked wallets, the newest first."""
    own = await found.wallets_of(call, call.user().user_id)
    async with call.deps.database.read_primary() as connection:
        coin = await found.coin(connection, call)
        listed = await store.of_wallets(connection, coin.id, own)
    return [stake_reply(each, coin, call.deps.clock.now()) for each in listed]


def _contracts(coin: Coin) -> tuple[str, str]:
    """Return where the coin and its stakes are."""
    if coin.address is None or coin.staking_address is None or coin.status not in ("DEPLOYED", "TRADABLE"):
        raise InvalidState("This coin cannot be staked yet.")
    return coin.address, coin.staking_address


def _transaction(to: str, data: bytes) -> TransactionReply:
    return TransactionReply(to=to, data="0x" + data.hex())


_TAG: Final = "stakes"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST", path="/coins/{artistId}/stake", handler=stake, summary="Learn how to stake coins", tag=_TAG,
        access=Access.USER, parameters=ArtistPath, body=StakeBody, reply=StakeReply, idempotent=True,
        idempotency_required=True, errors=(CoinNotFound, InvalidState, Invalid),
        example={"amount": "1000000000000000000000", "lockDays": 90},
    ),
    Operation(
        method="POST", path="/coins/{artistId}/unstake", handler=unstake, summary="Learn how to take a stake back",
        tag=_TAG, access=Access.USER, parameters=ArtistPath, body=UnstakeBody, reply=StakeReply, idempotent=True,
        idempotency_required=True, errors=(CoinNotFound, NotFound, InvalidState, StakeLocked),
        example={"stakeId": "01890000-0000-7000-8000-000000000001"},
    ),
    Operation(
        method="GET", path="/coins/{artistId}/stakes", handler=stakes, summary="List one's own stakes", tag=_TAG,
        access=Access.USER, parameters=ArtistPath, reply=list[StakeReply], errors=(CoinNotFound,),
    ),
)  # fmt: skip
