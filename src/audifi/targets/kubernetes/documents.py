"""Name things in the cluster, once: labels, namespaces, addresses, and the head of every document.

Between: every module of this folder.
Shape: a document is plain data in the order in which people read it. Which fields exist is judged by Kubernetes' own
schema (tests/agreement/kubernetes), strictly and for two versions, not by types of ours.

    who                  label                                     who selects by it
    a set of equal pods  app.kubernetes.io/name: auth-service      Deployment, Service, PodDisruptionBudget, monitors
    who they act as      audifi.io/component: auth-service         NetworkPolicies: also its migration and other jobs
    where they stand     audifi.io/zone: private                   nobody; people

Invariant: selector labels never change: Kubernetes refuses to change a Deployment's. A job's pods have another
`name`, so no Service sends them requests and no disruption budget counts them.
Errors: KeyError for a component whose kind has no namespace.
Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
"""

from collections.abc import Mapping
from typing import Any

from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology

Json = dict[str, Any]

NAME = "app.kubernetes.io/name"
COMPONENT = "audifi.io/component"
ZONE = "audifi.io/zone"


def selector(component: Component) -> dict[str, str]:
    """What all pods of a component have and no other pod has."""
    return {NAME: component.name}


def identity(component: Component) -> dict[str, str]:
    """What everything has that may use the component's links: its pods and its jobs."""
    return {COMPONENT: component.name}


def labels(component: Component, name: str = "") -> dict[str, str]:
    """All labels of a component's pods and documents; of a job's under the job's own name."""
    return {
        NAME: name or component.name,
        "app.kubernetes.io/component": component.kind.value,
        "app.kubernetes.io/part-of": "audifi",
        "app.kubernetes.io/managed-by": "audifi",
        COMPONENT: component.name,
        ZONE: component.zone.value,
    }


def namespace(topology: Topology, component: Component) -> str:
    """Where a component's pods are."""
    return topology.cluster.namespace(component.kind).name


def host(topology: Topology, component: Component) -> str:
    """The name of a component's Service, which any ready pod answers; of a third party its own."""
    if component.external_name:
        return component.external_name
    return f"{component.name}.{namespace(topology, component)}.svc.{topology.cluster.dns_domain}"


def pods_service(component: Component) -> str:
    """The headless Service that names each pod (Prometheus finds pods by it, a StatefulSet's pods are named by it)."""
    return f"{component.name}-pods"


def pod_host(topology: Topology, component: Component, pod: str) -> str:
    """The name of one pod of a StatefulSet whose ordinals start at 1, like Component.pods."""
    place = f"{namespace(topology, component)}.svc.{topology.cluster.dns_domain}"
    return f"{pod}.{pods_service(component)}.{place}"


def document(
    api_version: str,
    kind: str,
    metadata: Mapping[str, object],
    **body: object,
) -> Json:
    """A document: what it is, how it is called, and the rest as given (`spec=…`, `data=…`)."""
    return {"apiVersion": api_version, "kind": kind, "metadata": dict(metadata), **body}


def metadata(
    topology: Topology, component: Component, name: str = "", annotations: Mapping[str, str] | None = None
) -> Json:
    """A component's document in its namespace, under the component's name or another one."""
    described: Json = {
        "name": name or component.name,
        "namespace": namespace(topology, component),
        "labels": labels(component),
    }
    if annotations:
        described["annotations"] = dict(annotations)
    return described
