"""Say what the internet sees: domains, records, certificates, headers, caching, filtering, the front end.

Between: topology.surface (fills it), targets.{cloudflare,dns,vercel,fly,nginx,envoy} (render it), topology.audit.
Units: *_s seconds, *_bytes bytes, *_mb MiB as Fly.io counts.
Invariant: nothing here is a secret.
Errors: none.
"""

from dataclasses import dataclass

from audifi.topology.references import Value
from audifi.wire.live.addresses import Affinity


@dataclass(frozen=True, kw_only=True, slots=True)
class Domain:
    """A host name and who serves it. `name` is its key: apex, www, app, api, ws, studio."""

    name: str
    host: str
    purpose: str
    served_by: str  # component
    hosting: str  # Vercel | Kubernetes | redirect
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DnsRecord:
    """A record of the zone; `value` in angle brackets is known only when the place exists."""

    name: str
    type: str
    value: str
    ttl_s: int
    proxied: bool
    routing: str = "simple"  # simple | latency | failover | geo
    priority: int | None = None
    purpose: str = ""
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Steering:
    """A host whose answer depends on who asks and on which region is healthy."""

    domain: str  # Domain.name
    policies: tuple[str, ...]  # latency | failover | geo
    health_path: str
    interval_s: int
    failures: int  # then the region is out
    source: str

    @property
    def detection_s(self) -> int:
        """How long a lost region keeps getting answers, at worst."""
        return self.interval_s * self.failures


@dataclass(frozen=True, kw_only=True, slots=True)
class Dns:
    """Who answers for the zone, and who answers where an answer depends on the asker."""

    zone: str
    provider: str  # octoDNS provider of the records
    routing_provider: str  # who does latency, health and geo routing
    steering: tuple[Steering, ...]  # empty where there is one region
    name_servers: tuple[str, ...]  # the provider assigns them when the zone is made
    contact: str  # the zone's responsible mailbox, as SOA writes it (RFC 1035 section 3.3.13)
    own_names: tuple[str, ...]  # expressions: of these names this environment keeps every record; empty: of all
    foreign_names: tuple[str, ...]  # expressions: their records are another's, and a plan never touches them
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Cdn:
    """What the CDN sells us and how it is told things; what the design asks of it is in the classes beside this one."""

    plan: str  # business: the least that takes our uploads and judges by regular expressions
    upload_max_bytes: int  # a larger body never reaches us
    rate_rules_max: int
    rate_periods_s: tuple[int, ...]  # limits over longer windows are the gateway's alone
    monitor_timeout_s: int
    monitor_retries: int  # within one check
    managed_rules: str  # id of the CDN's own rules
    owasp_rules: str  # id of its OWASP core rule set
    owasp_verdict: str  # id of the rule in it that compares the score
    owasp_score: int
    owasp_paranoia: int
    admin_list: str  # name of the list of networks that may reach /admin; who is on it is no file's business
    client_certificate: bool  # the origin can tell that it is the CDN who asks
    origin_days: int  # validity of origin certificates
    edge_authority: str  # who signs the edge's own; CAA must name its issuer
    edge_issuer: str  # what CAA calls it
    edge_days: int
    region_codes: tuple[tuple[str, tuple[str, ...]], ...]  # our region → parts of the world that it is near to
    terraform_version: str  # of its provider, for teams that plan with that
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tls:
    """Certificates and protocol."""

    option: str  # cloudflare-origin | cert-manager | local-ca
    mode: str  # Full (strict)
    version_min: str
    version_preferred: str
    ciphers: tuple[str, ...]
    session_tickets: bool
    http2: bool
    http3_at_edge: bool
    redirect_status: int
    wildcard: bool
    expiry_alert_days: int
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """A response header that every answer carries."""

    name: str
    value: str
    set_by: tuple[str, ...]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheRule:
    """What may be kept at the edge, and for how long."""

    name: str
    paths: tuple[str, ...]
    edge_ttl_s: int
    stale_while_revalidate_s: int
    browser_ttl_s: int
    immutable: bool = False
    bypass_on: tuple[str, ...] = ()
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WafRule:
    """A request the edge refuses or challenges."""

    name: str
    match: str
    action: str  # block | challenge | skip | not-found | managed
    exempt: tuple[str, ...] = ()
    limit_bytes: int | None = None
    exempt_limit_bytes: int | None = None
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Cors:
    """Which pages of other origins may call us, and how."""

    origins: tuple[Value, ...]  # references: the same pages have other addresses in other places
    origin_patterns: tuple[str, ...]
    credentials: bool
    methods: tuple[str, ...]
    request_headers: tuple[str, ...]
    exposed_headers: tuple[str, ...]
    max_age_s: int
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewrite:
    """A path answered from another address, without a redirect."""

    source_path: str
    destination: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Vercel:
    """The front end on Vercel."""

    build_command: str
    output_directory: str
    rewrites: tuple[Rewrite, ...]
    headers: tuple[tuple[str, str], ...]
    uses_routes: bool  # `routes` excludes `headers` and `rewrites`: must stay False (audit)
    passed_paths: tuple[str, ...]  # what the CDN in front must not touch
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Fly:
    """The front end on Fly.io, the design's alternative."""

    app: str
    dockerfile: str
    internal_port: int
    force_https: bool
    auto_stop: bool
    auto_start: bool
    cpu_kind: str
    cpus: int
    memory_mb: int
    region: str  # Fly's name of the place nearest to our primary region
    machines_min: int  # stay up when nobody asks
    requests_soft: int  # at once, then another machine is started
    requests_hard: int  # at once, then a machine gets no more
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSocket:
    """How live connections are balanced, kept and resumed.

    What a cluster needs for TICKET: a Service per pod of `component` (the pod's number is the one the address names,
    so the pods are a StatefulSet's), each reached by a layer-4 address that ends TLS with the origin certificate
    before it hands the stream on, and a rule at the edge per number (`/p/<n>/` taken off, the pods' common Service
    where that one refuses). Pods believe X-Forwarded-For from there: TRUSTED_PROXY_NETWORKS gets those networks.
    What it needs for COOKIE, and for addresses that name no pod in either case: `ws-balancer` with session
    persistence by cookie, on the pods' common Service.
    """

    component: str
    sticky: bool
    affinity: Affinity
    fan_out: str
    ping_s: int
    pong_s: int
    misses: int
    backoff_first_s: int
    backoff_factor: int
    backoff_max_s: int
    backoff_jitter_percent: int
    backoff_tries: int
    source: str
