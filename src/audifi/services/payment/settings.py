"""Name what payment-service is told beyond what every service is.

Between: topology.environments (computes the values) and __main__ (parses them once).
Errors: kernel.settings lists every problem and exits 2; a quote that is none stops the start too.
"""

from dataclasses import dataclass
from typing import Annotated

from audifi.kernel.settings import Env, Secret, ServiceSettings
from audifi.wire import environment


@dataclass(frozen=True, kw_only=True)
class PaymentSettings(ServiceSettings):
    """The environment of one payment-service pod."""

    stripe_api_url: Annotated[str, Env(environment.STRIPE_API_URL)]
    stripe_secret_key: Annotated[Secret, Env(environment.STRIPE_SECRET_KEY)]
    stripe_webhook_secret: Annotated[Secret, Env(environment.STRIPE_WEBHOOK_SECRET)]
    app_url: Annotated[str, Env(environment.APP_URL)]
    card_quotes: Annotated[tuple[str, ...], Env(environment.CARD_QUOTES)]

    @property
    def app_origin(self) -> str:
        """The application's address without a trailing slash: hosted pages lead back to it."""
        return self.app_url.rstrip("/")
