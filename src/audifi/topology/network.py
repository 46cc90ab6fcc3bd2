"""Declare zones, what every pod keeps to, the egress allowlist, rate limits and the mesh that is off.

Between: topology.declaration (includes it), targets.kubernetes (NetworkPolicy), targets.envoy and targets.cloudflare
(limits), kernel.limits by way of wire.routes.
Units: *_s seconds.
Invariant: default deny: what is not listed is refused.
Errors: none.
Source: domain.md 5.3 (zones, egress), 5.5 (limits), design.md "Service Mesh".
"""

from audifi.topology.model.network import Egress, Guard, Mesh, Network, RateLimit

ZONES = "domain.md 5.3 (zones)"
LIMITS = "domain.md 5.5"

NETWORKS = (
    Network(zone="public", cidr="0.0.0.0/0", accepts=("internet on 80 and 443",), source=ZONES),
    Network(zone="dmz", cidr="10.0.0.0/24", accepts=("public",), source=ZONES),
    Network(zone="private", cidr="10.0.1.0/24", accepts=("dmz", "named peers"), source=ZONES),
    Network(zone="data", cidr="10.0.2.0/24", accepts=("private",), source=ZONES),
)

_ALLOWED = (
    ("*.stripe.com", "card payments"),
    ("*.alchemy.com", "blockchain RPC"),
    ("*.infura.io", "blockchain RPC"),
    ("api.pinata.cloud", "pinning"),
    ("uploads.pinata.cloud", "uploads to pin"),
    ("*.mypinata.cloud", "dedicated IPFS gateway"),
    ("pinning.audifi.io", "second hot pin"),
    ("*.nft.storage", "preservation"),
    ("smtp.sendgrid.net", "mail"),
    ("*.googleapis.com", "backups' object store"),
    ("hooks.slack.com", "alerts"),
    ("events.pagerduty.com", "pages"),
)
_IF_ENABLED = ("*.twitch.tv", "discord.com", "*.tiktok.com", "*.youtube.com")

EGRESS = (
    *(Egress(host=host, enabled=True, purpose=purpose, source="domain.md 5.3 (egress)") for host, purpose in _ALLOWED),
    *(
        Egress(host=host, enabled=False, purpose="external chat", source="domain.md 5.3: if enabled; 9.58: not yet")
        for host in _IF_ENABLED
    ),
)

_HOUR, _HALF_HOUR, _MINUTE = 3600, 1800, 60

RATE_LIMITS = (
    RateLimit(name="ip", scope="*", per="ip", count=1000, window_s=_MINUTE, burst_per_s=100, source=LIMITS),
    *(
        RateLimit(name=name, scope=scope, per=per, count=count, window_s=window_s, source=LIMITS)
        for name, scope, per, count, window_s in (
            ("user", "*", "user", 10_000, _MINUTE),
            ("auth", "POST /auth/*", "ip", 10, _MINUTE),
            ("magic-link-email", "POST /auth/magic-link", "email", 3, _HOUR),
            ("magic-link-all", "POST /auth/magic-link", "all", 1000, _HOUR),
            ("magic-link-verify", "POST /auth/verify-magic-link", "ip", 10, _HOUR),
            ("second-factor", "POST /auth/2fa/verify", "user", 5, _HALF_HOUR),
            ("refresh", "POST /auth/refresh", "user", 60, _HOUR),
            ("writes", "POST PUT PATCH DELETE *", "user", 100, _MINUTE),
            ("master-create", "POST /masters", "user", 5, _MINUTE),
            ("votes", "POST /vstudio/sessions/*/vote", "user", 100, _MINUTE),
            ("analytics", "GET /analytics/*", "user", 100, _MINUTE),
            ("purchase", "POST /marketplace/purchase", "user", 10, _HOUR),
            ("mint", "POST /masters/*/mint", "user", 10, _HOUR),
            ("session-create", "POST /vstudio/sessions", "user", 5, _MINUTE),
            ("marketplace", "GET /marketplace/listings", "user", 60, _MINUTE),
            ("profile", "GET /user/profile", "user", 30, _MINUTE),
            ("search", "GET /masters?q=*", "user", 30, _MINUTE),
            ("health", "GET /health", "ip", 100, _MINUTE),
        )
    ),
)

MESH = Mesh(
    name="none",
    options=("istio", "linkerd"),
    source="design.md, Service Mesh: CURRENT: Start without mesh, add later as needed",
)

GUARD = Guard(
    pod_security="restricted",
    read_only_root=True,
    run_as_user=10_001,
    default_deny=True,
    source="architecture.md 6.7; kubernetes.md acceptance checklist 3; domain.md 5.3: default deny",
)
