"""Break the platform on purpose, one way per rule: the audit must say exactly that, and nothing else.

Between: pytest and topology.audit. No sockets, no files.
Invariant: the untouched platform has no error and no warning in any environment, so every note here is the break's.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from audifi.topology.audit import RULES, audit, has_errors
from audifi.topology.declaration import platform
from audifi.topology.environments import LOCAL_NOW
from audifi.topology.model.compute import Component, Kind, Port, Zone
from audifi.topology.model.edge import DnsRecord
from audifi.topology.model.network import LinkKind, RetryOn
from audifi.topology.model.observe import EscalationStep
from audifi.topology.model.whole import Topology
from audifi.topology.note import Severity
from audifi.topology.references import OwnPort, PublicUrl, Secret
from audifi.wire.live.addresses import Affinity

Break = Callable[[Topology], Topology]


def component(name: str, /, **changes: Any) -> Break:
    return lambda t: replace(t, components=tuple(replace(c, **changes) if c.name == name else c for c in t.components))


def part(name: str, field: str, /, **changes: Any) -> Break:
    """Change one part of a component: its resources, probes, availability or image."""
    return lambda t: component(name, **{field: replace(getattr(t.component(name), field), **changes)})(t)


def link(source: str, target: str, /, **changes: Any) -> Break:
    return lambda t: replace(
        t,
        links=tuple(
            replace(item, **changes) if (item.source, item.target) == (source, target) else item for item in t.links
        ),
    )


def surface(**changes: Any) -> Break:
    return lambda t: replace(t, surface=replace(t.surface, **changes))


def within(field: str, /, **changes: Any) -> Break:
    """Change one part of the surface."""
    return lambda t: surface(**{field: replace(getattr(t.surface, field), **changes)})(t)


def store(field: str, **changes: Any) -> Break:
    return lambda t: replace(t, stores=replace(t.stores, **{field: replace(getattr(t.stores, field), **changes)}))


def items(field: str, name: str, /, **changes: Any) -> Break:
    """Change one of the topology's named items: a secret, provider, promise, limit or chain."""
    return lambda t: replace(
        t, **{field: tuple(replace(item, **changes) if item.name == name else item for item in getattr(t, field))}
    )


def backup(name: str, **changes: Any) -> Break:
    return lambda t: replace(
        t,
        stores=replace(
            t.stores, backups=tuple(replace(b, **changes) if b.name == name else b for b in t.stores.backups)
        ),
    )


def record(name: str, type_: str, /, **changes: Any) -> Break:
    return lambda t: surface(
        dns_records=tuple(
            replace(r, **changes) if (r.name, r.type) == (name, type_) else r for r in t.surface.dns_records
        )
    )(t)


def tags(use: str, /, **changes: Any) -> Break:
    return lambda t: store(
        "redis_cluster",
        tags=tuple(replace(g, **changes) if g.use == use else g for g in t.stores.redis_cluster.tags),
    )(t)


def header(name: str) -> Break:
    return lambda t: surface(headers=tuple(h for h in t.surface.headers if h.name != name))(t)


def told(name: str, /, **variables: Any) -> Break:
    return component(name, environment=tuple(variables.items()))


def without_link(source: str, target: str) -> Break:
    return lambda t: replace(t, links=tuple(link for link in t.links if (link.source, link.target) != (source, target)))


def both(first: Break, second: Break) -> Break:
    return lambda t: second(first(t))


def without_second_pin(t: Topology) -> Topology:
    return replace(t, providers=tuple(p for p in t.providers if p.name != "pinning-service"))


NFT_PAYMENT = ("nft-service", "payment-service")
LONELY = Component(
    name="lonely", kind=Kind.PROVIDER, purpose="none", zone=Zone.OUTSIDE, replicas=1, ports=(), source="test"
)

ARROWS: list[tuple[str, Break]] = [
    ("link-component", link("nft-service", "coin-service", target="coyn-service")),
    ("link-component", link("auth-service", "mail", source="auth")),
    ("link-port", link("auth-service", "pgbouncer", port="postgres")),
    ("link-duplicate", lambda t: replace(t, links=(*t.links, t.links[0]))),
    ("retry-unsafe", link("payment-service", "stripe", retry_on=RetryOn.ANY)),
    ("retry-unused", link("nft-service", "coin-service", retry_on=RetryOn.NEVER)),
    ("deadline-inverted", link("api-gateway", "payment-service", deadline_ms=5_000)),
    ("zone-border", link("ws-gateway", "vstudio-service", source="edge")),
    ("zone-border", component("redis-queue", zone=Zone.PUBLIC)),
    ("egress", component("stripe", external_name="api.stripe.example")),
    ("egress", lambda t: replace(t, egress=tuple(replace(e, enabled=e.host != "*.infura.io") for e in t.egress))),
    ("breaker", link("worker", "pinata", breaker=None)),
    ("start-cycle", both(link(*NFT_PAYMENT, readiness=True), link(*reversed(NFT_PAYMENT), readiness=True))),
    ("route-unlinked", link("api-gateway", "analytics-service", kind=LinkKind.CALL)),
    ("deadline-inverted", link("edge", "api-gateway", deadline_ms=59_999)),
    ("region-writers", lambda t: replace(t, regions=(t.regions[1], t.regions[1]))),
    ("region-writers", lambda t: replace(t, regions=(t.regions[0], replace(t.regions[1], operations=("write",))))),
    ("unlinked", lambda t: replace(t, components=(*t.components, LONELY))),
]

PODS: list[tuple[str, Break]] = [
    ("component-duplicate", lambda t: replace(t, components=(*t.components, t.component("grafana")))),
    ("port-duplicate", component("tempo", ports=(Port(name="http", number=1), Port(name="otlp", number=1)))),
    ("port-duplicate", component("slack", ports=(Port(name="https", number=1), Port(name="https", number=2)))),
    ("limit-below-request", part("auth-service", "resources", memory_limit_mib=128)),
    ("limit-below-request", part("auth-service", "resources", cpu_limit_m=50)),
    ("resources", component("coin-service", resources=None)),
    ("probes", component("coin-service", probes=None)),
    ("probe-port", lambda t: part("coin-service", "probes", liveness=replace(_liveness(t), port="htp"))(t)),
    ("liveness-deep", lambda t: part("coin-service", "probes", liveness=replace(_liveness(t), path="/ready"))(t)),
    ("disruption-budget", part("auth-service", "availability", max_unavailable=0)),
    ("disruption-budget", part("auth-service", "availability", max_unavailable=3)),
    ("grace", part("auth-service", "availability", grace_s=20)),
    ("single-replica", component("analytics-service", replicas=1)),
]

KEEPING: list[tuple[str, Break]] = [
    ("store-count", component("postgres", replicas=2)),
    ("slot-range", tags("sessions", last_slot=5461)),
    ("eviction", store("redis_cluster", eviction="allkeys-lru")),
    ("rto-below-detection", store("postgres", node_loss_detection_s=120)),
    ("rto-below-detection", store("redis_cluster", node_timeout_ms=15_000)),
    ("rto-below-detection", backup("postgres", rto_s=30)),
    ("patroni-ttl", store("postgres", engine="patroni", ttl_s=10)),
    ("patroni-ttl", store("postgres", engine="patroni", ttl_s=20, loop_wait_s=4, retry_timeout_s=9)),
    ("rpo-asynchronous", store("postgres", synchronous_any=0)),
    ("rpo-asynchronous", store("queue", wait_replicas=0)),
    ("rpo-asynchronous", store("queue", wait_replicas=2)),
    ("rpo-below-interval", backup("redis-cluster", rpo_s=60)),
    ("rpo-below-interval", backup("postgres", continuous="")),
    ("connections", store("pooler", pool_size=20)),
    ("connections", store("pooler", app_pool_max=100)),
    ("connections", store("pooler", mode="session")),
]

FACING: list[tuple[str, Break]] = [
    ("socket-way", without_link("edge", "ws-gateway")),
    ("socket-way", both(within("websocket", affinity=Affinity.COOKIE), without_link("ws-balancer", "ws-gateway"))),
    ("dns-cname", lambda t: surface(dns_records=(*t.surface.dns_records, replace(_record(t), name="api")))(t)),
    ("dns-missing", record("_dmarc", "TXT", name="_dmark")),
    ("dns-missing", record("sendgrid._domainkey", "CNAME", name="sendgrid")),
    ("dns-steering", lambda t: replace(t, regions=t.regions[:1])),
    ("dns-ttl", record("api", "A", ttl_s=3600)),
    ("domain-component", lambda t: surface(domains=tuple(replace(d, served_by="x") for d in t.surface.domains))(t)),
    ("tls", within("tls", version_min="1.0")),
    ("tls", within("tls", mode="Flexible")),
    ("header", header("X-Frame-Options")),
    ("cors", within("cors", origins=("*",))),
    ("cors", within("cors", origin_patterns=("https://*.vercel.app",))),
    ("limit-open", items("rate_limits", "magic-link-verify", fails_open=True)),
    ("limit-empty", items("rate_limits", "votes", count=0)),
]

OUTSIDE: list[tuple[str, Break]] = [
    ("dead-vendor", part("api-gateway", "image", repository="registry.k8s.io/ingress-nginx/controller")),
    ("dead-vendor", part("redis-queue", "image", repository="docker.io/bitnami/redis")),
    ("dead-chain", items("chains", "ethereum", chain_id=5)),
    ("dead-chain", items("chains", "polygon", chain_id=80_001)),
    ("test-chain", items("chains", "base", chain_id=84_532)),
    ("fallback", items("chains", "base", providers=("alchemy",))),
    ("alert-route", lambda t: replace(t, alert_routes=t.alert_routes[1:])),
    ("alert-route", lambda t: replace(t, alert_routes=tuple(replace(r, receiver="sms") for r in t.alert_routes))),
    ("escalation", lambda t: replace(t, escalation=replace(t.escalation, steps=t.escalation.steps[:1]))),
    (
        "escalation",
        lambda t: replace(
            t, escalation=replace(t.escalation, steps=(EscalationStep(after_minutes=9, target="a"),) * 2)
        ),
    ),
]

TELLING: list[tuple[str, Break]] = [
    ("reference", told("auth-service", APP_URL=PublicUrl(domain="nowhere"))),
    ("reference", told("auth-service", OTHER=OwnPort(port="grpc"))),
    ("reference", told("auth-service", ENCRYPTION_KEYS=Secret(name="lost"))),
    ("secret-default", items("secrets", "database-auth", default="changeme")),
    ("secret-rotation", items("secrets", "database-auth", rotation_days=0)),
    ("secret-literal", told("auth-service", ENCRYPTION_KEYS="k1:AAAA")),
    ("secret-reader", items("secrets", "stripe-secret-key", used_by=("nobody",))),
]

PROMISED: list[tuple[str, Break]] = [
    ("promise-budget", items("promises", "pods-auth", budget=None)),
    ("promise-proof", items("promises", "pods-auth", proof="")),
    ("promise-component", items("promises", "pods-auth", component="nobody")),
    ("promise-duplicate", items("promises", "pods-auth", name="pods-nft")),
]

# Declaring a fault of the design again is an error of its own, and of the rule it breaks where there is one.
FAULTS: list[tuple[set[str], Break]] = [
    ({"fault-1"}, within("vercel", uses_routes=True)),
    ({"fault-2", "dead-vendor"}, items("providers", "nft-storage", operation="upload")),
    ({"fault-2", "fallback"}, without_second_pin),
    ({"fault-3", "hash-tag"}, tags("rate-limits", tags=("s2",))),
    ({"fault-3"}, tags("vstudio", tags=())),
    ({"fault-3", "hash-tag"}, tags("sessions", tags=("s2", "s2", "v2"))),
    ({"fault-4"}, backup("redis-queue", rpo_s=None)),
    ({"fault-4", "rpo-asynchronous"}, store("queue", append_fsync="everysec")),
    ({"fault-5"}, within("vercel", passed_paths=())),
    ({"fault-6", "dns-feature"}, record("api", "A", routing="latency")),
    ({"fault-6", "dns-provider", "dns-feature"}, within("dns", routing_provider="hosts file")),
    ({"fault-6", "dns-feature"}, within("dns", routing_provider="octodns-cloudflare")),
    ({"fault-7", "image-unpinned"}, part("auth-service", "image", tag="latest")),
    ({"fault-7", "image-unpinned"}, part("auth-service", "image", digest="")),
    ({"fault-7", "spread"}, part("auth-service", "availability", spread=())),
    ({"fault-7"}, lambda t: replace(t, guard=replace(t.guard, default_deny=False))),
    ({"fault-8", "header"}, header("Content-Security-Policy")),
    ({"fault-9", "dead-vendor"}, lambda t: replace(t, escalation=replace(t.escalation, product="Grafana OnCall"))),
]

SINGLE = [*ARROWS, *PODS, *KEEPING, *FACING, *OUTSIDE, *TELLING, *PROMISED]
BREAKS: list[tuple[set[str], Break]] = [*(({rule}, change) for rule, change in SINGLE), *FAULTS]
IDS = [f"{number}-{'+'.join(sorted(rules))}" for number, (rules, _) in enumerate(BREAKS)]


def _liveness(t: Topology) -> Any:
    probes = t.component("coin-service").probes
    assert probes is not None
    return probes.liveness


def _record(t: Topology) -> DnsRecord:
    return next(record for record in t.surface.dns_records if record.name == "app")


def found(t: Topology) -> set[str]:
    return {note.rule for note in audit(t) if note.severity in {Severity.ERROR, Severity.WARNING}}


@pytest.mark.parametrize("environment", ["local", "staging", "production"])
def test_the_platform_has_nothing_to_mend_and_every_fault_resolved(environment: str) -> None:
    notes = audit(platform(environment))
    assert [note for note in notes if note.severity in {Severity.ERROR, Severity.WARNING}] == []
    assert {note.rule for note in notes if note.severity is Severity.RESOLVED} == {f"fault-{n}" for n in range(1, 10)}
    assert not has_errors(notes)


@pytest.mark.parametrize(("rules", "change"), BREAKS, ids=IDS)
def test_a_broken_platform_gets_exactly_its_note(rules: set[str], change: Break) -> None:
    assert found(change(platform("production"))) == rules


def test_absence_on_one_machine_must_be_explained() -> None:
    local = platform("local")
    assert all(component.arrives_in for component in local.components if component.name not in LOCAL_NOW)
    assert found(component("grafana", arrives_in="")(local)) == {"arrives-in"}


def test_a_promise_without_proof_is_counted_openly() -> None:
    notes = [note for note in audit(platform("production")) if note.rule == "promise-unproven"]
    assert [note.severity for note in notes] == [Severity.INFO]


def test_worst_comes_first_and_every_note_says_what_to_do() -> None:
    broken = component("redis-queue", replicas=3)(link("worker", "pinata", breaker=None)(platform("production")))
    notes = audit(broken)
    order = [list(Severity).index(note.severity) for note in notes]
    assert order == sorted(order)
    assert all(note.reason and note.remedy and note.component and note.rule for note in notes)


def test_every_rule_explains_itself() -> None:
    assert all(rule.__doc__ for rule in RULES)


def test_no_store_or_provider_link_is_retried_without_limit() -> None:
    for each in platform("production").links:
        if each.kind in {LinkKind.STORE, LinkKind.CALL}:
            assert each.retry_on in {RetryOn.CONNECT, RetryOn.NEVER}, each
