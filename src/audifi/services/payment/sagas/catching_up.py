"""Read Stripe's own list of events, and take in those whose webhooks never came.

Between: sagas.working (calls it), Stripe (GET /v1/events), sagas.receiving.
Why by events and not by looking every open payment up: one call a round heals everything Stripe tells us of (payments,
subscriptions, bills, refunds), and money still moves only by an event of the provider.
How far: from the cursor, OVERLAP back, to AGE before now: a webhook that is on its way is left to come by itself.
Invariant: one pod reads at a time (a lease); the cursor moves only after what was read is kept.
Errors: PaymentProviderError: the cursor stays, the next round begins there.
Source: docs.stripe.com/api/events/list (30 days).
"""

from datetime import timedelta
from typing import Final

import msgspec

from audifi.clients.stripe.client import event_of
from audifi.kernel.telemetry import log
from audifi.services.payment.parts import Parts
from audifi.services.payment.sagas import receiving
from audifi.services.payment.sagas.applying import TYPES
from audifi.services.payment.store import webhooks

AGE: Final = timedelta(seconds=60)
OVERLAP: Final = timedelta(minutes=10)
EVERY: Final = timedelta(seconds=30)
FIRST: Final = timedelta(hours=1)  # how far back a new database looks


async def catch_up(parts: Parts) -> int:
    """Take in what is missing; return how many that were."""
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        start = await webhooks.lease_cursor(tx, now=now, start=now - FIRST, until=now + EVERY)
    if start is None:
        return 0
    until = now - AGE
    told = await parts.stripe.events(
        since=int((start - OVERLAP).timestamp()), until=int(until.timestamp()), types=TYPES
    )
    async with parts.database.read_primary() as connection:
        known = await webhooks.known(connection, [each["id"] for each in told])
    missing = [each for each in told if each["id"] not in known]
    for each in missing:
        async with parts.database.transaction() as tx:
            await receiving.receive(tx, parts, event_of(each), msgspec.json.encode(each))
    async with parts.database.transaction() as tx:
        await webhooks.move_cursor(tx, until)
    if missing:
        log.warning("webhooks never came: their events were read from Stripe's list", events=len(missing))
    return len(missing)
