"""Read a rendered set as its cluster will: objects by kind and name, and the pods that each of them makes.

Between: rules/ and reach.py (judge what they find here) and the documents of every module of this folder.
Shape: `Objects` holds the set; a `Workload` is whatever brings pods: ours by their templates, and those that an
operator makes from a custom resource (Cluster, Pooler, Gateway), by the labels that the operator documents.
Invariant: pure; nothing is judged here; what is absent reads as None, an empty list or an empty mapping.
Errors: none for a document of any shape: the schemas judge shapes.
Source: labels of pods that operators make: https://cloudnative-pg.io/documentation/current/labels_annotations/,
https://gateway.envoyproxy.io/docs/tasks/operations/customize-envoyproxy/ (owning-gateway labels).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from audifi.targets.kubernetes.documents import Json

LASTING: Final = ("Deployment", "StatefulSet", "DaemonSet")
POD_NAME: Final = "statefulset.kubernetes.io/pod-name"  # which Kubernetes itself sets


def dig(value: object, path: str) -> Any:
    """What stands at `spec.template.spec`; None if any part of the way is missing."""
    for key in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = cast("Mapping[str, object]", value).get(key)
    return value


def mapping(value: object, path: str) -> Json:
    """The mapping at that path; an empty one if there is none."""
    found = dig(value, path)
    return cast("Json", found) if isinstance(found, dict) else {}


def many(value: object, path: str) -> list[Json]:
    """The mappings of the list at that path."""
    found = dig(value, path)
    return [cast("Json", each) for each in cast("list[object]", found) if isinstance(each, dict)] if found else []


def texts(value: object, path: str) -> list[str]:
    """The texts of the list at that path."""
    return [str(each) for each in cast("list[object]", dig(value, path) or [])]


def where(document: Json) -> str:
    """How a finding names an object: `Deployment audifi/auth-service`."""
    namespace = dig(document, "metadata.namespace")
    name = dig(document, "metadata.name")
    return f"{document.get('kind')} {namespace}/{name}" if namespace else f"{document.get('kind')} {name}"


def selects(selector: object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector (matchLabels, matchExpressions) takes these labels; an empty one takes all."""
    wanted = mapping(selector, "matchLabels")
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expressed(each, labels) for each in many(selector, "matchExpressions"))


def _expressed(expression: Json, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", [])
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """Pods of one kind. `spec` is empty where an operator writes it."""

    document: Json
    namespace: str
    labels: Mapping[str, str]
    spec: Json

    @property
    def where(self) -> str:
        """How a finding names it."""
        return where(self.document)

    @property
    def lasting(self) -> bool:
        """Whether its pods are meant to run for ever, and are written by us."""
        return self.document["kind"] in LASTING

    @property
    def pods_labels(self) -> list[Mapping[str, str]]:
        """The labels of its pods; a StatefulSet's pods each carry their own name as one more."""
        if self.document["kind"] != "StatefulSet":
            return [self.labels]
        first, count = dig(self.document, "spec.ordinals.start") or 0, dig(self.document, "spec.replicas") or 1
        name: str = dig(self.document, "metadata.name")
        return [{**self.labels, POD_NAME: f"{name}-{number}"} for number in range(first, first + count)]

    @property
    def containers(self) -> list[Json]:
        """Every container, those that run first included."""
        return [*many(self.spec, "initContainers"), *many(self.spec, "containers")]

    @property
    def ports(self) -> dict[str, int]:
        """The named ports of its containers."""
        listed = [port for container in self.containers for port in many(container, "ports")]
        return {str(port.get("name", "")): int(port["containerPort"]) for port in listed}


class Objects:
    """A rendered set."""

    def __init__(self, documents: Iterable[Json]) -> None:
        """Take the documents; kustomize's own files are no objects of a cluster."""
        self.documents = tuple(each for each in documents if dig(each, "metadata.name"))
        self.workloads = tuple(self._read_workloads())

    def of(self, *kinds: str) -> tuple[Json, ...]:
        """The objects of these kinds."""
        return tuple(document for document in self.documents if document["kind"] in kinds)

    def find(self, kind: str, namespace: str | None, name: str) -> Json | None:
        """The object of that name; None if the set has none."""
        for document in self.of(kind):
            if dig(document, "metadata.name") == name and dig(document, "metadata.namespace") == namespace:
                return document
        return None

    def lasting(self) -> tuple[Workload, ...]:
        """What is meant to run for ever and is written by us."""
        return tuple(workload for workload in self.workloads if workload.lasting)

    def written(self) -> tuple[Workload, ...]:
        """What has a pod template of ours, jobs included."""
        return tuple(workload for workload in self.workloads if workload.spec)

    def selected(self, namespace: str | None, selector: object) -> tuple[Workload, ...]:
        """The workloads of a namespace whose pods a selector takes."""
        here = (each for each in self.workloads if each.namespace == namespace)
        return tuple(each for each in here if any(selects(selector, labels) for labels in each.pods_labels))

    def _read_workloads(self) -> Iterator[Workload]:
        for document in self.documents:
            for path in _TEMPLATES.get(document["kind"], ()):
                template = mapping(document, path)
                yield _workload(document, mapping(template, "metadata.labels"), template.get("spec") or {})
            if made := _made_by_operator(document):
                yield _workload(document, made, {})


_TEMPLATES: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys((*LASTING, "Job"), ("spec.template",)),
    "CronJob": ("spec.jobTemplate.spec.template",),
}


def _workload(document: Json, labels: Mapping[str, str], spec: Json) -> Workload:
    return Workload(document=document, namespace=dig(document, "metadata.namespace") or "", labels=labels, spec=spec)


def _made_by_operator(document: Json) -> dict[str, str]:
    name: str = dig(document, "metadata.name")
    match document["kind"], str(document["apiVersion"]).partition("/")[0]:
        case "Cluster", "postgresql.cnpg.io":
            inherited = mapping(document, "spec.inheritedMetadata.labels")
            return {**inherited, "cnpg.io/cluster": name, "cnpg.io/podRole": "instance"}
        case "Pooler", "postgresql.cnpg.io":
            written = mapping(document, "spec.template.metadata.labels")
            return {**written, "cnpg.io/poolerName": name, "cnpg.io/podRole": "pooler"}
        case "Gateway", "gateway.networking.k8s.io":
            # In the Gateway's own namespace: values of gateway-helm say GatewayNamespace.
            written = mapping(document, "spec.infrastructure.labels")
            return {**written, "gateway.networking.k8s.io/gateway-name": name}
        case _:
            return {}
