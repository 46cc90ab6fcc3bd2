"""Speak to Stripe through its official SDK: what we use of it, in our own types, with our own patience.

Between: payment-service (asks) and Stripe, or the stand-in that speaks its protocol.
Invariant: no exception and no type of the SDK leaves this package; every call that changes something is keyed.
Decision: docs/decisions/0043-stripe-sdk-and-stand-in.md.
"""

from audifi.clients.stripe.client import StripeApi
from audifi.clients.stripe.errors import CardRefused, RequestRefused
from audifi.clients.stripe.webhooks import verified

__all__ = ["CardRefused", "RequestRefused", "StripeApi", "verified"]
