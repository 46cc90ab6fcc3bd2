"""Render what pods stand in: namespaces that enforce Pod Security, their limits, and who stays when a node is full.

Between: topology.cluster and the cluster's admission.
Shape: a namespace's quota is what its pods need at their most while one more of each is rolled out, with headroom.
Units: thousandths of a CPU, MiB, GiB.
Invariant: no quota on CPU limits: what must answer fast has none (model.compute.Resources).
Errors: none.
Source: https://kubernetes.io/docs/concepts/security/pod-security-admission/; kubernetes.md checklist, Namespace.
"""

from audifi.targets.kubernetes.documents import Json, document
from audifi.topology.model.cluster import Namespace
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology

CONTAINER_DEFAULT_MIB = 256  # what a container gets that asks for nothing: an operator's, never one of ours
CONTAINER_DEFAULT_M = 100


def documents(topology: Topology) -> tuple[Json, ...]:
    """Priorities, then each namespace with its limits."""
    cluster = topology.cluster
    priorities = [
        document(
            "scheduling.k8s.io/v1",
            "PriorityClass",
            {"name": each.name, "labels": _labels()},
            value=each.value,
            globalDefault=False,
            preemptionPolicy="PreemptLowerPriority",
            description=f"{', '.join(each.kinds)}: {each.source}",
        )
        for each in cluster.priorities
    ]
    places = [
        each
        for namespace in cluster.namespaces
        for each in (_namespace(topology, namespace), _quota(topology, namespace), _limits(topology, namespace))
    ]
    return (*priorities, *places)


def pods_at_most(topology: Topology, component: Component) -> int:
    """How many pods of a component there are at its busiest while it is rolled out."""
    scaling = topology.cluster.scaling(component.name)
    return (scaling.replicas_max if scaling else component.replicas) + topology.cluster.rollout.surge


def components(topology: Topology, namespace: Namespace) -> tuple[Component, ...]:
    """What runs in it."""
    return tuple(each for each in topology.components if each.kind in namespace.kinds and each.resources)


def _namespace(topology: Topology, namespace: Namespace) -> Json:
    guard = topology.guard
    enforced = {
        f"pod-security.kubernetes.io/{mode}{suffix}": value
        for mode in ("enforce", "audit", "warn")
        for suffix, value in (("", guard.pod_security), ("-version", f"v{topology.cluster.version_min}"))
    }
    return document(
        "v1",
        "Namespace",
        {
            "name": namespace.name,
            "labels": {**_labels(), **enforced},
            "annotations": {"audifi.io/purpose": namespace.purpose},
        },
    )


def _quota(topology: Topology, namespace: Namespace) -> Json:
    def most(of: str) -> int:
        needed = sum(
            pods_at_most(topology, each) * getattr(each.resources, of) for each in components(topology, namespace)
        )
        return needed * (100 + namespace.headroom_percent) // 100

    pods = sum(pods_at_most(topology, each) for each in components(topology, namespace))
    hard = {
        "pods": str(pods * (100 + namespace.headroom_percent) // 100),
        "requests.cpu": f"{most('cpu_request_m')}m",
        "requests.memory": f"{most('memory_request_mib')}Mi",
        "limits.memory": f"{most('memory_limit_mib')}Mi",
        "requests.storage": f"{2 * most('storage_gib') + _shared_gib(topology)}Gi",  # twice: WAL, and a restored copy
    }
    return document("v1", "ResourceQuota", _metadata(namespace, "most"), spec={"hard": hard})


def _shared_gib(topology: Topology) -> int:
    return sum(each.size_gib for each in topology.cluster.shared_volumes)


def _limits(topology: Topology, namespace: Namespace) -> Json:
    largest = max(each.resources.memory_limit_mib for each in components(topology, namespace) if each.resources)
    return document(
        "v1",
        "LimitRange",
        _metadata(namespace, "container"),
        spec={
            "limits": [
                {
                    "type": "Container",
                    "defaultRequest": {"cpu": f"{CONTAINER_DEFAULT_M}m", "memory": f"{CONTAINER_DEFAULT_MIB}Mi"},
                    "default": {"memory": f"{CONTAINER_DEFAULT_MIB}Mi"},
                    "max": {"memory": f"{2 * largest}Mi"},
                }
            ]
        },
    )


def _metadata(namespace: Namespace, name: str) -> Json:
    return {"name": name, "namespace": namespace.name, "labels": _labels()}


def _labels() -> dict[str, str]:
    return {"app.kubernetes.io/part-of": "audifi", "app.kubernetes.io/managed-by": "audifi"}
