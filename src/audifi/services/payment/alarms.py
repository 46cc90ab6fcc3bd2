"""Close an address that sends webhooks nobody signed.

Between: routes.webhook (asks, reports), Redis (counts, remembers), the queue (`security.event`).
Why it closes to good signatures too: Stripe's addresses are Stripe's alone, and what it could not deliver it sends
again for days; until then sagas.catching_up reads it from Stripe's own list.
When Redis is away nobody is closed out: the signature alone decides, which is what keeps the wrong ones out anyway.
Invariant: one security event per closing, however many bad signatures come.
Errors: RateLimited with Retry-After while an address is closed.
Source: domain.md 2.4, 4 "Detection thresholds": 3 bad webhooks a minute; ten minutes are decided here: long enough to
make guessing dear, shorter than Stripe's first retries add up to.
"""

from typing import Final

from audifi.kernel import outbox
from audifi.kernel.http.address import limited_as
from audifi.kernel.telemetry import log
from audifi.services.payment.errors import RateLimited, Unavailable
from audifi.services.payment.parts import PaymentCall
from audifi.wire import channels
from audifi.wire.events.auth import SecurityNoticed

COUNT: Final = 3
WINDOW_S: Final = 60
CLOSED_S: Final = 600
NAME: Final = "stripe.webhook.invalid"
_SCOPE: Final = "webhook"
_RULE: Final = "signature"

# KEYS: the count, the closing. ARGV: how many, the window and the closing in seconds. 1: this one closed the address.
_SCRIPT: Final = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
if count < tonumber(ARGV[1]) then return 0 end
return redis.call('SET', KEYS[2], '1', 'EX', ARGV[3], 'NX') and 1 or 0
"""


async def require_open(call: PaymentCall) -> None:
    """Refuse an address that is closed, before its signature is looked at."""
    try:
        left_s = int(await call.deps.cache.command("TTL", channels.pause(_SCOPE, limited_as(call.client_ip))))
    except Unavailable:
        return
    if left_s > 0:
        raise RateLimited(retry_after_s=left_s, details={"rule": "webhook-signature"})


async def bad_signature(call: PaymentCall) -> None:
    """Count a bad signature; the third in a minute closes the address."""
    address = limited_as(call.client_ip)
    keys = [channels.failures(_SCOPE, address, _RULE), channels.pause(_SCOPE, address)]
    log.warning(NAME, security_event=NAME, severity="medium", ip_address=call.client_ip)
    try:
        closed = await call.deps.cache.script(_SCRIPT, keys, [COUNT, WINDOW_S, CLOSED_S])
    except Unavailable:
        return
    if int(closed):
        await _told(call)


async def _told(call: PaymentCall) -> None:
    log.warning(NAME, security_event=NAME, severity="high", ip_address=call.client_ip, blocked_s=CLOSED_S)
    try:
        async with call.deps.database.transaction() as tx:
            await outbox.add(tx, SecurityNoticed(name=NAME, severity="high"), aggregate_id=call.request_id)
    except Unavailable as error:
        log.warning("a security event could not be told", security_event=NAME, error=error)
