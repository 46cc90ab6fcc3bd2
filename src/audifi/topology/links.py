"""Draw every arrow of the platform: who may open a connection to whom, and how patiently.

Between: topology.declaration (includes it), targets.envoy (deadlines, retries, breakers), targets.kubernetes
(one NetworkPolicy pair per arrow), topology.environments (the address of a target is told to its sources only),
drills (an arrow is what they cut).
Units: *_ms milliseconds.
Invariant: deadlines shrink inwards, so that the caller outside hears an answer rather than a time-out:
edge 60 s > gateway 30 s ≥ service 10 s > store 2 s.
Why so few retries: two hops that retry three times each ask nine times; only the gateway retries, and only what is
idempotent, and a link from service to service retries only a connection that was never made.
Errors: none.
Source: domain.md 5.8 (gateway → service 2 s / 30 s, ceiling 60 s; providers 5 s / 30 s; RPC 60 s; breaker 5 / 30 s /
3), 2.2-2.7 ("Calls"), architecture.md 3 (auth → pgbouncer 2 s, retry budget 10 %).
"""

from audifi.topology.model.compute import Zone
from audifi.topology.model.network import Breaker, Link, LinkKind, RetryOn
from audifi.topology.secrets import WITH_DATABASE, WITH_IDENTITY
from audifi.wire import routes

SERVICES = tuple(name for name in WITH_DATABASE if name != "worker")
TIMEOUTS = "domain.md 5.8"
CEILING_MS = 1000 * routes.TIMEOUT_CEILING_S


def _route(
    source: str,
    target: str,
    *,
    deadline_ms: int | None = 1000 * routes.TIMEOUT_S,
    port: str = "http",
    readiness: bool = False,
    through: Zone | None = None,
) -> Link:
    return Link(
        source=source,
        target=target,
        port=port,
        kind=LinkKind.ROUTE,
        purpose="requests from outside",
        connect_ms=1000 * routes.CONNECT_TIMEOUT_S,
        deadline_ms=deadline_ms,
        retries=1 if deadline_ms else 0,
        retry_on=RetryOn.IDEMPOTENT if deadline_ms else RetryOn.NEVER,
        backoff_ms=25,
        breaker=Breaker(),
        writes=True,
        readiness=readiness,
        through=through,
        source_text=f"{TIMEOUTS}: gateway → service",
    )


def _call(source: str, target: str, purpose: str, *, writes: bool = False, readiness: bool = False) -> Link:
    return Link(
        source=source,
        target=target,
        port="http",
        kind=LinkKind.CALL,
        purpose=purpose,
        connect_ms=1000,
        deadline_ms=10_000,
        retries=1,
        retry_on=RetryOn.CONNECT,
        backoff_ms=50,
        breaker=Breaker(),
        writes=writes,
        readiness=readiness,
        source_text="domain.md 2.2-2.7 (Calls); deadline decided here: below the gateway's 30 s",
    )


def _store(source: str, target: str, port: str, purpose: str, *, readiness: bool = True) -> Link:
    return Link(
        source=source,
        target=target,
        port=port,
        kind=LinkKind.STORE,
        purpose=purpose,
        connect_ms=1000,
        deadline_ms=2000,
        retries=1,
        retry_on=RetryOn.CONNECT,
        backoff_ms=50,
        retry_budget_percent=10,
        breaker=Breaker(),
        writes=True,
        readiness=readiness,
        source_text="architecture.md 3: auth → pgbouncer, 2 s deadline, retry budget 10 %",
    )


def _provider(source: str, target: str, purpose: str, *, deadline_ms: int = 30_000, port: str = "https") -> Link:
    return Link(
        source=source,
        target=target,
        port=port,
        kind=LinkKind.PROVIDER,
        purpose=purpose,
        connect_ms=5000,
        deadline_ms=deadline_ms,
        retries=3,
        retry_on=RetryOn.KEYED,
        backoff_ms=1000,
        breaker=Breaker(),
        writes=True,
        in_request=deadline_ms <= 30_000,
        source_text=TIMEOUTS,
    )


def _observe(source: str, target: str, port: str, purpose: str) -> Link:
    return Link(
        source=source,
        target=target,
        port=port,
        kind=LinkKind.OBSERVE,
        purpose=purpose,
        connect_ms=1000,
        deadline_ms=10_000,
        in_request=False,
        source_text="design.md, Monitoring & Observability",
    )


ROUTES = (
    _route("edge", "frontend", port="https", deadline_ms=CEILING_MS),
    _route("edge", "api-gateway", deadline_ms=CEILING_MS, readiness=True),
    _route("edge", "ws-balancer", deadline_ms=None),
    _route("ws-balancer", "ws-gateway", deadline_ms=None),
    # The address names the pod: one layer-4 hop, and nobody between reads frames (docs/decisions/0046).
    _route("edge", "ws-gateway", deadline_ms=None, through=Zone.DMZ),
    *(_route("api-gateway", name, readiness=name == "auth-service") for name in SERVICES),
)

CALLS = (
    *(
        _call(name, "auth-service", "public keys of access tokens; users and wallets", readiness=True)
        for name in (*SERVICES[1:], "worker", "ws-gateway")
    ),
    _call("nft-service", "coin-service", "deploy the artist's coin at the first IPO", writes=True),
    _call("nft-service", "payment-service", "plan limits and refunds", writes=True),
    _call("vstudio-service", "nft-service", "ownership of shares; locking a master", writes=True),
    _call("vstudio-service", "coin-service", "balances and stakes for gating and vote weight"),
    _call("vstudio-service", "payment-service", "the plan of a user"),
    _call("payment-service", "nft-service", "a purchase was paid, or failed", writes=True),
    _call("ws-gateway", "vstudio-service", "votes and decisions, idempotent by request id", writes=True),
    _call("coin-service", "nft-service", "who bought at the first IPO"),
    _call("worker", "nft-service", "what the chain says of masters, dividends and the market", writes=True),
    _call("worker", "coin-service", "what the chain says of coins, stakes and pools", writes=True),
)

STORES = (
    *(_store(name, "pgbouncer", "pgbouncer", "its schema, as its role") for name in WITH_DATABASE),
    *(_store(name, "redis-cluster", "redis", "sessions, limits, live state") for name in WITH_IDENTITY),
    *(_store(name, "redis-queue", "redis", "events", readiness=False) for name in WITH_DATABASE),
    _store("pgbouncer", "postgres", "postgres", "the primary for writers, replicas for readers"),
)

PROVIDERS = (
    _provider("auth-service", "mail", "magic links and notices, from an encrypted relay table", port="smtp"),
    _provider("worker", "mail", "welcome, receipts, reminders, reports", port="smtp"),
    _provider("payment-service", "stripe", "checkout, subscriptions, refunds"),
    *(
        _provider(name, provider, "blockchain calls", deadline_ms=60_000)
        for name in ("nft-service", "worker")
        for provider in ("alchemy", "infura")
    ),
    _provider("worker", "pinata", "pin, verify and repair pins"),
    _provider("worker", "pinning-service", "second hot pin"),
    _provider("worker", "nft-storage", "register for preservation after mint"),
    *(
        Link(
            source=name,
            target="object-store",
            port="https",
            kind=LinkKind.BACKUP,
            purpose="backups",
            connect_ms=5000,
            deadline_ms=1000 * 3600,
            retries=3,
            retry_on=RetryOn.IDEMPOTENT,
            backoff_ms=1000,
            breaker=Breaker(),
            writes=True,
            in_request=False,
            source_text="domain.md 7; an upload may take an hour, then the alert on its age has fired",
        )
        for name in ("postgres", "redis-cluster", "redis-queue")
    ),
)

# Prometheus asks everything that has a metrics port; exporters' ports stand beside what they describe.
SCRAPED = (
    "api-gateway",
    "ws-balancer",
    "ws-gateway",
    *WITH_DATABASE,
    "postgres",
    "pgbouncer",
    "redis-cluster",
    "redis-queue",
)

OBSERVATION = (
    *(_observe("prometheus", name, "metrics", "scrape every 15 s") for name in SCRAPED),
    *(_observe(name, "tempo", "otlp", "traces") for name in ("api-gateway", "ws-balancer", *WITH_IDENTITY)),
    _observe("collector", "loki", "http", "logs of every pod"),
    _observe("prometheus", "blackbox-exporter", "http", "what only somebody outside can see"),
    _observe("blackbox-exporter", "edge", "https", "public health; certificates of every host"),
    _observe("blackbox-exporter", "pgbouncer", "pgbouncer", "that it accepts connections"),
    _observe("prometheus", "alertmanager", "http", "alerts that fire"),
    _observe("grafana", "prometheus", "http", "dashboards and alert rules"),
    _observe("grafana", "loki", "http", "log search and alert rules"),
    _observe("grafana", "tempo", "http", "traces"),
    _observe("grafana", "slack", "https", "alerts: warnings and information"),
    _observe("grafana", "pagerduty", "https", "alerts: pages"),
    _observe("alertmanager", "slack", "https", "alerts: warnings and information"),
    _observe("alertmanager", "pagerduty", "https", "alerts: pages"),
)

LINKS = (*ROUTES, *CALLS, *STORES, *PROVIDERS, *OBSERVATION)

# On one machine the leader lease and the Services of the cluster are programs of their own.
LOCAL_LINKS = (
    _observe("prometheus", "redis-exporter", "http", "what it asks of every Redis"),
    _observe("redis-exporter", "redis-cluster", "redis", "its figures"),
    _observe("redis-exporter", "redis-queue", "redis", "its figures"),
    _observe("prometheus", "node-exporter", "http", "how full disks are"),
    _observe("prometheus", "postgres-services", "metrics", "scrape"),
    _observe("prometheus", "etcd", "client", "scrape"),
    *(
        Link(
            source=provider,
            target=chain,
            port="rpc",
            kind=LinkKind.REPLICATE,
            purpose="the chain it shows",
            connect_ms=1000,
            deadline_ms=10_000,
            writes=True,
            readiness=True,
            in_request=False,
            source_text="architecture.md 2: anvil per chain behind two provider stand-ins",
        )
        for provider in ("alchemy", "infura")
        for chain in ("ethereum", "polygon", "base")
    ),
    Link(
        source="postgres",
        target="etcd",
        port="client",
        kind=LinkKind.REPLICATE,
        purpose="leader lease",
        connect_ms=1000,
        deadline_ms=3000,
        readiness=True,
        in_request=False,
        source_text="components.md 2: retry_timeout 3",
    ),
    *(
        Link(
            source="postgres-services",
            target="postgres",
            port=port,
            kind=LinkKind.STORE,
            purpose=purpose,
            connect_ms=1000,
            deadline_ms=None,
            writes=port == "postgres",
            readiness=True,
            source_text="components.md 2",
        )
        for port, purpose in (("postgres", "sessions of PgBouncer"), ("rest", "who is primary, who lags"))
    ),
    *(_store("pgbouncer", "postgres-services", port, f"the {port}") for port in ("writer", "reader")),
    *(
        Link(
            source="backups",  # they stay on this machine
            target=target,
            port=port,
            kind=LinkKind.BACKUP,
            purpose=purpose,
            connect_ms=1000,
            deadline_ms=1000 * 3600,
            in_request=False,
            source_text="domain.md 7",
        )
        for target, port, purpose in (
            ("postgres", "postgres", "backups of the primary"),
            ("postgres", "rest", "who is primary; archiving switched on"),
            ("redis-cluster", "redis", "snapshots of every primary"),
            ("redis-queue", "redis", "snapshots"),
        )
    ),
    _observe("prometheus", "backups", "control", "scrape: ages and failures of backups"),
)
