"""Render PodDisruptionBudgets: how many pods of a workload may be taken away on purpose at the same time.

Between: topology.model.compute.Availability and whoever drains a node.
Invariant: never none, or a node could not be drained; a pod that is broken anyway may always be evicted.
Errors: none.
Source: https://kubernetes.io/docs/tasks/run-application/configure-pdb/; kubernetes.md checklist 8.
"""

from audifi.targets.kubernetes.documents import Json, document, metadata, selector
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology


def budget(topology: Topology, component: Component) -> Json | None:
    """The budget of a component; None where it says nothing of its availability."""
    if component.availability is None:
        return None
    return document(
        "policy/v1",
        "PodDisruptionBudget",
        metadata(topology, component),
        spec={
            "maxUnavailable": component.availability.max_unavailable,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(component)},
        },
    )
