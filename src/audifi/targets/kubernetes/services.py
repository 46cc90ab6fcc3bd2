"""Render Services: the name under which a workload is called, and names of single pods where an address needs one.

    auth-service      any ready pod, on every port                     PEERS, the gateway's routes, monitors
    ws-gateway        any ready pod                                    ws-balancer, addresses that name no pod
    ws-gateway-2      that pod, while it is ready                      the edge: /p/2/… (docs/decisions/0046)
    ws-gateway-pods   headless: gives each pod its name                the StatefulSet

Between: topology.declaration and everybody who calls.
Invariant: only the first kind carries the component's own `name` label, so a monitor that selects by it asks each pod
once.
Errors: none.
Source: https://kubernetes.io/docs/concepts/services-networking/service/ ("Traffic distribution").
"""

from typing import Final

from audifi.targets.kubernetes.documents import Json, document, labels, metadata, namespace, pods_service, selector
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology

POD_NAME: Final = "statefulset.kubernetes.io/pod-name"


def services(topology: Topology, component: Component, *, has_names: bool) -> tuple[Json, ...]:
    """A workload's Services; `has_names`: its pods keep their names."""
    common = _common(topology, component)
    if not has_names:
        return (common,)
    return (common, _headless(topology, component), *(_single(topology, component, pod) for pod in component.pods))


def _common(topology: Topology, component: Component) -> Json:
    spec: Json = {
        "type": "ClusterIP",
        "selector": selector(component),
        "ports": _ports(component),
        "trafficDistribution": "PreferSameZone",  # a call that leaves the zone costs a millisecond and money
    }
    return document("v1", "Service", metadata(topology, component), spec=spec)


def _headless(topology: Topology, component: Component) -> Json:
    spec: Json = {
        "type": "ClusterIP",
        "clusterIP": "None",
        "publishNotReadyAddresses": True,  # a pod has its name before it is ready
        "selector": selector(component),
        "ports": _ports(component),
    }
    return document("v1", "Service", _named(topology, component, pods_service(component)), spec=spec)


def _single(topology: Topology, component: Component, pod: str) -> Json:
    spec: Json = {
        "type": "ClusterIP",
        "selector": {**selector(component), POD_NAME: pod},
        "ports": [each for each in _ports(component) if each["name"] != "metrics"],
    }
    return document("v1", "Service", _named(topology, component, pod), spec=spec)


def _named(topology: Topology, component: Component, name: str) -> Json:
    return {"name": name, "namespace": namespace(topology, component), "labels": labels(component, name)}


def _ports(component: Component) -> list[Json]:
    return [
        {"name": port.name, "port": port.number, "targetPort": port.name, "protocol": "TCP"} for port in component.ports
    ]
