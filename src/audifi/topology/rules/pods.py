"""Judge what runs: ports, resources, probes, images, how many and how far apart.

Between: topology.audit (runs RULES). Source of each rule: its docstring.
Units: MiB, thousandths of a CPU, seconds.
Errors: none; findings are notes.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from audifi.topology.model.compute import Component, Kind
from audifi.topology.model.network import LinkKind
from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, Rule, error, warning

# Kinds whose pods are ours to start in a cluster; the others are products, or stand-ins for them.
OURS: Final = frozenset({Kind.GATEWAY, Kind.SERVICE, Kind.WORKER, Kind.DATABASE, Kind.POOLER, Kind.CACHE, Kind.QUEUE})


def _ours(topology: Topology) -> Iterator[Component]:
    return (component for component in topology.components if component.kind in OURS)


def _in_cluster(topology: Topology) -> Iterator[Component]:
    if topology.environment != "local":
        yield from _ours(topology)


def names_are_unique(topology: Topology) -> Iterator[Note]:
    """Names are identity everywhere: pods, DNS, roles, metrics."""
    for name, count in Counter(component.name for component in topology.components).items():
        if count > 1:
            yield error("component-duplicate", name, f"{count} components have this name", "rename all but one")


def ports_are_unique(topology: Topology) -> Iterator[Note]:
    """Two ports of one pod cannot share a number, nor a name."""
    for component in topology.components:
        for what, counts in (
            ("number", Counter(str(port.number) for port in component.ports)),
            ("name", Counter(port.name for port in component.ports)),
        ):
            for value, count in counts.items():
                if count > 1:
                    reason = f"{count} ports have the {what} {value}"
                    yield error("port-duplicate", component.name, reason, f"give each port its own {what}")


def limits_cover_requests(topology: Topology) -> Iterator[Note]:
    """A limit below the request is refused by Kubernetes."""
    for component in topology.components:
        size = component.resources
        if size is None:
            continue
        if size.memory_limit_mib < size.memory_request_mib:
            reason = f"memory limit {size.memory_limit_mib} MiB is below its request {size.memory_request_mib} MiB"
            yield error("limit-below-request", component.name, reason, "raise the limit or lower the request")
        if size.cpu_limit_m is not None and size.cpu_limit_m < size.cpu_request_m:
            reason = f"CPU limit {size.cpu_limit_m}m is below its request {size.cpu_request_m}m"
            yield error("limit-below-request", component.name, reason, "raise the limit or lower the request")


def sizes_are_known(topology: Topology) -> Iterator[Note]:
    """A pod without requests is the first to be evicted (kubernetes.md checklist 2)."""
    for component in _in_cluster(topology):
        if component.resources is None:
            yield error("resources", component.name, "no resources are declared", "declare requests and a memory limit")


def probes_are_declared(topology: Topology) -> Iterator[Note]:
    """Without readiness, requests reach pods that cannot serve; a probe of a port that is not there never passes."""
    for component in _in_cluster(topology):
        if component.probes is None:
            yield error("probes", component.name, "no probes are declared", "declare liveness, readiness and startup")
            continue
        ports = {port.name for port in component.ports}
        for what in ("liveness", "readiness", "startup"):
            port = getattr(component.probes, what).port
            if port not in ports:
                reason = f"the {what} probe asks port {port}, which is not declared"
                yield error("probe-port", component.name, reason, "name a declared port")


def liveness_is_shallow(topology: Topology) -> Iterator[Note]:
    """If liveness asks the database, one blip of it restarts every pod (domain.md 9.30)."""
    for component in _in_cluster(topology):
        probes = component.probes
        if probes and probes.liveness.path and probes.liveness.path == probes.readiness.path:
            reason = f"liveness and readiness both ask {probes.liveness.path}"
            yield error("liveness-deep", component.name, reason, "let liveness ask /health, readiness /ready")


def pods_are_kept_apart(topology: Topology) -> Iterator[Note]:
    """Without spread one node takes all pods; without a disruption budget one drain does (architecture.md 6.7)."""
    for component in _in_cluster(topology):
        kept = component.availability
        if kept is None or not kept.spread:
            yield error(
                "spread", component.name, "pods are not spread over nodes and zones", "declare availability.spread"
            )
        if kept is None or not 0 < kept.max_unavailable < max(component.replicas, 2):
            yield error(
                "disruption-budget",
                component.name,
                "no disruption budget that lets one pod go and keeps another",
                "declare 0 < max_unavailable < replicas",
            )


def stopping_is_graceful(topology: Topology) -> Iterator[Note]:
    """A pod killed before its longest request ends breaks that request (kubernetes.md checklist 6)."""
    for component in _in_cluster(topology):
        longest_s = max(
            (
                (link.deadline_ms or 0) // 1000
                for link in topology.links_to(component.name)
                if link.kind is LinkKind.ROUTE
            ),
            default=0,
        )
        kept = component.availability
        if kept is not None and kept.grace_s < kept.drain_s + longest_s:
            reason = (
                f"grace {kept.grace_s} s is shorter than drain {kept.drain_s} s plus the longest request {longest_s} s"
            )
            yield error("grace", component.name, reason, f"raise grace_s to at least {kept.drain_s + longest_s}")


def images_are_pinned(topology: Topology) -> Iterator[Note]:
    """A tag moves; `:latest` moves most (architecture.md 6.7)."""
    for component in _in_cluster(topology):
        image = component.image
        if image is None or image.tag == "latest" or not image.digest:
            what = "no image" if image is None else f"{image.repository}:{image.tag or 'untagged'}"
            yield error(
                "image-unpinned", component.name, f"{what} is not pinned by digest", "name sha256:… or `release`"
            )


def losing_one_is_survived(topology: Topology) -> Iterator[Note]:
    """A single pod is down at every rollout and every lost node."""
    for component in _in_cluster(topology):
        if component.stateless and component.replicas < 2 and not component.single_because:
            reason = f"{component.replicas} replica of a stateless component"
            yield error("single-replica", component.name, reason, "run at least two, or say why one is enough")


def absence_is_explained(topology: Topology) -> Iterator[Note]:
    """What does not run on one machine yet must say when it will."""
    if topology.environment != "local":
        return
    for component in topology.components:
        if not component.runs_locally and not component.arrives_in:
            reason = "it does not run on one machine and does not say when it will"
            yield warning("arrives-in", component.name, reason, "set arrives_in, or run it")


RULES: Final[tuple[Rule, ...]] = (
    names_are_unique,
    ports_are_unique,
    limits_cover_requests,
    sizes_are_known,
    probes_are_declared,
    liveness_is_shallow,
    pods_are_kept_apart,
    stopping_is_graceful,
    images_are_pinned,
    losing_one_is_survived,
    absence_is_explained,
)
