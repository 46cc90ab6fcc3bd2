"""Declare what the CDN sells us, and the names it has for its own things.

Between: topology.surface (includes it), targets.cloudflare and targets.terraform (render with it).
Units: *_s seconds, *_bytes bytes.
Invariant: the plan takes what the design promises: an upload of 110 MiB is more than the 100 MB of the cheaper plans.
Errors: none.
Source: developers.cloudflare.com: workers/platform/limits (body sizes by plan), waf/rate-limiting-rules (periods,
number of rules), waf/managed-rules/reference (identifiers), load-balancing/reference/region-mapping-api, ssl/reference/
certificate-authorities (CAA).
"""

from audifi.topology.model.edge import Cdn

CDN = Cdn(
    plan="business",
    upload_max_bytes=200_000_000,
    rate_rules_max=5,
    rate_periods_s=(10, 60, 120, 300, 600),
    monitor_timeout_s=5,
    monitor_retries=2,
    managed_rules="efb7b8c949ac4650a09736fc376e9aee",
    owasp_rules="4814384a9e5d4991b9815dcfc25d2f1f",
    owasp_verdict="6179ae15870a4bb7b2d480d4843b323c",
    owasp_score=40,  # its "medium"
    owasp_paranoia=1,
    admin_list="audifi_admin_networks",
    client_certificate=True,
    origin_days=365,
    edge_authority="google",
    edge_issuer="pki.goog",
    edge_days=90,
    region_codes=(
        ("us-east-1", ("ENAM", "WNAM", "NSAM", "SSAM", "NEAS", "SEAS", "OC")),
        ("eu-west-1", ("WEU", "EEU", "NAF", "SAF", "ME", "SAS")),
    ),
    terraform_version="5.22.0",
    source="design.md, Network Topology: Cloudflare (CDN + WAF); domain.md 5.4",
)
