"""Compare every promise that the declaration alone decides with what is declared.

Between: pytest and topology.promises.
Invariant: every count, configuration and retention is compared, once; it proves that what is declared is what was
promised, and no more (`audifi prove` measures what runs).
"""

from collections.abc import Callable

import pytest

from audifi.topology.declaration import platform
from audifi.topology.detection import detection_s
from audifi.topology.model.compute import Component, Image, Probes, Resources
from audifi.topology.model.data import Backup
from audifi.topology.model.network import LinkKind
from audifi.topology.model.promise import Comparison, PromiseKind
from audifi.topology.model.whole import Topology
from audifi.topology.rules.keeping import slot

Measure = Callable[[Topology], float]


def pods(name: str) -> Measure:
    return lambda t: t.component(name).replicas


def hosted(name: str, host: str, *served_by: str) -> Measure:
    return lambda t: t.domain(name).host == host and t.domain(name).served_by in served_by


def record(name: str, type_: str, value: str) -> Measure:
    return lambda t: any((r.name, r.type) == (name, type_) and value in r.value for r in t.surface.dns_records)


def header(name: str, value: str) -> Measure:
    return lambda t: any(h.name == name and h.value.startswith(value) for h in t.surface.headers)


def rewrite(path: str, destination: str) -> Measure:
    return lambda t: any((r.source_path, r.destination) == (path, destination) for r in t.surface.vercel.rewrites)


def auth(t: Topology) -> Component:
    return t.component("auth-service")


def resources(t: Topology) -> Resources:
    found = auth(t).resources
    assert found is not None
    return found


def probes(t: Topology) -> Probes:
    found = auth(t).probes
    assert found is not None
    return found


def image(t: Topology) -> Image:
    found = auth(t).image
    assert found is not None
    return found


def backup(t: Topology, name: str) -> Backup:
    return next(backup for backup in t.stores.backups if backup.name == name)


def days(name: str) -> Measure:
    return lambda t: backup(t, name).retention_days or 0


def master(use: str) -> Measure:
    """The master whose slots hold every tag of the use: counted from the slots, not from what is claimed."""

    def measured(t: Topology) -> float:
        (group,) = [group for group in t.stores.redis_cluster.tags if group.use == use]
        size = 16_384 / t.stores.redis_cluster.masters
        masters = {int(slot(tag) // size) + 1 for tag in group.tags}
        return masters.pop() if len(masters) == 1 else 0

    return measured


def provider(name: str, vendor: str, *offers: str) -> Measure:
    return lambda t: any(p.name == name and p.vendor == vendor and set(offers) <= set(p.offers) for p in t.providers)


def signal(name: str, store: str) -> Measure:
    return lambda t: any((s.signal, s.store, s.view) == (name, store, "grafana") for s in t.telemetry)


def alerted(receiver: str) -> Measure:
    return lambda t: any(route.receiver == receiver for route in t.alert_routes) and bool(t.links_to(receiver))


def region(name: str, role: str, operation: str) -> Measure:
    return lambda t: any((r.name, r.role) == (name, role) and operation in r.operations for r in t.regions)


def data_is_private(t: Topology) -> float:
    zones = {component.name: component.zone for component in t.components}
    reached_from = {
        zones[link.source] for link in t.links if zones[link.target] == "data" and link.kind is not LinkKind.OBSERVE
    }
    return reached_from <= {"private", "data"}


FRONT: dict[str, Measure] = {
    "domain-hosts": lambda t: sum(domain.name != "www" for domain in t.surface.domains),
    "domain-apex": hosted("apex", "audifi.io", "frontend"),
    "domain-app": hosted("app", "app.audifi.io", "frontend"),
    "domain-api": hosted("api", "api.audifi.io", "api-gateway"),
    "domain-ws": hosted("ws", "ws.audifi.io", "ws-balancer"),
    "domain-studio": hosted("studio", "studio.audifi.io", "frontend", "ws-balancer"),
    "dns-apex": record("@", "A", "76.76.21.21"),
    "dns-www": record("www", "CNAME", "audifi.io."),
    "dns-app": record("app", "CNAME", "vercel-dns"),
    "dns-api": record("api", "A", "load balancer"),
    "dns-ws": record("ws", "A", "load balancer"),
    "dns-dmarc": record("_dmarc", "TXT", "p=quarantine"),
    "dns-mx": record("@", "MX", "sendgrid"),
    "dns-spf": record("@", "TXT", "v=spf1"),
    "dns-dkim": record("sendgrid._domainkey", "CNAME", "dkim"),
    "tls-edge": lambda t: t.surface.tls.option == "cloudflare-origin",
    "tls-origin": lambda t: "origin" in t.surface.tls.option,
    "tls-strict": lambda t: t.surface.tls.mode == "Full (strict)",
    "tls-wildcard": lambda t: t.surface.tls.wildcard,
    "header-hsts": header("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    "header-nosniff": header("X-Content-Type-Options", "nosniff"),
    "header-frames": header("X-Frame-Options", "DENY"),
    "header-xss": header("X-XSS-Protection", "1; mode=block"),
    "header-csp": header("Content-Security-Policy", "default-src 'self'"),
    "vercel-build": lambda t: t.surface.vercel.build_command == "npm run build",
    "vercel-output": lambda t: t.surface.vercel.output_directory == "dist",
    "vercel-api": rewrite("/api/(.*)", "https://api.audifi.io/api/$1"),
    "vercel-fallback": rewrite("/(.*)", "/index.html"),
    "vercel-frames": lambda t: ("X-Frame-Options", "DENY") in t.surface.vercel.headers,
    "fly-dockerfile": lambda t: t.surface.fly.dockerfile == "Dockerfile",
    "fly-port": lambda t: t.surface.fly.internal_port,
    "fly-https": lambda t: t.surface.fly.force_https,
    "fly-stop": lambda t: t.surface.fly.auto_stop,
    "fly-start": lambda t: t.surface.fly.auto_start,
    "fly-cpu": lambda t: t.surface.fly.cpus * (t.surface.fly.cpu_kind == "shared"),
    "fly-memory": lambda t: t.surface.fly.memory_mb,
}

INSIDE: dict[str, Measure] = {
    "pods-auth": pods("auth-service"),
    "pods-nft": pods("nft-service"),
    "pods-vstudio": pods("vstudio-service"),
    "pods-payment": pods("payment-service"),
    "pods-coin": pods("coin-service"),
    "pods-analytics": pods("analytics-service"),
    "pods-ws": pods("ws-gateway"),
    "private-network": data_is_private,
    "image-name": lambda t: image(t).repository == "ghcr.io/audifi/auth-service",
    "port-auth": lambda t: auth(t).port("http").number,
    "request-memory": lambda t: resources(t).memory_request_mib,
    "request-cpu": lambda t: resources(t).cpu_request_m,
    "limit-memory": lambda t: resources(t).memory_limit_mib,
    "limit-cpu": lambda t: resources(t).cpu_limit_m or 0,
    "liveness": lambda t: (probes(t).liveness.path, probes(t).liveness.port) == ("/health", "http"),
    "liveness-delay": lambda t: probes(t).liveness.initial_delay_s,
    "readiness": lambda t: (probes(t).readiness.path, probes(t).readiness.port) == ("/ready", "http"),
    "readiness-delay": lambda t: probes(t).readiness.initial_delay_s,
    "mesh": lambda t: t.mesh.name == "none" and {"istio", "linkerd"} == set(t.mesh.options),
    "ws-sticky": lambda t: t.surface.websocket.sticky,
    "rpc-primary": lambda t: all(chain.providers[0] == "alchemy" for chain in t.chains),
    "rpc-chains": lambda t: len({chain.chain_id for chain in t.chains} & {1, 137, 8453}),
    "rpc-fallback": lambda t: all(chain.providers[1] == "infura" for chain in t.chains),
    "rpc-pooling": lambda t: t.rpc.pooled,
    "rpc-retries": lambda t: t.rpc.retries,
    "rpc-breaker": lambda t: t.rpc.breaker_failures,
    "ipfs-primary": provider("pinata", "Pinata", "Pinning API"),
    "ipfs-gateway": provider("pinata", "Pinata", "Dedicated gateway"),
    "ipfs-regions": provider("pinata", "Pinata", "Regional redundancy"),
    "ipfs-backup": lambda t: sum(p.role == "second copy" for p in t.providers),
    "metrics": signal("metrics", "prometheus"),
    "logs": signal("logs", "loki"),
    "traces": signal("traces", "tempo"),
    "alerts": lambda t: any(link.target == "prometheus" for link in t.links_from("grafana")),
    "alerts-slack": alerted("slack"),
    "alerts-pagerduty": alerted("pagerduty"),
}

KEEPING: dict[str, Measure] = {
    "postgres-primary": lambda t: t.component("postgres").replicas - t.stores.postgres.replicas,
    "postgres-replicas": lambda t: t.stores.postgres.replicas,
    "postgres-pooling": lambda t: {link.source for link in t.links_to("postgres")} == {"pgbouncer", "prometheus"},
    "postgres-daily": lambda t: backup(t, "postgres").full_schedule.split()[2].isdigit(),
    "redis-nodes": pods("redis-cluster"),
    "redis-masters": lambda t: t.stores.redis_cluster.masters * (t.stores.redis_cluster.replicas_per_master == 1),
    "redis-sessions": master("sessions"),
    "redis-limits": master("rate-limits"),
    "redis-live": master("vstudio"),
    "queue": lambda t: t.stores.queue.component != t.stores.redis_cluster.component,
    "backup-postgres-hourly": lambda t: 3600 * (backup(t, "postgres").incremental_schedule.split()[2] == "*"),
    "backup-postgres-kept": days("postgres"),
    "backup-redis-daily": lambda t: 86_400 * backup(t, "redis-cluster").full_schedule.split()[2].isdigit(),
    "backup-redis-kept": days("redis-cluster"),
    "backup-ipfs": lambda t: backup(t, "ipfs").retention_days is None,
    "backup-secrets-change": lambda t: backup(t, "secrets").full_schedule == "on change",
    "backup-secrets-kept": days("secrets"),
    "region-primary": region("us-east-1", "primary", "write"),
    "region-secondary": region("eu-west-1", "secondary", "read"),
}

MEASURES = FRONT | INSIDE | KEEPING
PRODUCTION = platform("production")


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_what_is_declared_is_what_was_promised(name: str) -> None:
    (promise,) = [promise for promise in PRODUCTION.promises if promise.name == name]
    assert promise.budget is not None
    measured = float(MEASURES[name](PRODUCTION))
    holds = {
        Comparison.EQUAL: measured == promise.budget.amount,
        Comparison.AT_LEAST: measured >= promise.budget.amount,
        Comparison.AT_MOST: measured <= promise.budget.amount,
    }
    assert holds[promise.budget.comparison], f"{promise.sentence}: declared {measured:g}, promised {promise.budget}"


def test_everything_that_is_declared_is_compared_here() -> None:
    assert {promise.name for promise in PRODUCTION.promises if promise.is_declared} == set(MEASURES)


def test_the_designs_recovery_times_are_promised_to_the_second() -> None:
    budgets = {promise.name: promise.budget for promise in PRODUCTION.promises}
    for name, seconds in (("backup-postgres-rto", 3600), ("backup-redis-rto", 900), ("backup-secrets-rto", 1800)):
        budget = budgets[name]
        assert budget is not None
        assert (budget.comparison, budget.amount, budget.unit) == (Comparison.AT_MOST, seconds, "s")


@pytest.mark.parametrize("environment", ["local", "staging", "production"])
def test_no_recovery_is_promised_before_the_loss_is_noticed(environment: str) -> None:
    topology = platform(environment)
    for promise in topology.promises:
        if promise.kind is PromiseKind.RECOVERY_TIME:
            assert promise.budget is not None
            assert promise.budget.amount > detection_s(topology, promise.component, promise.fault), promise.name


def test_a_lost_node_is_promised_sooner_on_one_machine_than_in_the_cluster() -> None:
    def budget(environment: str) -> str:
        (promise,) = [p for p in platform(environment).promises if p.name == "postgres-node"]
        return str(promise.budget)

    assert (budget("local"), budget("production")) == ("≤ 30 s", "≤ 90 s")
