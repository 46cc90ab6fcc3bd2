"""Say what services are told beyond their identity, their ports and their links.

Between: topology.declaration (gives AUTH_ENVIRONMENT to auth-service, and so on) and
topology.environments (gives EVERYWHERE to every process of ours, and adds the rest).
Invariant: names come from wire.environment; values that differ by place are references. Every service verifies access
tokens itself and counts by address, so whom it believes is told to all of them.
Errors: none.
Source: domain.md 4 (iss, aud, cookie and mail hosts), 5.7 (origins), 5.9.
"""

from audifi.topology.references import Joined, PublicUrl, Secret, SharedDirectory, Value
from audifi.topology.surface import CORS, WEBSOCKET
from audifi.wire import environment

MAIL_FROM = "AudiFi <no-reply@audifi.io>"

EVERYWHERE: tuple[tuple[str, Value], ...] = (
    (environment.TOKEN_ISSUER, PublicUrl(domain="api")),
    (environment.TOKEN_AUDIENCE, PublicUrl(domain="apex")),
    (environment.MFA_REQUIRED_ALL, "false"),  # domain.md 4: by role and action; true is the strict reading (9.27)
    # A gateway's pod has an address of the pods' network, not of the DMZ (10.0.0.0/24, domain.md 5.3); that only
    # gateways and peers come at all is the policies' work.
    (environment.TRUSTED_PROXY_NETWORKS, "10.0.0.0/8"),
)
# Every pod here has this one address; the rest of 127.0.0.0/8 is left to be other people's.
ON_ONE_MACHINE: tuple[tuple[str, Value], ...] = ((environment.TRUSTED_PROXY_NETWORKS, "127.0.0.1/32"),)

# On one machine nobody waits a day, and the platform's only key is its administrator and its treasury.
LOCAL_VALUES: dict[str, Value] = {
    environment.PAYOUT_GRACE_S: "0",
    environment.CHAIN_ADMIN_ADDRESS: "",
    environment.TREASURY_ADDRESS: "",
    environment.POOL_SEED_WEI_MAX: "10000000000000000000",  # nobody's money
}

AUTH_ENVIRONMENT: tuple[tuple[str, Value], ...] = (
    (environment.ENCRYPTION_KEYS, Secret(name="auth-encryption-keys", all_accepted=True)),
    (environment.APP_URL, PublicUrl(domain="app")),
    (environment.CORS_ORIGINS, Joined(values=CORS.origins)),
    (environment.MAIL_FROM, MAIL_FROM),
    (environment.PAYOUT_GRACE_S, "86400"),  # domain.md 4: 24 h, with a notice by mail and a link that cancels
)

CONTENT: tuple[str, Value] = (environment.CONTENT_DIRECTORY, SharedDirectory(name="content"))

NFT_ENVIRONMENT: tuple[tuple[str, Value], ...] = (CONTENT,)

# The platform's money at an artist's word, and the artist holds coins to sell for it: none, until that is decided.
COIN_ENVIRONMENT: tuple[tuple[str, Value], ...] = ((environment.POOL_SEED_WEI_MAX, "0"),)

PAYMENT_ENVIRONMENT: tuple[tuple[str, Value], ...] = (
    (environment.APP_URL, PublicUrl(domain="app")),
    (environment.CARD_QUOTES, "ETH:250000,MATIC:60"),  # domain.md 2.4: from a configured quote; cents a coin
)

VSTUDIO_ENVIRONMENT: tuple[tuple[str, Value], ...] = (
    (environment.LIVE_URL, PublicUrl(domain="ws", scheme="wss")),
    (environment.WS_AFFINITY, WEBSOCKET.affinity),
)

WS_ENVIRONMENT: tuple[tuple[str, Value], ...] = (
    (environment.CORS_ORIGINS, Joined(values=CORS.origins)),  # domain.md 3: the handshake's Origin is one of them
)

WORKER_ENVIRONMENT: tuple[tuple[str, Value], ...] = (
    (environment.CHAIN_SIGNER_KEY, Secret(name="chain-signer-key")),
    (environment.CHAIN_ADMIN_ADDRESS, Secret(name="chain-admin-address")),
    (environment.TREASURY_ADDRESS, Secret(name="treasury-address")),
    (environment.MAIL_FROM, MAIL_FROM),
    (environment.APP_URL, PublicUrl(domain="app")),
    CONTENT,
    (environment.PINATA_LEGACY_REGIONS, ""),  # empty: the v3 API, which has no regions (outbound.md 4.1)
    (environment.IPFS_GATEWAYS, ""),  # empty: our providers' own are enough; any trustless gateway may be added
)
