"""Say how a call to Stripe failed, in the platform's own problems.

Between: asking (raises) and payment-service (tells apart what trying again may mend).

    PaymentProviderError      Stripe did not answer as it should: trying again may help
    ├── CardRefused           the bank said no: only another card helps
    └── RequestRefused        Stripe does not accept this request in this state: trying again does not help

Source: docs.stripe.com/api/errors; domain.md 2.0 (502 PAYMENT_PROVIDER_ERROR: upstream refused or failed).
"""

from audifi.wire.problems import PaymentProviderError


class CardRefused(PaymentProviderError):
    """The card was refused; use another one."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The card was refused ({reason}).", details={"reason": reason}, retry_after_s=None)
        self.reason = reason


class RequestRefused(PaymentProviderError):
    """The payment provider does not accept this."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"Stripe refused: {status} {reason}", retry_after_s=None)
        self.provider_status = status
        self.reason = reason

    @property
    def is_missing(self) -> bool:
        """Whether what was named does not exist (any more)."""
        return self.reason == "resource_missing"
