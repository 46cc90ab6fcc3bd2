"""Say what runs: components, their pods, ports, resources, probes and manners of stopping.

Between: topology.declaration (fills it), topology.audit (judges it), local and targets.kubernetes (start it).
Shape: a component has `replicas` pods named <component>-1 … <component>-n.
Units: *_m thousandths of a CPU, *_mib MiB, *_gib GiB, *_s seconds.
Invariant: frozen; every item says where its numbers come from (`source`).
Errors: `Component.port` raises KeyError with the ports that exist.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from audifi.topology.references import Value

PLACEHOLDER_DIGEST: Final = "sha256:" + "0" * 64


class Kind(StrEnum):
    """What a component is; decides who starts it and how."""

    EDGE = "edge"
    FRONTEND = "frontend"
    GATEWAY = "gateway"
    SERVICE = "service"
    WORKER = "worker"
    DATABASE = "database"
    COORDINATION = "coordination"
    BALANCER = "balancer"
    POOLER = "pooler"
    CACHE = "cache"
    QUEUE = "queue"
    OBSERVABILITY = "observability"
    CHAIN = "chain"  # a node of a blockchain; only one machine runs its own
    PROVIDER = "provider"  # a third party; on one machine a stand-in


class Zone(StrEnum):
    """Networks from outside to inside; traffic crosses one border at a time. Source: domain.md 5.3."""

    PUBLIC = "public"
    DMZ = "dmz"
    PRIVATE = "private"
    DATA = "data"
    OUTSIDE = "outside"  # third parties, reached through the egress allowlist


@dataclass(frozen=True, kw_only=True, slots=True)
class Port:
    """A named port. The number is the cluster's; on one machine local.ports allocates another."""

    name: str
    number: int
    public: bool = False  # reachable from the internet


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """What a pod may use. No CPU limit is allowed for what must answer fast; memory always has one."""

    cpu_request_m: int
    memory_request_mib: int
    memory_limit_mib: int
    cpu_limit_m: int | None = None
    storage_gib: int = 0
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """A question asked of a pod. `path` empty: the port accepts a connection."""

    port: str
    path: str = ""
    initial_delay_s: int = 0
    period_s: int = 10
    timeout_s: int = 1
    failures: int = 3

    @property
    def detection_s(self) -> int:
        """How long a pod may be broken before the probe says so, at worst."""
        return self.period_s * self.failures + self.timeout_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Probes:
    """Liveness asks only about the pod itself, readiness also about what it cannot serve without."""

    liveness: Probe
    readiness: Probe
    startup: Probe
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Availability:
    """How pods are kept apart, taken away and let go."""

    max_unavailable: int  # PodDisruptionBudget
    spread: tuple[str, ...]  # topology keys, e.g. zone and host
    drain_s: int  # keeps serving after it stops being ready: longer than endpoints take to propagate
    grace_s: int  # then killed: longer than drain plus the longest request
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """What a pod runs. `digest` is sha256:… or the word `release`: filled in when a release is rendered."""

    repository: str
    tag: str = ""
    digest: str = ""
    source: str

    @property
    def is_pinned(self) -> bool:
        """Whether it is known to the byte what will run."""
        return self.digest.startswith("sha256:")

    @property
    def reference(self) -> str:
        """repository[:tag]@digest; until a release is rendered, a digest that no image has."""
        tag = f":{self.tag}" if self.tag else ""
        if not self.digest:
            return self.repository + tag
        return f"{self.repository}{tag}@{self.digest if self.is_pinned else PLACEHOLDER_DIGEST}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """Something that runs."""

    name: str
    kind: Kind
    purpose: str
    zone: Zone
    replicas: int
    ports: tuple[Port, ...]
    source: str
    resources: Resources | None = None  # None: not ours to size (a provider, a hosted product)
    probes: Probes | None = None
    availability: Availability | None = None
    image: Image | None = None
    environment: tuple[tuple[str, Value], ...] = ()  # beyond what links and identity give (environments.py)
    stateless: bool = True
    single_because: str = ""  # why one pod is enough, where it is
    external_name: str = ""  # host name of a third party where this is one
    runs_locally: bool = False
    arrives_in: str = ""  # the part that will run it on one machine, while runs_locally is False
    stands_in: str = ""  # what one machine runs in its place, where that is another program

    def port(self, name: str) -> Port:
        """The port of that name."""
        for port in self.ports:
            if port.name == name:
                return port
        raise KeyError(f"{self.name} has no port {name!r}; it has {', '.join(port.name for port in self.ports)}")

    @property
    def pods(self) -> tuple[str, ...]:
        """<component>-1 … <component>-n."""
        return tuple(f"{self.name}-{number}" for number in range(1, self.replicas + 1))

    @property
    def short_name(self) -> str:
        """The name without -service: database role, schema, Redis prefix, queue group."""
        return self.name.removesuffix("-service")
