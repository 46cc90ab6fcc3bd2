"""Render one ServiceAccount per workload, without a token: nothing of ours calls the cluster's API.

Between: topology.declaration and workloads, migrations (name it).
Invariant: no token is mounted, by the account and by the pod; so no Role is needed either.
Errors: none.
Source: kubernetes.md checklist 4.
"""

from audifi.targets.kubernetes.documents import Json, document, metadata
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology


def account(topology: Topology, component: Component) -> Json:
    """Who a component's pods and jobs are to the cluster."""
    return document("v1", "ServiceAccount", metadata(topology, component), automountServiceAccountToken=False)
