"""Do what nobody asks for: name new coins, divide and give what buyers are due, forget, compare.

Between: app (runs each loop in every pod), sagas, store.
Why in every pod without a leader: each step is a conditional change of rows; who comes second changes nothing.
Why peers are asked outside of transactions: another service may be slow, and a row must not be locked meanwhile.
Units: *_S seconds.
Errors: a database or a peer that is away is logged once, and tried again.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from audifi.kernel.server import Loop
from audifi.kernel.stepping import for_ever
from audifi.kernel.telemetry import log
from audifi.services.coin.parts import Parts
from audifi.services.coin.sagas import deploying, giving
from audifi.services.coin.store import coins, invariants, stakes

POLL_S: Final = 1.0
TIDY_EVERY_S: Final = 600.0
COMPARE_EVERY_S: Final = 300.0  # each query reads whole tables: on a replica, now and then
BATCH: Final = 20
ROWS_MAX: Final = 1000
UNSENT_H: Final = 24  # a stake that was not sent by then is not promised any more
Step = Callable[[Parts], Awaitable[int]]


async def name_pending(parts: Parts) -> int:
    """Name what waits for a name; return how many coins did."""
    async with parts.database.read_primary() as connection:
        waiting = await coins.pending(connection, BATCH)
    for coin in waiting:
        called = await deploying.artist_name(parts.peers, coin.artist_id)
        async with parts.database.transaction() as tx:
            await deploying.name_pending(tx, coin, called)
    return len(waiting)


async def share_due(parts: Parts) -> int:
    """Divide what is due among buyers; return for how many coins."""
    async with parts.database.read_primary() as connection:
        due = await coins.due(connection, BATCH)
    for coin in due:
        bought = await giving.participants(parts.peers, coin)
        async with parts.database.transaction() as tx:
            await giving.share(tx, coin, bought)
    return len(due)


async def give_due(parts: Parts) -> int:
    """Want the next transfers; return how many."""
    async with parts.database.transaction() as tx:
        return await giving.give_due(tx)


async def forget_unsent(parts: Parts) -> int:
    """Forget stakes that were promised and never sent; return how many."""
    async with parts.database.transaction() as tx:
        return await stakes.forget_unsent(tx, parts.clock.now() - timedelta(hours=UNSENT_H), ROWS_MAX)


async def compare(parts: Parts) -> int:
    """Log what does not add up; nothing is left to do at once."""
    async with parts.database.read() as connection:
        for violation in await invariants.violations(connection):
            log.error("an invariant is broken", violation=violation)
    return 0


# What runs, and how long it rests when there was nothing to do.
_STEPS: Final[tuple[tuple[Step, float], ...]] = (
    (name_pending, POLL_S),
    (share_due, POLL_S),
    (give_due, POLL_S),
    (forget_unsent, TIDY_EVERY_S),
    (compare, COMPARE_EVERY_S),
)


def loops(parts: Parts) -> tuple[Loop, ...]:
    """Return the loops of a pod."""
    return tuple(for_ever(step, rest_s, parts) for step, rest_s in _STEPS)
