"""Say who may call whom, how patiently, and under which limits.

Between: topology.links (declares), targets.envoy (timeouts, retries, breakers), targets.kubernetes
(NetworkPolicy), topology.environments (gives a process only the addresses it has a link to), drills (cut links).
Units: *_ms milliseconds, *_s seconds, *_percent of requests.
Invariant: a link nobody declared does not exist.
Errors: none.
"""

from dataclasses import dataclass
from enum import StrEnum

from audifi.topology.model.compute import Zone


class LinkKind(StrEnum):
    """What flows; decides what a graph follows (graph.py)."""

    ROUTE = "route"  # a request from outside, passed on
    CALL = "call"  # one of ours asks another
    STORE = "store"  # data is kept there
    REPLICATE = "replicate"  # a component's pods among themselves or with their coordinator
    PROVIDER = "provider"  # leaves the platform
    BACKUP = "backup"  # copies leave the platform; nobody waits for them
    OBSERVE = "observe"  # metrics, logs, traces, alerts: the source works without it


class RetryOn(StrEnum):
    """Which failed attempts may be tried again."""

    NEVER = "never"
    CONNECT = "connect"  # only where no byte was sent: always safe
    IDEMPOTENT = "idempotent"  # GET, HEAD, OPTIONS, PUT, DELETE without effect on repetition
    KEYED = "keyed"  # also POST with an idempotency key
    ANY = "any"  # everything: refused by the audit unless the link only reads


@dataclass(frozen=True, kw_only=True, slots=True)
class Breaker:
    """When to stop trying. Source: domain.md 5.8."""

    failures: int = 5
    open_s: int = 30
    successes: int = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """An arrow: `source` may open connections to `port` of `target`."""

    source: str
    target: str
    port: str
    kind: LinkKind
    purpose: str
    connect_ms: int
    deadline_ms: int | None  # over all attempts; None: a stream, its own heartbeat governs
    retries: int = 0
    retry_on: RetryOn = RetryOn.NEVER
    backoff_ms: int = 0
    retry_budget_percent: int = 20
    breaker: Breaker | None = None
    writes: bool = False  # the call may change something at the target
    readiness: bool = False  # the source is not ready without it: decides the start order
    in_request: bool = True  # somebody outside waits for it: must fit into the gateway's deadline
    through: Zone | None = None  # where a layer-4 address passes it on; no program of ours reads it there
    source_text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimit:
    """At most `count` in `window_s`, sliding, per `per`."""

    name: str
    scope: str  # method and path, or "*"
    per: str  # ip | user | email | all
    count: int
    window_s: int
    burst_per_s: int | None = None
    fails_open: bool = False  # Redis lost: fall back to 1/replicas in process, never open (domain.md 5.5)
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Egress:
    """A host outside that may be reached on 443."""

    host: str
    enabled: bool
    purpose: str
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """The address range of a zone."""

    zone: str
    cidr: str
    accepts: tuple[str, ...]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mesh:
    """Service mesh: off, or which."""

    name: str  # none | linkerd | istio
    options: tuple[str, ...]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What every pod and namespace must keep to."""

    pod_security: str  # restricted | baseline | privileged
    read_only_root: bool
    run_as_user: int
    default_deny: bool  # NetworkPolicy: what no link declares is refused
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """Where the platform stands."""

    name: str
    role: str  # primary | secondary
    components: str
    operations: tuple[str, ...]
    source: str
