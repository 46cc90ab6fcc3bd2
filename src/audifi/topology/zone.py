"""Declare the DNS zone: the design's records, mail's records, and who may issue certificates.

Between: topology.surface (includes it), targets.dns (renders it for octoDNS), topology.audit (what a provider can do).
Shape: one zone for production and staging; each environment keeps its own names, so that neither plans to delete
what the other has (`own_names`, `foreign_names`).
Units: TTL in seconds: 300 for what a failover moves, 3600 for the rest.
Errors: none.
Source: design.md "DNS Configuration", "Multi-Region"; domain.md 5.1; architecture.md 6.6.
"""

from dataclasses import replace

from audifi.topology.model.edge import Dns, DnsRecord, Steering

RECORDS_TEXT = "design.md, DNS Configuration; domain.md 5.1"
MOVES_S = 300
STAYS_S = 3600

STAGING_NAMES = {"@": "staging", "api": "api.staging", "ws": "ws.staging"}
_OF_STAGING = r"/^(?:.+\.)?staging$/"
_OF_CERT_MANAGER = r"/^_acme-challenge(?:\.|$)/"  # DNS-01 puts records there and takes them away (TLS option 2)

DNS = Dns(
    zone="audifi.io.",
    provider="octodns-cloudflare",
    routing_provider="cloudflare-load-balancing",
    steering=tuple(
        Steering(
            domain=domain,
            policies=("latency", "failover", "geo"),
            health_path="/health",
            interval_s=30,
            failures=2,
            source="design.md, Multi-Region: latency, health check failover, GeoDNS; domain.md 6.6 (30 s, 2)",
        )
        for domain in ("api", "ws")
    ),
    name_servers=("<first name server>", "<second name server>"),
    contact="dns.cloudflare.com.",
    own_names=(),
    foreign_names=(_OF_CERT_MANAGER, _OF_STAGING),
    source="design.md, Multi-Region: Route 53 / Cloudflare; architecture.md 6.6",
)

RECORDS = tuple(
    DnsRecord(
        name=name,
        type=type_,
        value=value,
        ttl_s=ttl_s,
        proxied=proxied,
        priority=priority,
        purpose=purpose,
        source=RECORDS_TEXT,
    )
    for name, type_, value, ttl_s, proxied, priority, purpose in (
        ("@", "A", "76.76.21.21", STAYS_S, True, None, "Vercel IP"),
        ("www", "CNAME", "audifi.io.", STAYS_S, True, None, "to the apex"),
        ("app", "CNAME", "cname.vercel-dns.com.", STAYS_S, True, None, "vercel-dns"),
        ("studio", "CNAME", "cname.vercel-dns.com.", STAYS_S, True, None, "V Studio (optional)"),
        ("api", "A", "<load balancer>", MOVES_S, True, None, "Load Balancer IP"),
        ("ws", "A", "<websocket load balancer>", MOVES_S, True, None, "WebSocket LB IP"),
        ("_dmarc", "TXT", "v=DMARC1; p=quarantine; rua=mailto:dmarc@audifi.io", STAYS_S, False, None, "DMARC policy"),
        ("@", "MX", "mx.sendgrid.net.", STAYS_S, False, 10, "mail"),
        ("@", "TXT", "v=spf1 include:sendgrid.net ~all", STAYS_S, False, None, "SPF"),
        ("sendgrid._domainkey", "CNAME", "<sendgrid dkim>", STAYS_S, False, None, "SendGrid DKIM"),
        ("@", "CAA", '0 issue "letsencrypt.org"', STAYS_S, False, None, "Vercel and cert-manager"),
        ("@", "CAA", '0 issue "pki.goog"', STAYS_S, False, None, "Cloudflare's edge certificates"),
        ("@", "CAA", '0 issuewild "pki.goog"', STAYS_S, False, None, "wildcard at the edge"),
        ("@", "CAA", '0 issuewild "letsencrypt.org"', STAYS_S, False, None, "cert-manager's wildcard, TLS option 2"),
    )
)


def in_staging(records: tuple[DnsRecord, ...]) -> tuple[DnsRecord, ...]:
    """Staging's hosts are further names of the same zone; mail and issuers are the zone's. Source: domain.md 5.1."""
    return tuple(
        replace(record, name=STAGING_NAMES[record.name]) if record.type == "A" else record
        for record in records
        if record.type == "A" or record.type != "CNAME" or record.name.endswith("_domainkey")
    )


def dns_in_staging(dns: Dns) -> Dns:
    """The same zone, in which staging keeps nothing but its own names; one region, so nothing is steered."""
    return replace(dns, steering=(), own_names=(_OF_STAGING,), foreign_names=())
