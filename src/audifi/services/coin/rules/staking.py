"""Say what a stake earns, exactly as contracts/src/Staking.sol does.

Between: facts (reads a Staked log), routes.stakes (says what was earned), store.stakes.
Units: base units; basis points a year; epoch seconds. A year has 31,536,000 of them.
Invariant: a rate tells its lock: the bonuses are such that no two choices give the same sum (a test tries them all),
which is how a stake's beginning is known from a log that names only its end.
Errors: Invalid for a lock that does not exist; ValueError for a rate no stake can have (another contract's log).
Source: domain.md 2.5 "Staking", 2.3 "Vote weight" (multipliers).
"""

from collections.abc import Mapping
from typing import Final

from audifi.services.coin.errors import Invalid

YEAR_S: Final = 31_536_000
DAY_S: Final = 86_400
BPS: Final = 10_000
BASE_BPS: Final = 1000  # domain.md: 5-15 %, default 10 %
BONUS_PER_30_DAYS_BPS: Final = 200
LOCK_BONUS_BPS_MAX: Final = 1200
PROVIDER_BONUS_BPS: Final = 500
# lock in days → vote weight in thousandths
MULTIPLIER_MILLI: Final[Mapping[int, int]] = {0: 1500, 30: 2000, 90: 3000, 365: 5000}
LOCKS_DAYS: Final = tuple(MULTIPLIER_MILLI)
NO_STAKE_MILLI: Final = 1000


def apy_bps(lock_days: int, *, is_provider: bool, base_bps: int = BASE_BPS) -> int:
    """Return the yearly rate of a stake that begins now."""
    if lock_days not in LOCKS_DAYS:
        raise Invalid(details={"lockDays": f"one of {', '.join(map(str, LOCKS_DAYS))}"})
    bonus = min(lock_days // 30 * BONUS_PER_30_DAYS_BPS, LOCK_BONUS_BPS_MAX)
    return base_bps + bonus + (PROVIDER_BONUS_BPS if is_provider else 0)


def lock_of(apy: int, *, base_bps: int = BASE_BPS) -> int:
    """Return for how many days a stake of this rate is locked."""
    for days in LOCKS_DAYS:
        for is_provider in (False, True):
            if apy_bps(days, is_provider=is_provider, base_bps=base_bps) == apy:
                return days
    raise ValueError(f"no stake earns {apy} bps on a base of {base_bps}")


def started_at_s(unlocks_at_s: int, apy: int, *, base_bps: int = BASE_BPS) -> int:
    """Return when a stake began, from what its log says."""
    return unlocks_at_s - lock_of(apy, base_bps=base_bps) * DAY_S


def earned(amount: int, apy: int, seconds: int) -> int:
    """Return what a stake earns in this time, floored."""
    return amount * apy * max(0, seconds) // (BPS * YEAR_S)


def accrued(amount: int, apy: int, seconds: int, *, paid: int, left: int) -> int:
    """Return what it would be paid now: what it earned and was not paid, while there is something to pay from."""
    return max(0, min(earned(amount, apy, seconds) - paid, left))
