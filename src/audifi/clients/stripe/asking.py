"""Ask Stripe with patience: short connects, long reads, few retries, a breaker; tell what may have taken effect.

Between: client (says what to ask) and the SDK's asynchronous HTTP client.
Why our own retries and not the SDK's: ours stop when nobody waits any more (the request's deadline), count towards the
breaker, and wait as domain.md says; the SDK's are off.
Invariant: a call is repeated only because every one that changes something carries an Idempotency-Key; a refusal (4xx)
is never repeated, except a lock that was held (409) and a limit (429).
Units: seconds.
Errors: PaymentProviderError, CardRefused, RequestRefused.
Source: domain.md 5.8: connect 5 s, read 30 s, 3 retries, 1 s × 2, max 30 s, jitter 0.1, breaker.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import aiohttp
import stripe

from audifi.clients.ipfs.breaker import Breaker
from audifi.clients.stripe.errors import CardRefused, RequestRefused
from audifi.kernel import context
from audifi.kernel.logs import log
from audifi.kernel.metrics import counter, histogram
from audifi.kernel.traces import CLIENT, span
from audifi.wire import metrics
from audifi.wire.problems import PaymentProviderError

CONNECT_S: Final = 5.0
READ_S: Final = 30.0
RETRIES: Final = 3
FIRST_PAUSE_S: Final = 1.0
PAUSE_MAX_S: Final = 30.0
JITTER: Final = 0.1
_LOCKED: Final = 409
_LIMITED: Final = 429
T = TypeVar("T")

stripe.enable_telemetry = False  # latencies of our last call are nobody's business


class Asking:
    """One pod's way to Stripe."""

    def __init__(self, *, pause_first_s: float = FIRST_PAUSE_S) -> None:
        self._pause_first_s = pause_first_s
        self._breaker = Breaker("stripe", time.monotonic)

    async def ask(self, what: str, call: Callable[[], Awaitable[T]], *, changes: bool) -> T:
        """Return what Stripe says; `what` names the call in metrics and logs."""
        if not self._breaker.allowance(1):
            raise PaymentProviderError("Stripe failed again and again: it is left alone for a while", retry_after_s=30)
        pause_s, tries = self._pause_first_s, 0
        while True:
            try:
                return await self._once(what, call, changes=changes)
            except (CardRefused, RequestRefused):
                raise
            except PaymentProviderError as problem:
                tries += 1
                if tries > RETRIES or pause_s >= context.remaining_s() or self._breaker.is_open:
                    raise
                log.warning("asking Stripe again", call=what, error=problem)
            await asyncio.sleep(pause_s * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311  # only spreads retries
            pause_s = min(pause_s * 2, PAUSE_MAX_S)

    async def _once(self, what: str, call: Callable[[], Awaitable[T]], *, changes: bool) -> T:
        begun, status = time.perf_counter(), "200"
        within_s = max(0.1, min(CONNECT_S + READ_S, context.remaining_s()))
        try:
            with span(f"stripe {what}", CLIENT):
                async with asyncio.timeout(within_s):
                    found = await call()
        except (stripe.StripeError, aiohttp.ClientError, TimeoutError, OSError) as error:
            problem = _problem(error, changes=changes)
            status = str(getattr(error, "http_status", None) or 0)
            if isinstance(problem, CardRefused | RequestRefused):
                self._breaker.succeed()
            else:
                self._breaker.fail()
            raise problem from error
        else:
            self._breaker.succeed()
            return found
        finally:
            counter(metrics.STRIPE_REQUESTS).labels(what, status).inc()
            histogram(metrics.STRIPE_LATENCY).observe(time.perf_counter() - begun)


def _problem(error: BaseException, *, changes: bool) -> PaymentProviderError:
    if isinstance(error, stripe.CardError):
        declined = error.error.decline_code if error.error is not None else None
        return CardRefused(str(declined or error.code or "declined"))
    status = getattr(error, "http_status", None)
    if isinstance(error, stripe.StripeError) and status is not None:
        if 400 <= status < 500 and status not in (_LOCKED, _LIMITED):
            return RequestRefused(status, str(error.code or type(error).__name__))
        # Limited or locked: nothing was done. A 5xx may have been.
        took_effect = changes and status >= 500
        return PaymentProviderError(f"Stripe answered {status}", may_have_taken_effect=took_effect)
    message = f"Stripe does not answer ({type(error).__name__})"
    return PaymentProviderError(message, may_have_taken_effect=changes)
