"""Believe a webhook only when Stripe signed exactly these bytes, and lately.

Between: payment-service's webhook routes (raw body, header) and the SDK, which does the comparing.
Units: TOLERANCE_S seconds between Stripe's signature and our clock.
Errors: WebhookSignatureInvalid for everything that was not signed, or not in time; Invalid for signed bytes that are no
event (a bug on either side).
Source: domain.md 2.4 (300 s); docs.stripe.com/webhooks/signature.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import stripe

from audifi.clients.stripe.objects import Event
from audifi.kernel.settings import Secret
from audifi.wire.problems import Invalid, WebhookSignatureInvalid

TOLERANCE_S: Final = 300
_verify: Callable[[bytes, str, str, int], bool] = getattr(stripe.WebhookSignature, "verify_header")  # noqa: B009  # partly untyped


def verified(payload: bytes, signature: str, secrets: Secret) -> Event:
    """Return the event; any of the comma-separated secrets may have signed it: two, while one replaces the other."""
    if not any(_signed(payload, signature, secret) for secret in secrets.reveal().split(",")):
        raise WebhookSignatureInvalid
    return parsed(payload)


def _signed(payload: bytes, signature: str, secret: str) -> bool:
    try:
        return _verify(payload, signature, secret, TOLERANCE_S)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        return False


def parsed(payload: bytes) -> Event:
    """Return an event that was verified before."""
    try:
        return msgspec.json.decode(payload, type=Event)
    except msgspec.MsgspecError as error:
        raise Invalid(details={"body": f"is no event: {error}"}) from None
