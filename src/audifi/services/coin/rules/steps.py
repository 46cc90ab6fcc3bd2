"""Order the steps that bring a coin to a chain, and say what each wants of it.

    deploy → pool → name-pool → staking → approve-staking → fund-staking → done

Between: sagas.deploying (takes the steps), store.coins (remembers the one that is under way).
Why the pool is deployed before anybody provides for it: the staking contract names it for ever, for its bonus.
Invariant: a step is asked for only when the one before it was confirmed; `done` wants nothing.
Errors: AssertionError for a step whose addresses are not known: a bug.
Source: domain.md 2.5 "Rules"; docs/contracts.md.
"""

from dataclasses import dataclass
from typing import Final

from audifi.services.coin.rules.supply import BUCKETS, Bucket
from audifi.wire.amounts import wei
from audifi.wire.events.chain import (
    AnyCommand,
    ApproveCoin,
    DeployCoin,
    DeployPool,
    DeployStaking,
    FundStaking,
    NamePool,
)

DEPLOY: Final = "deploy"
POOL: Final = "pool"
NAME_POOL: Final = "name-pool"
STAKING: Final = "staking"
APPROVE_STAKING: Final = "approve-staking"
FUND_STAKING: Final = "fund-staking"
DONE: Final = "done"
ORDER: Final = (DEPLOY, POOL, NAME_POOL, STAKING, APPROVE_STAKING, FUND_STAKING, DONE)
# What comes into being at a step, as the mirror calls it.
CONTRACTS: Final = {DEPLOY: "Coin", POOL: "Pool", STAKING: "Staking"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """What the steps need to know of a coin."""

    name: str
    symbol: str
    treasury: str
    pool_fee_bps: int
    base_bps: int
    address: str | None = None
    pool: str | None = None
    staking: str | None = None


def after(step: str) -> str:
    """Return the next step."""
    return ORDER[ORDER.index(step) + 1]


def command(step: str, place: Place) -> AnyCommand | None:
    """Return what this step wants; None when all is done."""
    coin, pool, staking = place.address or "", place.pool or "", place.staking or ""
    community = wei(BUCKETS[Bucket.COMMUNITY])
    if step == DEPLOY:
        return DeployCoin(name=place.name, symbol=place.symbol, treasury=place.treasury)
    assert coin or step == DONE, f"{step}: the coin's address is not known"
    if step == POOL:
        return DeployPool(coin=coin, fee_bps=place.pool_fee_bps)
    assert pool or step == DONE, f"{step}: the pool's address is not known"
    if step == NAME_POOL:
        return NamePool(coin=coin, pool=pool)
    if step == STAKING:
        return DeployStaking(coin=coin, pool=pool, base_bps=place.base_bps)
    assert staking or step == DONE, f"{step}: the staking contract's address is not known"
    if step == APPROVE_STAKING:
        return ApproveCoin(coin=coin, spender=staking, amount=community)
    return FundStaking(staking=staking, amount=community) if step == FUND_STAKING else None
