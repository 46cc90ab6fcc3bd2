"""Promise what the design says about the edge, hosts, DNS, TLS, headers and the front end's hosting.

Between: topology.promises. Units: each budget names its own.
Errors: none.
Source: design.md "Network Topology" to "Frontend Hosting".
"""

from audifi.topology.detection import PROCESS_KILLED
from audifi.topology.model.promise import Proof
from audifi.topology.sentences.wording import (
    CLOUDFLARE,
    KUBERNETES,
    ON_FLY,
    ON_VERCEL,
    ZONE,
    behaves,
    configured,
    count,
    drilled,
    recovers,
)

EDGE = "design.md, Network Topology"
DOMAINS = "design.md, Domain Configuration"
RECORDS = "design.md, DNS Configuration"
TLS = "design.md, Certificate Management"
HEADERS = "design.md, Security Headers"
VERCEL = "design.md, Vercel Configuration"
FLY = "design.md, Alternative: Fly.io"

EDGE_PROMISES = (
    behaves("edge-ddos", "DDoS protection", "edge", unit="flood requests past the limit at a service", source=EDGE),
    behaves("edge-tls", "SSL termination", "edge", unit="plain-text answers other than a redirect", source=EDGE),
    behaves("edge-cache", "Edge caching", "edge", unit="repeated asset requests that reach the origin", source=EDGE),
    behaves("edge-waf", "WAF rules", "edge", unit="attacks of the corpus let through", source=EDGE),
    recovers(
        "edge-process",
        "EDGE LAYER",
        "edge",
        5,
        fault=PROCESS_KILLED,
        proof=drilled("edge-killed"),
        source=f"{EDGE}; architecture.md 7: a process ≤ 5 s (one nginx here; Cloudflare's network in production)",
    ),
    count("domain-hosts", "audifi.io, app, api, ws, studio: five hosts", "edge", 5, "hosts", source=DOMAINS),
    configured(
        "domain-apex",
        "audifi.io: Marketing/landing, Vercel",
        "frontend",
        source=DOMAINS,
        proof=Proof.PROVIDER,
        awaits=ON_VERCEL,
    ),
    configured(
        "domain-app",
        "app.audifi.io: Main application, Vercel",
        "frontend",
        source=DOMAINS,
        proof=Proof.PROVIDER,
        awaits=ON_VERCEL,
    ),
    configured(
        "domain-api", "api.audifi.io: REST API endpoints, Kubernetes", "api-gateway", source=DOMAINS, awaits=KUBERNETES
    ),
    configured(
        "domain-ws", "ws.audifi.io: WebSocket connections, Kubernetes", "ws-balancer", source=DOMAINS, awaits=KUBERNETES
    ),
    configured(
        "domain-studio",
        "studio.audifi.io: V Studio (optional)",
        "frontend",
        source=DOMAINS,
        proof=Proof.PROVIDER,
        awaits=ON_VERCEL,
    ),
)

DNS_PROMISES = (
    configured("dns-apex", "A @ → Vercel IP (or CNAME)", "edge", source=RECORDS, proof=Proof.PROBE, awaits=ZONE),
    configured("dns-www", "CNAME www → audifi.io", "edge", source=RECORDS, proof=Proof.PROBE, awaits=ZONE),
    configured("dns-app", "CNAME app → vercel-dns", "edge", source=RECORDS, proof=Proof.PROBE, awaits=ZONE),
    configured("dns-api", "A api → Load Balancer IP", "edge", source=RECORDS, proof=Proof.PROVIDER, awaits=ZONE),
    configured("dns-ws", "A ws → WebSocket LB IP", "edge", source=RECORDS, proof=Proof.PROVIDER, awaits=ZONE),
    configured("dns-dmarc", "TXT _dmarc → DMARC policy", "mail", source=RECORDS, proof=Proof.PROBE, awaits=ZONE),
    configured("dns-mx", "MX @ → SendGrid / AWS SES", "mail", source=RECORDS, proof=Proof.PROBE, awaits=ZONE),
    configured("dns-spf", "TXT @ → SPF record", "mail", source=RECORDS, proof=Proof.PROBE, awaits=ZONE),
    configured(
        "dns-dkim",
        "CNAME sendgrid._domainkey → SendGrid DKIM",
        "mail",
        source=RECORDS,
        proof=Proof.PROVIDER,
        awaits=ZONE,
    ),
)

TLS_PROMISES = (
    configured(
        "tls-edge", "Cloudflare manages edge certificates", "edge", source=TLS, proof=Proof.PROVIDER, awaits=CLOUDFLARE
    ),
    configured(
        "tls-origin",
        "Origin certificates for backend",
        "api-gateway",
        source=TLS,
        proof=Proof.PROVIDER,
        awaits=CLOUDFLARE,
    ),
    configured("tls-strict", "Full (strict) SSL mode", "edge", source=TLS, proof=Proof.PROVIDER, awaits=CLOUDFLARE),
    behaves(
        "tls-renewal",
        "Automatic renewal",
        "api-gateway",
        unit="certificates not renewed",
        source=f"{TLS}, option 2",
        proof=drilled("certificate-renewed"),
    ),
    configured(
        "tls-wildcard",
        "Wildcard certs for subdomains",
        "api-gateway",
        source=f"{TLS}, option 2",
        proof=Proof.CLUSTER,
        awaits="cert-manager's issuer is rendered; here each host is named, as no browser takes *.localhost",
    ),
    configured("header-hsts", "Strict-Transport-Security: max-age=31536000; includeSubDomains", "edge", source=HEADERS),
    configured("header-nosniff", "X-Content-Type-Options: nosniff", "edge", source=HEADERS),
    configured("header-frames", "X-Frame-Options: DENY", "edge", source=HEADERS),
    configured("header-xss", "X-XSS-Protection: 1; mode=block", "edge", source=HEADERS),
    configured("header-csp", "Content-Security-Policy: default-src 'self'...", "edge", source=HEADERS),
)

HOSTING_PROMISES = (
    configured(
        "vercel-build",
        '"buildCommand": "npm run build"',
        "frontend",
        source=VERCEL,
        proof=Proof.PROVIDER,
        awaits=ON_VERCEL,
    ),
    configured(
        "vercel-output", '"outputDirectory": "dist"', "frontend", source=VERCEL, proof=Proof.PROVIDER, awaits=ON_VERCEL
    ),
    configured(
        "vercel-api",
        '"/api/(.*)" → "https://api.audifi.io/api/$1"',
        "frontend",
        source=VERCEL,
        proof=Proof.PROVIDER,
        awaits=ON_VERCEL,
    ),
    configured(
        "vercel-fallback", '"/(.*)" → "/index.html"', "frontend", source=VERCEL, proof=Proof.PROVIDER, awaits=ON_VERCEL
    ),
    configured(
        "vercel-frames", '"X-Frame-Options": "DENY"', "frontend", source=VERCEL, proof=Proof.PROVIDER, awaits=ON_VERCEL
    ),
    configured(
        "fly-dockerfile", 'dockerfile = "Dockerfile"', "frontend", source=FLY, proof=Proof.PROVIDER, awaits=ON_FLY
    ),
    configured(
        "fly-port",
        "internal_port = 80",
        "frontend",
        amount=80,
        unit="port",
        source=FLY,
        proof=Proof.PROVIDER,
        awaits=ON_FLY,
    ),
    configured("fly-https", "force_https = true", "frontend", source=FLY, proof=Proof.PROVIDER, awaits=ON_FLY),
    configured("fly-stop", "auto_stop_machines = true", "frontend", source=FLY, proof=Proof.PROVIDER, awaits=ON_FLY),
    configured("fly-start", "auto_start_machines = true", "frontend", source=FLY, proof=Proof.PROVIDER, awaits=ON_FLY),
    configured(
        "fly-cpu",
        'cpu_kind = "shared", cpus = 1',
        "frontend",
        amount=1,
        unit="shared CPU",
        source=FLY,
        proof=Proof.PROVIDER,
        awaits=ON_FLY,
    ),
    configured(
        "fly-memory",
        "memory_mb = 256",
        "frontend",
        amount=256,
        unit="MB",
        source=FLY,
        proof=Proof.PROVIDER,
        awaits=ON_FLY,
    ),
)

PROMISES = (*EDGE_PROMISES, *DNS_PROMISES, *TLS_PROMISES, *HOSTING_PROMISES)
