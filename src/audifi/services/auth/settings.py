"""Name what auth-service is told beyond what every service is.

Between: topology.environments (computes the values) and __main__ (parses them once).
Errors: kernel.settings lists every problem and exits 2.
"""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from audifi.kernel.settings import Env, Secret, ServiceSettings
from audifi.wire import environment


@dataclass(frozen=True, kw_only=True)
class AuthSettings(ServiceSettings):
    """The environment of one auth-service pod."""

    encryption_keys: Annotated[Secret, Env(environment.ENCRYPTION_KEYS)]
    app_url: Annotated[str, Env(environment.APP_URL)]
    cors_origins: Annotated[tuple[str, ...], Env(environment.CORS_ORIGINS)]
    mail_url: Annotated[str, Env(environment.MAIL_URL)]
    mail_from: Annotated[str, Env(environment.MAIL_FROM)]
    payout_grace_s: Annotated[int, Env(environment.PAYOUT_GRACE_S, minimum=0)]
    mail_password: Annotated[Secret | None, Env(environment.MAIL_PASSWORD)] = None

    @property
    def app_origin(self) -> str:
        """The application's address without a trailing slash: links and wallet proofs are built on it."""
        return self.app_url.rstrip("/")

    @property
    def app_domain(self) -> str:
        """Host (and port) of the application: what a wallet shows as the site that asks."""
        return urlsplit(self.app_url).netloc

    @property
    def csrf_cookie_domain(self) -> str | None:
        """The parent domain the application and the API share, so that the page can read the CSRF cookie."""
        app = (urlsplit(self.app_url).hostname or "").split(".")
        api = (urlsplit(self.token_issuer).hostname or "").split(".")
        shared: list[str] = []
        for one, other in zip(reversed(app), reversed(api), strict=False):
            if one != other:
                break
            shared.insert(0, one)
        return ".".join(shared) if len(shared) >= 2 and not shared[-1].isdigit() else None
