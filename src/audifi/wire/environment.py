"""Name every environment variable a process of the data plane reads.

Between: topology.environments (computes a value for each place) and every `settings.py` (parses it once).
Invariant: a variable is read only through `kernel.settings`, and only if it is listed here; an agreement test
checks both directions (nothing read is unset, nothing set is unread).
Units: the suffix of the name (`_S` seconds, `_MS`, `_BYTES`); `_URL` absolute URL; `_FILE` a path to a secret
that may change while the process runs.
Errors: none; `kernel.settings` reports all problems at once.
"""

from typing import Final

# Who this process is.
SERVICE: Final = "AUDIFI_SERVICE"  # e.g. auth-service: component name in the topology
POD: Final = "AUDIFI_POD"  # e.g. auth-service-1: unique per replica
ENVIRONMENT: Final = "AUDIFI_ENVIRONMENT"  # local | staging | production
VERSION: Final = "AUDIFI_VERSION"
REPLICAS: Final = "AUDIFI_REPLICAS"  # replicas of this component: the share of a limit that falls to one pod
LOG_LEVEL: Final = "LOG_LEVEL"  # debug | info | warn | error

# Where the rest is: a file per variable, named like it. Only what the environment does not say is read there.
SETTINGS_DIRECTORY: Final = "SETTINGS_DIRECTORY"  # optional: a mounted volume in the cluster

# Where it listens.
HTTP_HOST: Final = "HTTP_HOST"
HTTP_PORT: Final = "HTTP_PORT"
METRICS_PORT: Final = "METRICS_PORT"
DRAIN_S: Final = "DRAIN_S"  # how long a stopping pod keeps serving after it stops being ready

# What it may reach: one per declared link.
DATABASE_WRITER_URL: Final = "DATABASE_WRITER_URL"  # postgresql://role@host:port/database, through PgBouncer
DATABASE_READER_URL: Final = "DATABASE_READER_URL"
DATABASE_PASSWORD: Final = "DATABASE_PASSWORD"  # noqa: S105  # the variable's name, not a secret
DATABASE_PREPARED_STATEMENTS: Final = "DATABASE_PREPARED_STATEMENTS"  # true only with PgBouncer >= 1.21
REDIS_NODES: Final = "REDIS_NODES"  # host:port,host:port,… of the cluster
REDIS_PASSWORD: Final = "REDIS_PASSWORD"  # noqa: S105
QUEUE_URL: Final = "QUEUE_URL"  # redis://host:port
QUEUE_PASSWORD: Final = "QUEUE_PASSWORD"  # noqa: S105
QUEUE_WAIT_REPLICAS: Final = "QUEUE_WAIT_REPLICAS"  # an event counts as taken when so many replicas have it
OTLP_URL: Final = "OTLP_URL"  # optional: traces are dropped without it
MAIL_URL: Final = "MAIL_URL"  # smtp://host:port
MAIL_PASSWORD: Final = "MAIL_PASSWORD"  # noqa: S105  # optional: the local stand-in has none

# Third parties: chains (providers in order of preference, keys apart: they would show in errors) and pins.
RPC_PROVIDERS: Final = "RPC_PROVIDERS"  # chain_id:provider=url with {key},… first is primary
RPC_KEYS: Final = "RPC_KEYS"  # provider=key,…
CHAIN_CONFIRMATIONS: Final = "CHAIN_CONFIRMATIONS"  # optional: act/final in blocks, for every chain
CHAIN_ADMIN_ADDRESS: Final = (
    "CHAIN_ADMIN_ADDRESS"  # optional: who administers our contracts; the signer itself without it
)
TREASURY_ADDRESS: Final = "TREASURY_ADDRESS"  # optional: who receives the platform's fees; the signer without it
CHAIN_SIGNER_KEY: Final = "CHAIN_SIGNER_KEY"  # 0x and 64 hexadecimal digits: signs what the platform pays for
PINATA_API_URL: Final = "PINATA_API_URL"
PINATA_UPLOADS_URL: Final = "PINATA_UPLOADS_URL"
PINATA_GATEWAY_URL: Final = "PINATA_GATEWAY_URL"  # our dedicated gateway
PINATA_TOKEN: Final = "PINATA_TOKEN"  # noqa: S105
PINATA_GATEWAY_TOKEN: Final = "PINATA_GATEWAY_TOKEN"  # noqa: S105
PINATA_LEGACY_REGIONS: Final = "PINATA_LEGACY_REGIONS"  # optional: FRA1:1,NYC1:1 pins by the legacy API
PINNING_SERVICE_URL: Final = "PINNING_SERVICE_URL"
PINNING_SERVICE_GATEWAY_URL: Final = "PINNING_SERVICE_GATEWAY_URL"
PINNING_SERVICE_TOKEN: Final = "PINNING_SERVICE_TOKEN"  # noqa: S105
NFT_STORAGE_URL: Final = "NFT_STORAGE_URL"
NFT_STORAGE_TOKEN: Final = "NFT_STORAGE_TOKEN"  # noqa: S105
IPFS_GATEWAYS: Final = "IPFS_GATEWAYS"  # optional: further trustless gateways to read from
CONTENT_DIRECTORY: Final = "CONTENT_DIRECTORY"  # where content waits for its pins; every pod of the component sees it

# Identity between services (60-second tokens, Ed25519).
INTERNAL_SIGNING_KEY: Final = "INTERNAL_SIGNING_KEY"  # private JWK of this service
INTERNAL_CALLER_KEYS: Final = "INTERNAL_CALLER_KEYS"  # JWKS: public keys of the services with a declared link to us
PEERS: Final = "PEERS"  # component=url,…: services with a declared link from us, one entry per address
JWKS_URL: Final = "JWKS_URL"  # auth-service's public keys; auth-service itself has none

# Whom it believes: every service.
TOKEN_ISSUER: Final = "TOKEN_ISSUER"  # noqa: S105
TOKEN_AUDIENCE: Final = "TOKEN_AUDIENCE"  # noqa: S105
MFA_REQUIRED_ALL: Final = "MFA_REQUIRED_ALL"
TRUSTED_PROXY_NETWORKS: Final = "TRUSTED_PROXY_NETWORKS"  # CIDRs whose X-Forwarded-For is believed

# auth-service.
ENCRYPTION_KEYS: Final = "ENCRYPTION_KEYS"  # kid:base64,kid:base64 AES-256; the first encrypts, all decrypt
APP_URL: Final = "APP_URL"
CORS_ORIGINS: Final = "CORS_ORIGINS"
MAIL_FROM: Final = "MAIL_FROM"
PAYOUT_GRACE_S: Final = "PAYOUT_GRACE_S"  # how long a new wallet receives no payouts, so that its owner may object

# coin-service.
POOL_SEED_WEI_MAX: Final = "POOL_SEED_WEI_MAX"  # how much of its own money the platform adds to a pool; 0: none

# vstudio-service.
LIVE_URL: Final = "LIVE_URL"  # wss://…: where browsers open the live socket
WS_AFFINITY: Final = "WS_AFFINITY"  # ticket | cookie: whether wsUrl names a pod (wire.live.addresses)

# payment-service.
STRIPE_API_URL: Final = "STRIPE_API_URL"
STRIPE_SECRET_KEY: Final = "STRIPE_SECRET_KEY"  # noqa: S105
STRIPE_WEBHOOK_SECRET: Final = "STRIPE_WEBHOOK_SECRET"  # noqa: S105
CARD_QUOTES: Final = "CARD_QUOTES"  # ETH:250000,MATIC:60 cents for a whole coin, until a market's quote is connected
