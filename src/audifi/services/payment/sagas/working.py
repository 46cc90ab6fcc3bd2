"""Keep doing what is due: errands, waiting events, pages whose time is over, graces that end, webhooks that were lost.

Between: app (runs `errands_forever` and `tend_forever` in every pod), sagas.errands, .applying, .subscribing,
.catching_up.
Why in every pod without a leader: a claim is a lease of a row, so two pods never do the same at once, and a pod that
died lets go when its lease ends.
Units: *_S seconds.
Errors: none leave but bugs and Unavailable of the database (kernel.server starts the loop again, with a pause).
"""

import asyncio
import contextlib
from datetime import timedelta
from typing import Final

from audifi.kernel.telemetry import log
from audifi.services.payment.errors import Problem
from audifi.services.payment.parts import Parts
from audifi.services.payment.rules.entitlement import GRACE
from audifi.services.payment.sagas import applying, catching_up, subscribing
from audifi.services.payment.sagas import errands as doing
from audifi.services.payment.sagas.applying import pause_after
from audifi.services.payment.store import checkouts, errands, subscriptions, webhooks
from audifi.services.payment.store.errands import Errand

POLL_S: Final = 1.0
TEND_S: Final = 5.0
BATCH: Final = 20
ALARM_TRIES: Final = 10  # about ten minutes: then somebody should look


async def errands_forever(parts: Parts) -> None:
    """Do errands as they are asked for, for ever."""
    while True:
        parts.errands_asked.clear()
        if await do_errands(parts) == BATCH:
            continue
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(parts.errands_asked.wait(), POLL_S)


async def do_errands(parts: Parts) -> int:
    """Claim one batch and do it; return how many were claimed."""
    async with parts.database.transaction() as tx:
        claimed = await errands.claim(tx, parts.clock.now(), BATCH)
    await asyncio.gather(*(_do(parts, errand) for errand in claimed))
    return len(claimed)


async def _do(parts: Parts, errand: Errand) -> None:
    try:
        await doing.do(parts, errand)
    except Problem as problem:
        pause_s = pause_after(errand.attempts)
        say = log.error if errand.attempts >= ALARM_TRIES else log.warning
        told = {"kind": errand.kind, "subject": errand.subject, "tries": errand.attempts, "retry_s": pause_s}
        say("an errand is not done yet", error=problem, **told)
        async with parts.database.transaction() as tx:
            at = parts.clock.now() + timedelta(seconds=pause_s)
            await errands.later(tx, errand.id, at=at, error=str(problem))


async def tend_forever(parts: Parts) -> None:
    """Look for what nobody asked for and is due all the same, for ever."""
    while True:
        await tend(parts)
        await asyncio.sleep(TEND_S)


async def tend(parts: Parts) -> None:
    """Do one round."""
    await apply_due(parts)
    await close_pages(parts)
    await end_graces(parts)
    try:
        await catching_up.catch_up(parts)
    except Problem as problem:
        log.warning("Stripe's list of events could not be read", error=problem)


async def apply_due(parts: Parts) -> int:
    """Apply events that failed, or that the queue lost; return how many were due."""
    async with parts.database.read_primary() as connection:
        due = await webhooks.due(connection, parts.clock.now(), BATCH)
    for row_id in due:
        await applying.apply(parts, row_id)
    return len(due)


async def close_pages(parts: Parts) -> None:
    """Ask for the end of pages whose time is over."""
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        due = await checkouts.due(tx, now, BATCH)
        for checkout_id in due:
            await errands.ask(tx, "EXPIRE", checkout_id, now)
    if due:
        parts.wake()


async def end_graces(parts: Parts) -> None:
    """Tell that a plan is over for those who did not pay in seven days: Stripe says nothing at that moment."""
    now = parts.clock.now()
    async with parts.database.read_primary() as connection:
        users = await subscriptions.out_of_grace(connection, now - GRACE, BATCH)
    for user_id in users:
        async with parts.database.transaction() as tx:
            await subscriptions.lock_user(tx, user_id)
            await subscribing.retell(tx, user_id, now)
