"""Declare AudiFi's platform: what runs, how often, and who may call whom. Read this first.

    internet ─► edge ─► api-gateway ─► auth, nft, vstudio, payment, coin, analytics ─► pgbouncer ─► postgres
                 │                                 │                                     redis-cluster
                 └────► ws-balancer ─► ws-gateway ─┘                                     redis-queue

Between: targets (render it), local (runs it), drills (break it), cli (prints and audits it).
Shape: `platform("production")` is the design; `local` and `staging` are differences applied to it (environments.py).
The rest of the design is beside this file, by noun: stores (databases, caches, queue, backups), surface (hosts, DNS,
TLS, headers, cache, WAF), network (zones, limits, egress), thirdparties (chains, pinning, payment, mail), telemetry
(metrics, logs, traces, alerts), cluster (namespaces, priorities, scaling), links (every arrow), promises (every
sentence that can be true or false).
Invariant: frozen data; every item names the sentence of the design it comes from.
Errors: KeyError for an environment that does not exist.
Source: design.md, domain.md 5; numbers of the design are marked [S] there and win every disagreement.
"""

from audifi.topology import cluster, environments, network, regions, secrets, stores, surface, telemetry, thirdparties
from audifi.topology.links import LINKS
from audifi.topology.model.compute import Component, Kind, Port, Resources, Zone
from audifi.topology.model.whole import Topology
from audifi.topology.promises import PROMISES
from audifi.topology.serving import (
    AUTH_ENVIRONMENT,
    COIN_ENVIRONMENT,
    NFT_ENVIRONMENT,
    PAYMENT_ENVIRONMENT,
    VSTUDIO_ENVIRONMENT,
    WORKER_ENVIRONMENT,
    WS_ENVIRONMENT,
)
from audifi.topology.shapes import DESIGN_RESOURCES, availability, hosted, image, probes, service

PODS = "design.md, Network Topology"
PORTS = "domain.md 5.3 (ports)"

# What stands in front.
FRONT = (
    hosted(
        "edge",
        purpose="CDN, WAF, TLS and DDoS protection in front of everything",
        external_name="audifi.io",
        kind=Kind.EDGE,
        zone=Zone.PUBLIC,
        ports=(Port(name="https", number=443, public=True), Port(name="http", number=80, public=True)),
        arrives_in="",
        stands_in="nginx with TLS from a local CA",
        source="design.md, Network Topology: Cloudflare (CDN + WAF)",
    ),
    hosted(
        "frontend",
        purpose="the web application: audifi.io and app.audifi.io",
        external_name="cname.vercel-dns.com",
        kind=Kind.FRONTEND,
        zone=Zone.PUBLIC,
        arrives_in="part G",
        stands_in="dist/ served by the edge",
        source="design.md, Frontend Hosting (Vercel; Fly.io as the alternative)",
    ),
    Component(
        name="api-gateway",
        kind=Kind.GATEWAY,
        purpose="REST: tokens checked, identity headers stripped, routes, limits, deadlines, retries, breakers, CORS",
        zone=Zone.DMZ,
        replicas=2,
        ports=(Port(name="http", number=3000), Port(name="metrics", number=9090)),
        resources=Resources(
            cpu_request_m=250,
            memory_request_mib=256,
            memory_limit_mib=512,
            source="components.md 1: Envoy 68 MB resident; no CPU limit in the path of every request",
        ),
        probes=probes("metrics"),
        availability=availability(grace_s=75),
        image=image("envoy"),
        stands_in="",
        source=f"{PODS}: api.audifi.io; replicas domain.md 5.3 (≥ 2)",
    ),
    Component(
        name="ws-balancer",
        kind=Kind.GATEWAY,
        purpose="sticky load balancer of the WebSocket pods, with its own address",
        zone=Zone.DMZ,
        replicas=2,
        ports=(Port(name="http", number=3020), Port(name="metrics", number=9093)),
        resources=DESIGN_RESOURCES,
        probes=probes("metrics"),
        availability=availability(drain_s=30, grace_s=360),
        image=image("envoy"),
        source="design.md, WebSocket Architecture: LOAD BALANCER (sticky sessions enabled); domain.md 9.68",
    ),
    Component(
        name="ws-gateway",
        kind=Kind.GATEWAY,
        purpose="live V Studio connections: ws.audifi.io",
        zone=Zone.PRIVATE,  # its balancer stands in the DMZ; the pods reach the data zone, which the DMZ may not
        replicas=3,
        ports=(Port(name="http", number=3010), Port(name="metrics", number=9091)),
        resources=Resources(
            cpu_request_m=500,
            memory_request_mib=256,
            memory_limit_mib=1024,
            source="architecture.md 7: ≤ 17 KiB per idle connection × 10,000 viewers on the pods left",
        ),
        probes=probes("http"),
        availability=availability(drain_s=30, grace_s=300),
        image=image("ws-gateway"),
        environment=WS_ENVIRONMENT,
        source="design.md, WebSocket Architecture: WS Pod 1-3; kubernetes.md 6 (grace 300 s)",
    ),
)

# The six services of the design, and the worker.
SERVICES = (
    service(
        "auth-service",
        number=3001,
        metrics=9101,
        replicas=3,
        purpose="passwordless login, sessions, second factor, wallets, roles, profiles",
        environment=AUTH_ENVIRONMENT,
        source=f"{PODS}: AUTH (3 pods); port 3001 in Kubernetes Configuration",
    ),
    service(
        "nft-service",
        number=3002,
        metrics=9102,
        replicas=3,
        purpose="masters, IPOs, shares, marketplace, revenue, dividends",
        environment=NFT_ENVIRONMENT,
        source=f"{PODS}: NFT/IPO (3 pods); {PORTS}",
    ),
    service(
        "vstudio-service",
        number=3003,
        metrics=9103,
        replicas=3,
        purpose="sessions, decisions, votes, locking a master",
        environment=VSTUDIO_ENVIRONMENT,
        source=f"{PODS}: V STUDIO (3 pods); {PORTS}",
    ),
    service(
        "payment-service",
        number=3004,
        metrics=9104,
        replicas=2,
        purpose="card payments, subscriptions, Stripe's webhooks",
        environment=PAYMENT_ENVIRONMENT,
        source=f"{PODS}: PAYMENT (2 pods); {PORTS}",
    ),
    service(
        "coin-service",
        number=3005,
        metrics=9105,
        replicas=2,
        purpose="artist coins, stakes, pools",
        environment=COIN_ENVIRONMENT,
        source=f"{PODS}: COIN (2 pods); {PORTS}",
    ),
    service(
        "analytics-service",
        number=3006,
        metrics=9106,
        replicas=2,
        purpose="events, roll-ups, dashboards of artists",
        source=f"{PODS}: ANALYTICS (2 pods); {PORTS}",
    ),
    service(
        "worker",
        number=3008,
        metrics=9092,
        replicas=2,
        purpose="queue consumers, chain indexer, pin checks, timers, notifications",
        kind=Kind.WORKER,
        environment=WORKER_ENVIRONMENT,
        source="domain.md 2.7, 5.3 (worker 1-2), 9.6",
    ),
)

_PRODUCTION = Topology(
    environment="production",
    components=(
        *FRONT,
        *SERVICES,
        *stores.COMPONENTS,
        *telemetry.COMPONENTS,
        *thirdparties.COMPONENTS,
    ),
    links=LINKS,
    surface=surface.SURFACE,
    stores=stores.STORES,
    secrets=secrets.SECRETS,
    networks=network.NETWORKS,
    egress=network.EGRESS,
    rate_limits=network.RATE_LIMITS,
    providers=thirdparties.PROVIDERS,
    chains=thirdparties.CHAINS,
    rpc=thirdparties.RPC,
    mesh=network.MESH,
    guard=network.GUARD,
    regions=regions.REGIONS,
    cluster=cluster.CLUSTER,
    telemetry=telemetry.SIGNALS,
    watching=telemetry.WATCHING,
    alert_routes=telemetry.ALERT_ROUTES,
    escalation=telemetry.ESCALATION,
    promises=PROMISES,
)


def platform(environment: str) -> Topology:
    """The platform in that environment: local, staging or production."""
    return environments.in_environment(_PRODUCTION, environment)
