"""Declare what the internet sees: hosts, DNS, TLS, headers, caching, filtering, CORS, the front end's hosting.

Between: topology.declaration (includes it), targets.{cloudflare,dns,vercel,fly,nginx,envoy} (render it).
Units: TTLs in seconds.
Invariant: the five headers of the design are sent with the values it gives (wire.headers).
Errors: none.
Source: design.md "Domain Architecture", "TLS/SSL", "Frontend Hosting"; domain.md 5.1, 5.2, 5.4, 5.7.
"""

from audifi.topology import cdn, zone
from audifi.topology.model.edge import (
    CacheRule,
    Cors,
    Domain,
    Fly,
    Header,
    Rewrite,
    Tls,
    Vercel,
    WafRule,
    WebSocket,
)
from audifi.topology.model.whole import Surface
from audifi.topology.references import PublicUrl
from audifi.wire import headers, routes
from audifi.wire.live import protocol
from audifi.wire.live.addresses import Affinity

DOMAINS_TEXT = "design.md, Domain Configuration"
EDGE = "domain.md 5.4"

DOMAINS = tuple(
    Domain(name=name, host=host, purpose=purpose, served_by=served_by, hosting=hosting, source=source)
    for name, host, purpose, served_by, hosting, source in (
        ("apex", "audifi.io", "Marketing/landing", "frontend", "Vercel", DOMAINS_TEXT),
        ("www", "www.audifi.io", "redirects to audifi.io", "frontend", "redirect", "design.md, DNS Configuration"),
        ("app", "app.audifi.io", "Main application", "frontend", "Vercel", DOMAINS_TEXT),
        ("api", "api.audifi.io", "REST API endpoints", "api-gateway", "Kubernetes", DOMAINS_TEXT),
        ("ws", "ws.audifi.io", "WebSocket connections", "ws-balancer", "Kubernetes", DOMAINS_TEXT),
        ("studio", "studio.audifi.io", "V Studio (optional)", "frontend", "Vercel", DOMAINS_TEXT),
    )
)

TLS = Tls(
    option="cloudflare-origin",
    mode="Full (strict)",
    version_min="1.2",
    version_preferred="1.3",
    ciphers=(
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    ),
    session_tickets=False,
    http2=True,
    http3_at_edge=True,
    redirect_status=301,
    wildcard=True,
    expiry_alert_days=14,
    source="design.md, Certificate Management: OPTION 1 (Recommended); domain.md 5.2",
)

HEADERS = tuple(
    Header(name=name, value=value, set_by=("edge", "api-gateway"), source="design.md, Security Headers; domain.md 4")
    for name, value in headers.SECURITY.items()
)

_API_CACHE = ("/masters", "/masters/{id}", "/marketplace/listings", "/artists/*", "/payments/plans")
_BYPASS = ("Authorization", "Cookie", "Set-Cookie", "status other than 200")

CACHE_RULES = (
    CacheRule(
        name="assets",
        paths=("/assets/*",),
        edge_ttl_s=31_536_000,
        stale_while_revalidate_s=0,
        browser_ttl_s=31_536_000,
        immutable=True,
        source=EDGE,
    ),
    CacheRule(
        name="pages", paths=("/*.html", "/"), edge_ttl_s=0, stale_while_revalidate_s=0, browser_ttl_s=0, source=EDGE
    ),
    CacheRule(
        name="api",
        paths=_API_CACHE,
        edge_ttl_s=routes.EDGE_CACHE_S,
        stale_while_revalidate_s=60,
        browser_ttl_s=0,
        bypass_on=_BYPASS,
        source=EDGE,
    ),
    CacheRule(
        name="jwks",
        paths=("/.well-known/jwks.json",),
        edge_ttl_s=routes.JWKS_CACHE_S,
        stale_while_revalidate_s=60,
        browser_ttl_s=routes.JWKS_CACHE_S,
        bypass_on=_BYPASS,
        source=EDGE,
    ),
    CacheRule(
        name="never",
        paths=("/auth/*", "/user/*", "/portfolio/*", "/webhooks/*", "/admin/*"),
        edge_ttl_s=0,
        stale_while_revalidate_s=0,
        browser_ttl_s=0,
        bypass_on=("always",),
        source=EDGE,
    ),
)

WAF_RULES = (
    WafRule(
        name="owasp-core", match="OWASP core rule set, medium: SQL injection, XSS, ../", action="managed", source=EDGE
    ),
    WafRule(
        name="body-size",
        match="request body larger than the limit",
        action="block",
        exempt=("POST /masters/{id}/upload",),
        limit_bytes=routes.BODY_BYTES,
        exempt_limit_bytes=routes.UPLOAD_BYTES,
        source=f"{EDGE}; 9.34",
    ),
    WafRule(name="content-type", match="content types no route takes", action="block", source=EDGE),
    WafRule(name="bots", match="likely bots", action="challenge", exempt=("/health", "/webhooks/*"), source=EDGE),
    WafRule(name="admin-network", match="/admin/* from outside the allowlisted networks", action="block", source=EDGE),
    WafRule(name="under-attack", match="switch, off", action="challenge", source=EDGE),
    WafRule(name="hidden", match="/metrics, /internal/*", action="not-found", source=EDGE),
    WafRule(
        name="acme-pass",
        match="/.well-known/acme-challenge/*, /.well-known/vercel/*",
        action="skip",
        source="architecture.md 6.5: Vercel renews its certificates through these",
    ),
)

CORS = Cors(
    origins=(PublicUrl(domain="apex"), PublicUrl(domain="app")),
    origin_patterns=(),
    credentials=True,
    methods=("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
    request_headers=(
        "Content-Type",
        "Authorization",
        headers.REQUEST_ID,
        headers.CSRF,
        headers.IDEMPOTENCY_KEY,
        headers.LAST_EVENT_ID,
    ),
    exposed_headers=(headers.REQUEST_ID, headers.LIMIT, headers.REMAINING, headers.RESET, headers.RETRY_AFTER),
    max_age_s=86_400,
    source="domain.md 5.7",
)

VERCEL = Vercel(
    build_command="npm run build",
    output_directory="dist",
    rewrites=(
        Rewrite(source_path="/api/(.*)", destination="https://api.audifi.io/api/$1"),
        Rewrite(source_path="/(.*)", destination="/index.html"),
    ),
    headers=(("X-Frame-Options", "DENY"),),
    uses_routes=False,
    passed_paths=("/.well-known/acme-challenge/*", "/.well-known/vercel/*"),
    source="design.md, Vercel Configuration, with rewrites for routes: architecture.md 6.1",
)

FLY = Fly(
    app="audifi-frontend",
    dockerfile="Dockerfile",
    internal_port=80,
    force_https=True,
    auto_stop=True,
    auto_start=True,
    cpu_kind="shared",
    cpus=1,
    memory_mb=256,
    region="iad",  # Ashburn, Virginia: us-east-1
    machines_min=1,
    requests_soft=200,
    requests_hard=250,
    source="design.md, Alternative: Fly.io; region and concurrency: fly.io/docs/reference/configuration",
)

WEBSOCKET = WebSocket(
    component="ws-gateway",
    sticky=True,
    affinity=Affinity.TICKET,  # no program between edge and pod: realtime.md 2.7, docs/decisions/0046
    fan_out="Redis sharded publish/subscribe",
    ping_s=protocol.PING_S,
    pong_s=protocol.PONG_S,
    misses=protocol.MISSES_MAX,
    backoff_first_s=1,
    backoff_factor=2,
    backoff_max_s=30,
    backoff_jitter_percent=100,  # domain.md 3 says 30: then all would wait the same 70 percent (sdk.live.backoff)
    backoff_tries=10,
    source="design.md, Connection Handling; domain.md 3 (numbers)",
)

SURFACE = Surface(
    domains=DOMAINS,
    dns=zone.DNS,
    dns_records=zone.RECORDS,
    cdn=cdn.CDN,
    tls=TLS,
    headers=HEADERS,
    cache_rules=CACHE_RULES,
    waf_rules=WAF_RULES,
    cors=CORS,
    vercel=VERCEL,
    fly=FLY,
    websocket=WEBSOCKET,
)
