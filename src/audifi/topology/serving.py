"""Say what auth-service is told beyond its identity, its ports and its links.

Between: topology.declaration (gives it to the component) and topology.environments (adds the rest).
Invariant: names come from wire.environment; values that differ by place are references.
Errors: none.
Source: domain.md 4 (iss, aud, cookie and mail hosts), 5.7 (origins), 5.9.
"""

from audifi.topology.references import Joined, PublicUrl, Secret, Value
from audifi.topology.surface import CORS
from audifi.wire import environment

AUTH_ENVIRONMENT: tuple[tuple[str, Value], ...] = (
    (environment.TOKEN_ISSUER, PublicUrl(domain="api")),
    (environment.TOKEN_AUDIENCE, PublicUrl(domain="apex")),
    (environment.ENCRYPTION_KEYS, Secret(name="auth-encryption-keys")),
    (environment.APP_URL, PublicUrl(domain="app")),
    (environment.CORS_ORIGINS, Joined(values=CORS.origins)),
    (environment.MAIL_FROM, "AudiFi <no-reply@audifi.io>"),
    (environment.MFA_REQUIRED_ALL, "false"),  # domain.md 4: by role and action; true is the strict reading (9.27)
    (environment.TRUSTED_PROXY_NETWORKS, "10.0.0.0/24"),  # the DMZ, where the gateways stand (domain.md 5.3)
)
