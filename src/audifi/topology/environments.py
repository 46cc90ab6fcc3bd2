"""Say how staging and one machine differ from production, and compute what every process is told.

Between: topology.declaration (`platform` calls `in_environment`), local and targets (start processes with
`process_environment`), tests/agreement (nothing read is unset, nothing set is unread).
Shape: an environment is a function Topology → Topology made of `dataclasses.replace`: differences, never a copy.
Invariant: a process is told the address of a target only if a link to it is declared and the target exists here.
Errors: KeyError for an environment or component that does not exist.
Source: domain.md 5.7 (origins), 5.8, 5.9 (environments); components.md 2 (Patroni's numbers).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from audifi.topology import links, outbound, promises, serving, stores, telemetry, thirdparties, zone
from audifi.topology.model.compute import Component, Kind, Port
from audifi.topology.model.edge import Rewrite
from audifi.topology.model.network import Link, LinkKind
from audifi.topology.model.observe import AlertRoute, Telemetry
from audifi.topology.model.whole import Topology
from audifi.topology.references import (
    DatabaseUrl,
    DetectedPgBouncer,
    Endpoints,
    Joined,
    ListenAddress,
    OwnPort,
    PeerUrls,
    PodName,
    PublicKeys,
    PublicUrl,
    ReleaseVersion,
    RunningReplicas,
    Secret,
    Url,
    Value,
)
from audifi.topology.secrets import WITH_IDENTITY, database_role, database_secret, signing_secret
from audifi.wire import environment

# What runs on one machine so far; the rest says which part brings it (Component.arrives_in).
LOCAL_NOW = frozenset(
    {
        "edge",
        "api-gateway",
        "ws-balancer",
        "ws-gateway",
        "auth-service",
        "pgbouncer",
        "postgres",
        "postgres-services",
        "etcd",
        "redis-cluster",
        "redis-queue",
        "mail",
        "nft-service",
        "vstudio-service",
        "payment-service",
        "coin-service",
        "analytics-service",
        "worker",
        "prometheus",
        "alertmanager",
        "blackbox-exporter",
        "redis-exporter",
        "node-exporter",
        "backups",
        *thirdparties.STANDINS,
        *(chain.name for chain in thirdparties.LOCAL_COMPONENTS),
    }
)


def in_environment(production: Topology, name: str) -> Topology:
    """The platform as that environment has it."""
    differences: Mapping[str, Callable[[Topology], Topology]] = {
        "production": lambda topology: topology,
        "staging": staging,
        "local": local,
    }
    if name not in differences:
        raise KeyError(f"there is no environment {name!r}; there are {', '.join(sorted(differences))}")
    return differences[name](production)


STAGING_HOSTS = {"apex": "staging.audifi.io", "app": "staging.audifi.io"}  # one web host (domain.md 9.11)


def staging(production: Topology) -> Topology:
    """Test networks, hosts below staging.audifi.io, its own database; the same pods, so that drills mean something."""
    kept = tuple(domain for domain in production.surface.domains if domain.name in {"apex", "app", "api", "ws"})
    surface = production.surface
    return replace(
        production,
        environment="staging",
        surface=replace(
            surface,
            domains=tuple(
                replace(domain, host=STAGING_HOSTS.get(domain.name, f"{domain.name}.staging.audifi.io"))
                for domain in kept
            ),
            dns=zone.dns_in_staging(surface.dns),
            dns_records=zone.in_staging(surface.dns_records),
            vercel=replace(surface.vercel, rewrites=tuple(_below_staging(each) for each in surface.vercel.rewrites)),
            cors=replace(
                surface.cors,
                origins=(PublicUrl(domain="app"),),
                origin_patterns=("https://audifi-frontend-*-audifi.vercel.app",),  # previews of our project only
            ),
        ),
        components=tuple(_with_origins(component, (PublicUrl(domain="app"),)) for component in production.components),
        chains=thirdparties.TEST_CHAINS,
        stores=replace(production.stores, postgres=replace(production.stores.postgres, database="audifi_staging")),
        regions=production.regions[:1],
    )


def _below_staging(rewrite: Rewrite) -> Rewrite:
    """Pages of staging never ask production."""
    return replace(rewrite, destination=rewrite.destination.replace("https://api.", "https://api.staging."))


def local(production: Topology) -> Topology:
    """One machine: hosts below audifi.localhost, Patroni in place of CloudNativePG, what runs so far marked."""
    hosts = {domain.name: domain.host.removesuffix(".io") + ".localhost" for domain in production.surface.domains}
    surface = _with_hosts(production, hosts).surface
    origins = (*surface.cors.origins, "http://localhost:5173", "http://localhost:3000")
    components = (
        *(_locally(component) for component in production.components),
        *stores.LOCAL_COMPONENTS,
        *telemetry.LOCAL_COMPONENTS,
        *thirdparties.LOCAL_COMPONENTS,
    )
    return replace(
        production,
        environment="local",
        components=tuple(_told_instead(_with_origins(each, origins), serving.LOCAL_VALUES) for each in components),
        links=tuple(_locally_linked(link) for link in production.links if _exists_locally(link)) + links.LOCAL_LINKS,
        surface=replace(
            surface,
            dns=replace(surface.dns, steering=()),
            cors=replace(surface.cors, origins=origins),
            tls=replace(surface.tls, option="local-ca", http3_at_edge=False),
        ),
        # Longer than the edge passes over a gateway that was away: it must not find the other one away as well.
        cluster=replace(production.cluster, rollout=replace(production.cluster.rollout, steady_s=2)),
        stores=replace(
            production.stores,
            pooler=replace(production.stores.pooler, pool_size=12),  # one pod here, two in the cluster
            postgres=replace(
                production.stores.postgres,
                database="audifi_dev",
                engine="patroni",
                ttl_s=20,  # Patroni's minimum: a lost node is noticed after it (components.md 2: 20.5 s)
                loop_wait_s=1,
                retry_timeout_s=3,
                primary_start_timeout_s=0,
                node_loss_detection_s=20,
            ),
        ),
        telemetry=tuple(_watched_closely(signal) for signal in production.telemetry),
        watching=telemetry.LOCAL_WATCHING,
        alert_routes=tuple(_told_soon(route) for route in production.alert_routes),
        promises=promises.on_one_machine(production.promises),
        regions=production.regions[:1],
    )


def process_environment(topology: Topology, component_name: str) -> dict[str, Value]:
    """Everything a process of ours is told, as late-bound values; empty for programs that are not ours.

    Shape: keyed by wire.environment's names, in their order there.
    """
    component = topology.component(component_name)
    if component_name not in WITH_IDENTITY:
        return {}
    told: dict[str, Value] = {
        environment.SERVICE: component.name,
        environment.POD: PodName(),
        environment.ENVIRONMENT: topology.environment,
        environment.VERSION: ReleaseVersion(),
        environment.REPLICAS: RunningReplicas(),
        environment.LOG_LEVEL: "debug" if topology.environment == "staging" else "info",
        environment.HTTP_HOST: ListenAddress(),
        environment.HTTP_PORT: OwnPort(port="http"),
        environment.METRICS_PORT: OwnPort(port="metrics"),
        environment.DRAIN_S: str(_drain_s(topology, component)),
    }
    for link in topology.links_from(component_name):
        told.update(_told_by(topology, link))
    told.update(_peers(topology, component_name))
    told.update(outbound.chains(topology, component_name))
    told.update(_identity(topology, component_name))
    told.update(serving.EVERYWHERE)
    if topology.environment == "local":
        told.update(serving.ON_ONE_MACHINE)
    told.update(component.environment)
    return told


def _told_by(topology: Topology, link: Link) -> dict[str, Value]:  # noqa: PLR0911  # one per kind of target
    """The variables that a link puts into its source's environment."""
    target = topology.component(link.target)
    if target.name == "pgbouncer":
        return _database(topology, link.source)
    if target.kind is Kind.CACHE:
        return {
            environment.REDIS_NODES: Endpoints(component=target.name, port=link.port),
            environment.REDIS_PASSWORD: Secret(name=f"{target.name}-password"),
        }
    if target.kind is Kind.QUEUE:
        return {
            environment.QUEUE_URL: Url(scheme="redis", component=target.name, port=link.port),
            environment.QUEUE_PASSWORD: Secret(name=f"{target.name}-password"),
            environment.QUEUE_WAIT_REPLICAS: str(topology.stores.queue.wait_replicas),
        }
    if target.name == "mail":
        return _mail(topology, link)
    if target.name == "stripe":
        return outbound.stripe(topology)
    if target.name in outbound.PINNING:
        return outbound.PINNING[target.name](topology)
    if link.port == "otlp" and _exists_here(topology, target):
        return {environment.OTLP_URL: Url(scheme="http", component=target.name, port=link.port)}
    if target.name == "auth-service":
        path = "/.well-known/jwks.json"
        return {environment.JWKS_URL: Url(scheme="http", component=target.name, port=link.port, path=path)}
    return {}


def _mail(topology: Topology, link: Link) -> dict[str, Value]:
    told: dict[str, Value] = {environment.MAIL_URL: Url(scheme="smtp", component=link.target, port=link.port)}
    if topology.environment != "local":  # the stand-in asks for no password
        told[environment.MAIL_PASSWORD] = Secret(name="mail-password")
    return told


def _database(topology: Topology, component_name: str) -> dict[str, Value]:
    pooler = topology.stores.pooler
    role = database_role(component_name)

    def url(database: str) -> DatabaseUrl:
        return DatabaseUrl(role=role, component=pooler.component, port="pgbouncer", database=database)

    return {
        environment.DATABASE_WRITER_URL: url(pooler.writer_database),
        environment.DATABASE_READER_URL: url(pooler.reader_database),
        environment.DATABASE_PASSWORD: Secret(name=database_secret(component_name)),
        # In the cluster the pooler's image is ours to choose, and it is newer than 1.21.
        environment.DATABASE_PREPARED_STATEMENTS: DetectedPgBouncer() if topology.environment == "local" else "true",
    }


def _identity(topology: Topology, component_name: str) -> dict[str, Value]:
    """Its private key, and the public keys of those who have a declared link to it and nobody else."""
    callers = {
        link.source
        for link in topology.links_to(component_name)
        if link.kind is LinkKind.CALL and link.source in WITH_IDENTITY
    }
    return {
        environment.INTERNAL_SIGNING_KEY: Secret(name=signing_secret(component_name)),
        environment.INTERNAL_CALLER_KEYS: PublicKeys(secrets=tuple(signing_secret(name) for name in sorted(callers))),
    }


def _peers(topology: Topology, component_name: str) -> dict[str, Value]:
    """Where the services are that it may call."""
    called = [
        PeerUrls(component=link.target, port=link.port)
        for link in topology.links_from(component_name)
        if link.kind is LinkKind.CALL and _exists_here(topology, topology.component(link.target))
    ]
    return {environment.PEERS: Joined(values=tuple(called))}


def _drain_s(topology: Topology, component: Component) -> int:
    """How long to keep serving after readiness is gone.

    On one machine Envoy asks every second and takes one failure for an answer, so 2 s are enough; in the cluster
    endpoints must propagate first (shapes.availability).
    """
    if topology.environment == "local" or component.availability is None:
        return 2
    return component.availability.drain_s


def _exists_here(topology: Topology, component: Component) -> bool:
    return topology.environment != "local" or component.runs_locally


def _exists_locally(link: Link) -> bool:
    return (link.source, link.target) != ("pgbouncer", "postgres")  # HAProxy stands between


def _locally_linked(link: Link) -> Link:
    """A stand-in speaks its provider's protocol without TLS."""
    return replace(link, port="http") if link.target in thirdparties.STANDINS else link


def _locally(component: Component) -> Component:
    """The same component on one machine: runs now, or says which part brings it."""
    component = replace(component, runs_locally=component.name in LOCAL_NOW)
    if component.name in thirdparties.STANDINS:  # the numbers only name them, local.ports allocates
        return replace(component, ports=thirdparties.STANDIN_PORTS)
    match component.name:
        case "mail":  # the stand-in's own ports; the numbers only name them, local.ports allocates
            return replace(component, ports=(Port(name="smtp", number=1025), Port(name="http", number=8025)))
        case "pgbouncer" | "prometheus" | "alertmanager":
            return replace(component, replicas=1, single_because="one machine is one failure domain")
        case "edge":
            return replace(component, ports=(*component.ports, Port(name="metrics", number=9113)))
        case _:
            return component


def _watched_closely(signal: Telemetry) -> Telemetry:
    """A drill that lasts a minute needs more than four samples."""
    return replace(signal, interval_s=telemetry.LOCAL_SCRAPE_S) if signal.signal == "metrics" else signal


def _told_soon(route: AlertRoute) -> AlertRoute:
    """The same waiting, at the pace of one machine."""
    pace = telemetry.LOCAL_WATCHING.pace
    return replace(route, group_wait_s=route.group_wait_s // pace, repeat_s=route.repeat_s // pace)


def _with_hosts(topology: Topology, hosts: Mapping[str, str]) -> Topology:
    domains = tuple(replace(domain, host=hosts[domain.name]) for domain in topology.surface.domains)
    return replace(topology, surface=replace(topology.surface, domains=domains))


def _with_origins(component: Component, origins: tuple[Value, ...]) -> Component:
    """A page of ours has another address here."""
    return _told_instead(component, {environment.CORS_ORIGINS: Joined(values=origins)})


def _told_instead(component: Component, changed: Mapping[str, Value]) -> Component:
    told = tuple((name, changed.get(name, value)) for name, value in component.environment)
    return replace(component, environment=told)
