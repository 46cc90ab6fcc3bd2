"""List every secret that exists, who may read it and how it is made; never what it holds.

Between: topology.environments (refers to them), local (generates them into <instance>/secrets/), targets.kubernetes
(a Secret per component, filled from the store), topology.audit (no default, everything referenced is declared).
Invariant: no default: a process without its secret does not start.
Errors: none.
Source: domain.md 5.9 (required variables), 4 (AES-256-GCM, internal tokens); rotation 90 days: design.md keeps 90 days.
"""

from audifi.topology.model.data import SecretDeclaration, SecretForm

STORES = "domain.md 5.9; kubernetes.md, Secrets"
INTERNAL = "domain.md 2.0: 60-second internal tokens of the calling service"

# Components of ours that have a database role and schema of their own (architecture.md 4).
WITH_DATABASE = (
    "auth-service",
    "nft-service",
    "vstudio-service",
    "payment-service",
    "coin-service",
    "analytics-service",
    "worker",
)
# Components of ours that call others, or may be called.
WITH_IDENTITY = (*WITH_DATABASE, "ws-gateway")


def database_role(component: str) -> str:
    """The login role and schema of a component: auth-service → auth."""
    return component.removesuffix("-service")


def database_secret(component: str) -> str:
    """The secret that holds the login of a component's role."""
    return f"database-{database_role(component)}"


def database_logins(component: str) -> tuple[str, str]:
    """The two users who may act as a component's role, in turns: a password is replaced while the other one is used."""
    return (f"{database_role(component)}_a", f"{database_role(component)}_b")


def signing_secret(component: str) -> str:
    """The secret that holds a component's private key for internal tokens."""
    return f"internal-{component}"


def _password(name: str, *used_by: str) -> SecretDeclaration:
    return SecretDeclaration(name=name, form=SecretForm.PASSWORD, used_by=used_by, rotation_days=90, source=STORES)


def _provider(name: str, *used_by: str) -> SecretDeclaration:
    return SecretDeclaration(
        name=name, form=SecretForm.PROVIDER, used_by=used_by, rotation_days=90, source="domain.md 5.9"
    )


SECRETS = (
    SecretDeclaration(
        name="auth-encryption-keys",
        form=SecretForm.AES_KEYS,
        used_by=("auth-service",),
        rotation_days=90,
        source="domain.md 4: secrets AES-256-GCM at rest, key id stored beside them",
    ),
    SecretDeclaration(
        name="access-token-keys",
        form=SecretForm.SIGNING_KEYS,
        used_by=("auth-service",),
        rotation_days=365,
        source="domain.md 4: JWT keys 365 days, two keys in JWKS for at least 24 h",
    ),
    SecretDeclaration(
        name="backup-identity",
        form=SecretForm.AGE_IDENTITY,
        used_by=(),  # nothing that runs: an operator keeps it away from the platform, a restore is given it
        rotation_days=365,
        source="design.md: secrets' backups are encrypted; age-encryption.org/v1",
    ),
    *(
        SecretDeclaration(
            name=database_secret(name),
            form=SecretForm.LOGIN,
            used_by=(name, "pgbouncer", "postgres"),
            rotation_days=90,
            source=STORES,
        )
        for name in WITH_DATABASE
    ),
    *(
        SecretDeclaration(
            name=signing_secret(name), form=SecretForm.ED25519_JWK, used_by=(name,), rotation_days=90, source=INTERNAL
        )
        for name in WITH_IDENTITY
    ),
    _password("postgres-superuser", "postgres"),
    _password("postgres-replication", "postgres"),
    _password("postgres-rewind", "postgres"),
    _password("postgres-rest", "postgres"),
    _password("pgbouncer-admin", "pgbouncer"),
    _password("redis-cluster-password", "redis-cluster", *WITH_IDENTITY),
    _password("redis-queue-password", "redis-queue", *WITH_IDENTITY),
    _provider("mail-password", "auth-service", "worker"),
    _provider("alchemy-api-key", "nft-service", "worker"),
    _provider("infura-api-key", "nft-service", "worker"),
    SecretDeclaration(
        name="chain-signer-key",
        form=SecretForm.ETHEREUM_KEY,
        used_by=("worker",),
        rotation_days=90,
        source="domain.md 2.2: card buyers are minted to by the platform signer",
    ),
    _provider("chain-admin-address", "worker"),  # no secrets, but values that only the roll-out knows
    _provider("treasury-address", "worker"),
    _provider("pinata-token", "worker"),
    _provider("pinata-gateway-token", "worker"),
    _provider("pinning-service-token", "worker"),
    _provider("nft-storage-token", "worker"),
    _provider("stripe-secret-key", "payment-service"),
    _provider("stripe-webhook-secret", "payment-service"),
    _provider("slack-webhook-url", "grafana", "alertmanager"),
    _provider("pagerduty-routing-key", "grafana", "alertmanager"),
    _provider("cloudflare-api-token", "edge"),
)
