"""Render HorizontalPodAutoscalers: who grows with its load, from the design's number of pods.

Between: topology.cluster.scalings and the cluster's controller; workloads leave `replicas` out where one of these is.
Shape: grows as fast as by half at a time, shrinks by one pod a minute.
Invariant: the metric is CPU, and every scaled container requests some.
Errors: none.
Source: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/; kubernetes.md checklist 9.
"""

from audifi.targets.kubernetes.documents import Json, document, metadata
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology

MINUTE_S = 60


def scaler(topology: Topology, component: Component) -> Json | None:
    """What scales a component; None where its number is fixed (topology.cluster says why)."""
    scaling = topology.cluster.scaling(component.name)
    if scaling is None:
        return None
    return document(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        metadata(topology, component),
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": component.name},
            "minReplicas": component.replicas,
            "maxReplicas": scaling.replicas_max,
            "metrics": [
                {
                    "type": "ContainerResource",  # not of the pod: a sidecar that idles would hide a busy one
                    "containerResource": {
                        "name": "cpu",
                        "container": component.name,
                        "target": {"type": "Utilization", "averageUtilization": scaling.cpu_percent},
                    },
                }
            ],
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": scaling.grow_s,
                    "policies": [{"type": "Percent", "value": 50, "periodSeconds": MINUTE_S}],
                },
                "scaleDown": {
                    "stabilizationWindowSeconds": scaling.shrink_s,
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": MINUTE_S}],
                },
            },
        },
    )
