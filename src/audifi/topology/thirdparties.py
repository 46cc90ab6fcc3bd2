"""Declare the third parties: blockchain providers, pinning, payment, mail, chat and paging.

Between: topology.declaration (includes it), topology.audit (knows what is dead), clients and local.standins.
Invariant: per use the primary is listed first.
Errors: none.
Source: design.md "External Service Connectivity"; domain.md 5.8, 9.48-9.50; architecture.md 6.2, 6.9.
"""

from audifi.topology.model.compute import Component, Kind, Port, Zone
from audifi.topology.model.providers import Chain, Provider, RpcPolicy
from audifi.topology.shapes import hosted
from audifi.wire.chains import CHAINS as FACTS

RPC_TEXT = "design.md, Blockchain RPC"
IPFS_TEXT = "design.md, IPFS Pinning"

COMPONENTS = (
    hosted(
        "mail",
        purpose="takes mail for delivery",
        external_name="smtp.sendgrid.net",
        ports=(Port(name="smtp", number=587), Port(name="http", number=443)),
        arrives_in="",
        stands_in="an SMTP server that keeps mail to be read",
        source="design.md, DNS Configuration: SendGrid / AWS SES",
    ),
    hosted(
        "alchemy",
        purpose="blockchain RPC, primary",
        external_name="*.g.alchemy.com",
        arrives_in="",
        stands_in="a provider stand-in in front of anvil",
        source=f"{RPC_TEXT}: Primary: Alchemy",
    ),
    hosted(
        "infura",
        purpose="blockchain RPC, fallback and rate-limit backup",
        external_name="*.infura.io",
        arrives_in="",
        stands_in="a provider stand-in in front of anvil",
        source=f"{RPC_TEXT}: Fallback: Infura",
    ),
    hosted(
        "pinata",
        purpose="IPFS pinning, primary; dedicated gateway",
        external_name="api.pinata.cloud",
        arrives_in="",
        stands_in="a stand-in of its public API",
        source=f"{IPFS_TEXT}: Pinning Service: Pinata",
    ),
    hosted(
        "pinning-service",
        purpose="second hot pin through the IPFS Pinning Service API",
        external_name="pinning.audifi.io",
        arrives_in="",
        stands_in="a stand-in of the Pinning Service API",
        source="architecture.md 6.2; name of the provider: decided at roll-out",
    ),
    hosted(
        "nft-storage",
        purpose="preservation copy of minted content",
        external_name="preserve.nft.storage",
        arrives_in="",
        stands_in="a stand-in of its registration API",
        source=f"{IPFS_TEXT}: Backup: NFT.Storage",
    ),
    hosted(
        "object-store",
        purpose="backups, in another region",
        external_name="storage.googleapis.com",
        arrives_in="part G",
        stands_in="a directory beside the data",
        source="domain.md 7: WAL archive to another region; 5.3 (egress *.googleapis.com)",
    ),
    hosted(
        "stripe",
        purpose="card payments and subscriptions",
        external_name="api.stripe.com",
        arrives_in="",
        stands_in="a stand-in of its API and webhooks",
        source="domain.md 2.4",
    ),
    hosted(
        "slack",
        purpose="alerts people read",
        external_name="hooks.slack.com",
        arrives_in="",
        stands_in="a stand-in of its webhook",
        source="design.md, Stack: Slack notifications",
    ),
    hosted(
        "pagerduty",
        purpose="alerts that wake people, and their escalation",
        external_name="events.pagerduty.com",
        arrives_in="",
        stands_in="a stand-in of its events API",
        source="design.md, Stack: PagerDuty integration",
    ),
)

# What one machine runs behind the stand-ins of both providers: a chain of its own per chain id.
LOCAL_COMPONENTS = tuple(
    Component(
        name=name,
        kind=Kind.CHAIN,
        purpose=f"the chain that both providers' stand-ins show as {name}",
        zone=Zone.OUTSIDE,
        replicas=1,
        single_because="a chain has one truth; both providers show it",
        ports=(Port(name="rpc", number=number),),
        stateless=False,
        runs_locally=True,
        source="architecture.md 2: anvil per chain",
    )
    for name, number in (("ethereum", 8545), ("polygon", 8546), ("base", 8547))
)
STANDINS = frozenset({"alchemy", "infura", "pinata", "pinning-service", "nft-storage", "stripe", "slack", "pagerduty"})
STANDIN_PORTS = (Port(name="http", number=8080), Port(name="control", number=8081))

_ROWS = (
    ("alchemy", "Alchemy", "rpc", "primary", "call", RPC_TEXT, ("Ethereum Mainnet", "Polygon", "Base")),
    ("infura", "Infura", "rpc", "fallback", "call", RPC_TEXT, ("Automatic failover", "Rate limit backup")),
    (
        "pinata",
        "Pinata",
        "pinning",
        "primary",
        "upload",
        IPFS_TEXT,
        ("Dedicated gateway", "Pinning API", "Regional redundancy"),
    ),
    (
        "pinning-service",
        "Pinning Service API",
        "pinning",
        "second copy",
        "pin by CID",
        "architecture.md 6.2",
        ("Secondary pin locations",),
    ),
    (
        "nft-storage",
        "NFT.Storage",
        "preservation",
        "second copy",
        "register CID",
        IPFS_TEXT,
        ("preservation after mint",),
    ),
    ("stripe", "Stripe", "payment", "primary", "call", "domain.md 2.4", ("checkout", "subscriptions", "refunds")),
    (
        "object-store",
        "Google Cloud Storage",
        "backup",
        "primary",
        "store",
        "domain.md 7",
        ("other region", "encrypted", "versioned"),
    ),
    ("mail", "SendGrid", "mail", "primary", "send", "design.md, DNS Configuration; domain.md 9.49", ("SMTP", "DKIM")),
    ("slack", "Slack", "chat", "primary", "post", "design.md, Stack", ("#audifi-alerts", "#audifi-monitoring")),
    ("pagerduty", "PagerDuty", "paging", "primary", "page", "design.md, Stack", ("escalation policy",)),
    ("edge", "Cloudflare", "edge", "primary", "proxy", "design.md, Network Topology", ("CDN", "WAF", "TLS", "DDoS")),
    ("frontend", "Vercel", "hosting", "primary", "host", "design.md, Frontend Hosting", ("Fly.io as the alternative",)),
)

PROVIDERS = tuple(
    Provider(
        name=name, component=name, vendor=vendor, use=use, role=role, operation=operation, offers=offers, source=source
    )
    for name, vendor, use, role, operation, source, offers in _ROWS
)

# Where a provider answers for a network, and what follows: the key is part of the path, hence a secret apart.
# Source: outbound.md 1.3 (URLs of both providers).
RPC_HOSTS = {"alchemy": "https://{network}.g.alchemy.com", "infura": "https://{network}.infura.io"}
RPC_PATHS = {"alchemy": "/v2/{key}", "infura": "/v3/{key}"}


def _chain(chain_id: int, *, alchemy: str, infura: str, source: str) -> Chain:
    return Chain(
        name=FACTS[chain_id].name,
        chain_id=chain_id,
        providers=("alchemy", "infura"),
        networks=(("alchemy", alchemy), ("infura", infura)),
        source=source,
    )


_MAIN = f"{RPC_TEXT}; domain.md 5.8"
CHAINS = (
    _chain(1, alchemy="eth-mainnet", infura="mainnet", source=_MAIN),
    _chain(137, alchemy="polygon-mainnet", infura="polygon-mainnet", source=_MAIN),
    _chain(8453, alchemy="base-mainnet", infura="base-mainnet", source=f"{_MAIN}, 9.48"),
)

# Sepolia, Amoy, Base Sepolia: the docs' Goerli and Mumbai are dead (domain.md 5.8).
TEST_CHAINS = (
    _chain(11_155_111, alchemy="eth-sepolia", infura="sepolia", source="domain.md 5.8"),
    _chain(80_002, alchemy="polygon-amoy", infura="polygon-amoy", source="domain.md 5.8"),
    _chain(84_532, alchemy="base-sepolia", infura="base-sepolia", source="domain.md 5.8"),
)

RPC = RpcPolicy(
    pooled=True,
    failover=True,
    on_rate_limit="fall back",
    retries=3,
    breaker_failures=5,
    breaker_probe_ms=500,
    source=f"{RPC_TEXT}: pooling, retries, circuit breaker; domain.md 5.8 (numbers); outbound.md 3, lesson 1 (probes)",
)
