"""Hold the whole platform of one environment: everything that is declared, with look-ups by name.

Between: topology.declaration (builds it) and everyone who reads it.
Shape: tuples in the order of the declaration, which is the order of the design.
Invariant: frozen; a change is `dataclasses.replace` (environments.py).
Errors: look-ups raise KeyError and say which names exist.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from audifi.topology.model.cluster import Cluster
from audifi.topology.model.compute import Component
from audifi.topology.model.data import Backup, Pooler, Postgres, Queue, RedisCluster, SecretDeclaration
from audifi.topology.model.edge import (
    CacheRule,
    Cdn,
    Cors,
    Dns,
    DnsRecord,
    Domain,
    Fly,
    Header,
    Tls,
    Vercel,
    WafRule,
    WebSocket,
)
from audifi.topology.model.network import Egress, Guard, Link, Mesh, Network, RateLimit, Region
from audifi.topology.model.observe import AlertRoute, Escalation, Telemetry, Watching
from audifi.topology.model.promise import Promise
from audifi.topology.model.providers import Chain, Provider, RpcPolicy


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def _by_name(items: Iterable[T], name: str, what: str) -> T:
    known: list[str] = []
    for item in items:
        if item.name == name:
            return item
        known.append(item.name)
    raise KeyError(f"there is no {what} {name!r}; there are {', '.join(known)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Surface:
    """What the internet sees."""

    domains: tuple[Domain, ...]
    dns: Dns
    dns_records: tuple[DnsRecord, ...]
    cdn: Cdn
    tls: Tls
    headers: tuple[Header, ...]
    cache_rules: tuple[CacheRule, ...]
    waf_rules: tuple[WafRule, ...]
    cors: Cors
    vercel: Vercel
    fly: Fly
    websocket: WebSocket


@dataclass(frozen=True, kw_only=True, slots=True)
class Stores:
    """Where data is kept."""

    postgres: Postgres
    pooler: Pooler
    redis_cluster: RedisCluster
    queue: Queue
    backups: tuple[Backup, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Topology:
    """The platform in one environment."""

    environment: str  # local | staging | production
    components: tuple[Component, ...]
    links: tuple[Link, ...]
    surface: Surface
    stores: Stores
    secrets: tuple[SecretDeclaration, ...]
    networks: tuple[Network, ...]
    egress: tuple[Egress, ...]
    rate_limits: tuple[RateLimit, ...]
    providers: tuple[Provider, ...]
    chains: tuple[Chain, ...]
    rpc: RpcPolicy
    mesh: Mesh
    guard: Guard
    regions: tuple[Region, ...]
    cluster: Cluster
    telemetry: tuple[Telemetry, ...]
    watching: Watching
    alert_routes: tuple[AlertRoute, ...]
    escalation: Escalation
    promises: tuple[Promise, ...]

    def component(self, name: str) -> Component:
        """The component of that name."""
        return _by_name(self.components, name, "component")

    def domain(self, name: str) -> Domain:
        """The domain of that name (api, app, …), not of that host."""
        return _by_name(self.surface.domains, name, "domain")

    def secret(self, name: str) -> SecretDeclaration:
        """The declared secret of that name."""
        return _by_name(self.secrets, name, "secret")

    def links_from(self, component: str) -> tuple[Link, ...]:
        """The links a component opens."""
        return tuple(link for link in self.links if link.source == component)

    def links_to(self, component: str) -> tuple[Link, ...]:
        """The links opened to a component."""
        return tuple(link for link in self.links if link.target == component)

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The hosts."""
        return self.surface.domains

    @property
    def dns_records(self) -> tuple[DnsRecord, ...]:
        """The zone."""
        return self.surface.dns_records

    @property
    def headers(self) -> tuple[Header, ...]:
        """What every answer carries."""
        return self.surface.headers

    @property
    def backups(self) -> tuple[Backup, ...]:
        """What is copied where."""
        return self.stores.backups
