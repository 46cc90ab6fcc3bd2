"""Say what a Kubernetes cluster must bring, how pods rank and how far they scale.

Between: topology.cluster (fills it), targets.kubernetes (renders it).
Units: *_s seconds, *_mib MiB, *_gib GiB, *_m thousandths of a CPU, *_percent.
Invariant: frozen; every component that is scaled has its smallest number in `Component.replicas`.
Errors: KeyError where no namespace or priority takes a kind.
"""

from dataclasses import dataclass

from audifi.topology.model.compute import Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Namespace:
    """A part of the cluster with its own limits; holds the components of these kinds."""

    name: str
    purpose: str
    kinds: tuple[Kind, ...]
    headroom_percent: int  # of what its pods need at their most, for jobs and pods that operators start
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Priority:
    """Who stays when a node is full: higher first."""

    name: str
    value: int
    kinds: tuple[Kind, ...]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """A component that grows with its load, from `Component.replicas` to `replicas_max`."""

    component: str
    replicas_max: int
    cpu_percent: int  # of the CPU request
    grow_s: int  # how long load must last before pods are added
    shrink_s: int  # and before one is taken away
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """How new pods take over from old ones."""

    surge: int  # so many more than wanted meanwhile; none fewer
    steady_s: int  # a new pod must stay ready so long before the next old one goes
    deadline_s: int  # then the rollout has failed
    revisions: int  # kept to go back to
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JobPolicy:
    """How often a job is tried and how long it may take; when its pods are cleared away."""

    tries: int
    deadline_s: int
    kept_s: int
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedVolume:
    """A directory that several components see (references.SharedDirectory)."""

    name: str
    storage_class: str
    size_gib: int
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """What is Kubernetes' own about the platform."""

    version_min: str  # what is rendered is checked with this version and the next
    dns_domain: str
    namespaces: tuple[Namespace, ...]
    priorities: tuple[Priority, ...]
    scalings: tuple[Scaling, ...]
    shared_volumes: tuple[SharedVolume, ...]
    rollout: Rollout
    migration: JobPolicy
    pre_stop_s: int  # a pod that is taken away hears of it so much later than everybody else
    scratch_mib: int  # what a pod may write to /tmp
    user_namespaces: bool  # hostUsers: false; needs nodes that map users
    source: str

    def namespace(self, kind: Kind) -> Namespace:
        """Where components of that kind are."""
        for namespace in self.namespaces:
            if kind in namespace.kinds:
                return namespace
        raise KeyError(f"no namespace holds components of kind {kind}")

    def priority(self, kind: Kind) -> Priority:
        """How pods of that kind rank."""
        for priority in self.priorities:
            if kind in priority.kinds:
                return priority
        raise KeyError(f"no priority is given to components of kind {kind}")

    def scaling(self, component: str) -> Scaling | None:
        """How far it grows; None where its number is fixed."""
        return next((each for each in self.scalings if each.component == component), None)
