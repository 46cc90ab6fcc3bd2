"""Judge what faces the internet: hosts, records, certificates, headers, CORS, rate limits.

Between: topology.audit (runs RULES). Source of each rule: its docstring.
Units: seconds.
Errors: none; findings are notes.
"""

from collections.abc import Iterator
from typing import Final

from audifi.topology.model.network import LinkKind
from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, Rule, error, warning
from audifi.wire import headers
from audifi.wire.live.addresses import Affinity

# What each provider can answer depending on the asker. Source: octodns-cloudflare and -route53 README (SUPPORTS_*).
ROUTING: Final = {
    "octodns-cloudflare": frozenset({"simple"}),
    "octodns-route53": frozenset({"simple", "latency", "failover", "geo"}),
    "cloudflare-load-balancing": frozenset({"simple", "latency", "failover", "geo"}),
}
MOVING_TTL_MAX_S: Final = 300  # domain.md 5.1
BALANCER: Final = "ws-balancer"
MAIL_RECORDS: Final = (("@", "MX"), ("@", "TXT"), ("_dmarc", "TXT"))


def routing_is_supported(topology: Topology) -> Iterator[Note]:
    """A record type a provider does not know is dropped or refused at apply (architecture.md 6.6)."""
    dns = topology.surface.dns
    for provider in (dns.provider, dns.routing_provider):
        if provider not in ROUTING:
            reason = f"nothing is known about the DNS provider {provider}"
            yield error("dns-provider", "edge", reason, f"use one of {', '.join(sorted(ROUTING))}")
    for steering in dns.steering:
        unknown = set(steering.policies) - ROUTING.get(dns.routing_provider, frozenset())
        if unknown:
            reason = f"{steering.domain} wants {', '.join(sorted(unknown))} routing, {dns.routing_provider} has none"
            yield error("dns-feature", "edge", reason, "route with Cloudflare Load Balancing or Route 53")
    if dns.steering and len(topology.regions) < 2:
        reason = "answers are steered between regions, but there is one region"
        yield error("dns-steering", "edge", reason, "declare the second region or no steering")
    for record in topology.surface.dns_records:
        if record.routing not in ROUTING.get(dns.provider, {"simple"}):
            reason = f"record {record.name} {record.type} wants {record.routing} routing, {dns.provider} has none"
            yield error(
                "dns-feature",
                "edge",
                reason,
                "declare the record simple and route with Cloudflare Load Balancing or Route 53",
            )


def names_do_not_clash(topology: Topology) -> Iterator[Note]:
    """A CNAME stands alone, and not at the apex (RFC 1034 section 3.6.2)."""
    types: dict[str, set[str]] = {}
    for record in topology.surface.dns_records:
        types.setdefault(record.name, set()).add(record.type)
    for name, found in types.items():
        if "CNAME" in found and (len(found) > 1 or name == "@"):
            reason = f"{name} has a CNAME beside {', '.join(sorted(found - {'CNAME'})) or 'the zone itself'}"
            yield error("dns-cname", "edge", reason, "use A records, or let the provider flatten the name")


def hosts_have_records(topology: Topology) -> Iterator[Note]:
    """A host without a record does not exist; mail without SPF, DKIM and DMARC is spam."""
    if topology.environment == "local":
        return
    zone = topology.surface.dns.zone.rstrip(".")
    found = {(record.name, record.type) for record in topology.surface.dns_records}
    addressed = {name for name, type_ in found if type_ in {"A", "AAAA", "CNAME"}}
    for domain in topology.surface.domains:
        name = domain.host.removesuffix(zone).rstrip(".") or "@"
        if name not in addressed:
            yield error(
                "dns-missing", domain.served_by, f"{domain.host} has no address record", "add it to zone.RECORDS"
            )
    for name, type_ in MAIL_RECORDS:
        if (name, type_) not in found:
            yield error("dns-missing", "mail", f"there is no {type_} record for {name}", "add it to zone.RECORDS")
    if not any(name.endswith("_domainkey") for name, _ in found):
        yield error("dns-missing", "mail", "there is no DKIM record", "add it to zone.RECORDS")


def moving_names_are_short_lived(topology: Topology) -> Iterator[Note]:
    """What a failover moves must not be remembered for an hour (domain.md 5.1)."""
    for record in topology.surface.dns_records:
        if record.value.startswith("<") and "load balancer" in record.value and record.ttl_s > MOVING_TTL_MAX_S:
            reason = f"{record.name} may be remembered for {record.ttl_s} s"
            yield warning("dns-ttl", "edge", reason, f"lower it to {MOVING_TTL_MAX_S}")


def domains_are_served(topology: Topology) -> Iterator[Note]:
    """A host nobody serves answers with the edge's error page."""
    known = {component.name for component in topology.components}
    for domain in topology.surface.domains:
        if domain.served_by not in known:
            reason = f"{domain.host} is served by {domain.served_by}, which does not exist"
            yield error("domain-component", domain.served_by, reason, "name a declared component")


def certificates_hold(topology: Topology) -> Iterator[Note]:
    """Anything below Full (strict) lets someone stand between edge and origin; TLS below 1.2 is broken."""
    tls = topology.surface.tls
    if tls.version_min not in {"1.2", "1.3"}:
        yield error("tls", "edge", f"TLS {tls.version_min} is allowed", "require 1.2 or newer")
    if tls.option == "cloudflare-origin" and tls.mode != "Full (strict)":
        yield error("tls", "edge", f"the mode is {tls.mode}", "use Full (strict) with origin certificates")


def headers_are_sent(topology: Topology) -> Iterator[Note]:
    """The design's headers with the values it gives (design.md "Security Headers")."""
    sent = {header.name: header.value for header in topology.surface.headers}
    for name, value in headers.SECURITY.items():
        if sent.get(name) != value:
            reason = f"{name} is {sent.get(name, 'not sent')!r}, not {value!r}"
            yield error("header", "edge", reason, "take it from wire.headers.SECURITY")


def strangers_get_nothing(topology: Topology) -> Iterator[Note]:
    """A wildcard origin with credentials gives any page the user's session (domain.md 9.13)."""
    cors = topology.surface.cors
    wide = [
        str(origin)
        for origin in (*cors.origins, *cors.origin_patterns)
        if isinstance(origin, str) and (origin == "*" or "://*." in origin)
    ]
    if cors.credentials and wide:
        reason = f"credentials are allowed to {', '.join(wide)}"
        yield error("cors", "api-gateway", reason, "list the origins")


def credentials_are_limited(topology: Topology) -> Iterator[Note]:
    """A limit that opens when Redis is gone invites breaking Redis first (domain.md 5.5)."""
    for limit in topology.rate_limits:
        if limit.fails_open and "/auth" in limit.scope:
            reason = f"limit {limit.name} on {limit.scope} opens when Redis is lost"
            yield error("limit-open", "auth-service", reason, "fall back to 1/replicas of it in the process")
        if limit.count < 1 or limit.window_s < 1:
            reason = f"limit {limit.name} allows {limit.count} in {limit.window_s} s"
            yield error("limit-empty", "api-gateway", reason, "allow at least one in a positive window")


def sockets_have_a_way(topology: Topology) -> Iterator[Note]:
    """An address that names a pod needs the edge to be let through to it; one that names none needs the balancer.

    Source: docs/decisions/0046.
    """
    live = topology.surface.websocket
    linked = {(link.source, link.target) for link in topology.links if link.kind is LinkKind.ROUTE}
    wanted = {("edge", BALANCER), (BALANCER, live.component)}
    if live.affinity is Affinity.TICKET:
        wanted.add(("edge", live.component))
    for source, target in sorted(wanted - linked):
        reason = f"sockets ({live.affinity}) go from {source} to {target}, and there is no such link"
        yield error("socket-way", source, reason, "declare the link, or choose the other affinity")


RULES: Final[tuple[Rule, ...]] = (
    routing_is_supported,
    names_do_not_clash,
    hosts_have_records,
    moving_names_are_short_lived,
    domains_are_served,
    certificates_hold,
    headers_are_sent,
    strangers_get_nothing,
    credentials_are_limited,
    sockets_have_a_way,
)
