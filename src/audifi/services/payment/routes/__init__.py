"""List everything payment-service answers to.

Between: app (serves it), tests and the OpenAPI document (read it).
"""

from typing import Final

from audifi.services.payment.routes import internal, payments, subscriptions, webhook

OPERATIONS: Final = (
    *payments.OPERATIONS,
    *subscriptions.OPERATIONS,
    *webhook.OPERATIONS,
    *internal.OPERATIONS,
)
