"""Names that must meet: a Service and its pods, a mount and its Secret. No schema sees two objects.

Between: lint.py and the rendered set.
Invariant: what an operator or a third-party chart brings is met only if an object of the set asks for it.
Errors: none.
Source: shared/kubernetes.md, seeded errors X01-X08: a real API server admits every one of them.
"""

import json
from collections.abc import Iterator
from typing import Final

from audifi.targets.kubernetes.documents import COMPONENT, Json
from audifi.targets.kubernetes.reading import LASTING, Objects, Workload, dig, many, mapping, selects, texts, where
from audifi.targets.kubernetes.rules.rule import Rule, Seen
from audifi.topology import operators
from audifi.topology.model.whole import Topology

# Objects every cluster has.
GIVEN_PRIORITIES: Final = frozenset({"system-cluster-critical", "system-node-critical"})
GIVEN_MAPS: Final = frozenset({"kube-root-ca.crt"})
GIVEN_NAMESPACES: Final = frozenset({"kube-system"})
# Kinds without a namespace; everything else needs one.
CLUSTER_WIDE: Final = frozenset(
    {
        "Namespace",
        "PriorityClass",
        "ClusterRole",
        "ClusterRoleBinding",
        "GatewayClass",
        "ClusterIssuer",
        "ClusterSecretStore",
        "StorageClass",
        "CustomResourceDefinition",
    }
)


def services_select(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """X01, and the port a Service sends to must be one that its pods open."""
    for service in objects.of("Service"):
        labels = dig(service, "spec.selector")
        if not labels:
            continue
        pods = objects.selected(dig(service, "metadata.namespace"), {"matchLabels": labels})
        yield where(service), "" if pods else f"selects no pod: {labels}"
        for port in many(service, "spec.ports"):
            aimed = port.get("targetPort", port["port"])
            yield from (
                (where(service), f"port {port.get('name')}: {pod.where} opens no port {aimed}")
                for pod in pods
                if pod.spec and aimed not in {*pod.ports, *pod.ports.values()}
            )


def scalers_scale(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """X02."""
    for scaler in objects.of("HorizontalPodAutoscaler"):
        target = mapping(scaler, "spec.scaleTargetRef")
        found = objects.find(target.get("kind", ""), dig(scaler, "metadata.namespace"), target.get("name", ""))
        yield where(scaler), "" if found else f"scales {target.get('kind')} {target.get('name')}, which does not exist"


def monitors_find(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """X04: the labels select, and the port has that name."""
    for monitor in objects.of("ServiceMonitor", "PodMonitor"):
        selector = mapping(monitor, "spec.selector")
        places = texts(monitor, "spec.namespaceSelector.matchNames") or [str(dig(monitor, "metadata.namespace"))]
        ends = many(monitor, "spec.endpoints") or many(monitor, "spec.podMetricsEndpoints")
        for place in places:
            names = _watched_ports(objects, monitor["kind"], place, selector)
            if names is None:
                yield where(monitor), f"selects nothing in {place}: {selector}"
            for end in ends if names is not None else ():
                known = not names or end.get("port") in names
                yield where(monitor), "" if known else f"port {end.get('port')} is none of {sorted(names or ())}"


def _watched_ports(objects: Objects, kind: str, place: str, selector: object) -> set[str] | None:
    """The names of the ports there; empty: an operator's pods, which say nothing here; None: nothing is selected."""
    if dig(selector, "matchLabels") in [{COMPONENT: name} for name in operators.BY_CHART]:
        return set()  # a chart makes those pods; its values give them the label (tests/agreement)
    if kind == "PodMonitor":
        pods = objects.selected(place, selector)
        return {name for pod in pods for name in pod.ports} if pods else None
    services = [
        each
        for each in objects.of("Service")
        if dig(each, "metadata.namespace") == place and selects(selector, mapping(each, "metadata.labels"))
    ]
    return {port.get("name", "") for each in services for port in many(each, "spec.ports")} if services else None


def secrets_made(objects: Objects, namespace: str | None) -> dict[str, set[str]]:
    """The Secrets that objects of the set bring into being there, with their keys where they are known."""
    made: dict[str, set[str]] = {}
    for document in objects.documents:
        if dig(document, "metadata.namespace") != namespace:
            continue
        match document["kind"]:
            case "ExternalSecret":
                name = dig(document, "spec.target.name") or dig(document, "metadata.name")
                templated = set(mapping(document, "spec.target.template.data"))
                made[name] = templated or {each["secretKey"] for each in many(document, "spec.data")}
            case "SealedSecret":
                sealed = {*mapping(document, "spec.encryptedData"), *mapping(document, "spec.template.data")}
                made[dig(document, "metadata.name")] = sealed
            case "Certificate":
                made[dig(document, "spec.secretName")] = {"tls.crt", "tls.key", "ca.crt"}
            case "Cluster":
                made |= _made_by_database(document)
            case "ConfigMap":
                for text in mapping(document, "data").values():  # a job creates what it holds as JSON
                    if str(text).startswith("{") and dig(held := json.loads(str(text)), "kind") == "Cluster":
                        made |= _made_by_database(held)
            case _:
                pass
    return made


def _made_by_database(cluster: Json) -> dict[str, set[str]]:
    """CloudNativePG makes these; the keys are in its documentation, not here."""
    name: str = dig(cluster, "metadata.name")
    return {f"{name}-{kind}": set() for kind in ("app", "ca", "server", "replication", "superuser")}


def mounts_exist(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Whatever a pod is given exists, down to the key."""
    for pod in objects.written():
        secrets = secrets_made(objects, pod.namespace)
        maps = {
            dig(each, "metadata.name"): set(mapping(each, "data")) | set(mapping(each, "binaryData"))
            for each in objects.of("ConfigMap")
            if dig(each, "metadata.namespace") == pod.namespace
        }
        for kind, name, key in _given(pod):
            known = secrets if kind == "Secret" else maps
            if name in GIVEN_MAPS:
                continue
            if name not in known:
                yield pod.where, f"nobody makes the {kind} {name}"
            else:
                keys = known[name]
                yield pod.where, f"{kind} {name} has no key {key}" if key and keys and key not in keys else ""


def _given(pod: Workload) -> Iterator[tuple[str, str, str]]:
    """(kind, name, key) of everything that a pod gets from a Secret or a ConfigMap, unless it is optional."""
    for container in pod.containers:
        for variable in many(container, "env"):
            for path, kind in (("valueFrom.secretKeyRef", "Secret"), ("valueFrom.configMapKeyRef", "ConfigMap")):
                if (reference := dig(variable, path)) and not reference.get("optional"):
                    yield kind, reference["name"], reference["key"]
        for source in many(container, "envFrom"):
            for path, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                if (reference := dig(source, path)) and not reference.get("optional"):
                    yield kind, reference["name"], ""
    for volume in many(pod.spec, "volumes"):
        for source in [volume, *many(volume, "projected.sources")]:
            yield from _mounted(source)


def _mounted(source: Json) -> Iterator[tuple[str, str, str]]:
    for path, kind in (("secret", "Secret"), ("configMap", "ConfigMap")):
        reference = dig(source, path)
        if reference and not reference.get("optional"):
            name = reference.get("secretName") or reference.get("name")
            yield kind, name, ""
            yield from ((kind, name, item["key"]) for item in many(reference, "items"))


def volumes_exist(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Every mount names a volume of its pod, and every claim exists."""
    for pod in objects.written():
        claimed = {dig(each, "metadata.name") for each in many(pod.document, "spec.volumeClaimTemplates")}
        volumes = {each["name"] for each in many(pod.spec, "volumes")} | claimed
        for container in pod.containers:
            missing = sorted({each["name"] for each in many(container, "volumeMounts")} - volumes)
            yield pod.where, f"{container['name']} mounts {missing}, which the pod does not have" if missing else ""
        for volume in many(pod.spec, "volumes"):
            claim = dig(volume, "persistentVolumeClaim.claimName")
            if claim and not objects.find("PersistentVolumeClaim", pod.namespace, claim):
                yield pod.where, f"there is no PersistentVolumeClaim {claim}"


def accounts_exist(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """The ServiceAccount and the PriorityClass of a pod are in the set; without them no pod is ever made."""
    for pod in objects.written():
        account = dig(pod.spec, "serviceAccountName")
        found = account and objects.find("ServiceAccount", pod.namespace, account)
        yield pod.where, "" if found else f"there is no ServiceAccount {account}"
        priority = dig(pod.spec, "priorityClassName")
        known = priority in GIVEN_PRIORITIES or objects.find("PriorityClass", None, str(priority))
        yield pod.where, "" if known else f"there is no PriorityClass {priority}"


def namespaces_exist(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Everything says where it is, and not `default`."""
    known = {dig(each, "metadata.name") for each in objects.of("Namespace")} | GIVEN_NAMESPACES
    for document in objects.documents:
        if document["kind"] not in CLUSTER_WIDE:
            place = dig(document, "metadata.namespace")
            yield where(document), "" if place in known else f"is in namespace {place}, which the set does not make"


def budgets_match(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A disruption budget counts exactly the pods of one workload: a job's pod would be counted as a spare."""
    for budget in objects.of("PodDisruptionBudget"):
        place, selector = dig(budget, "metadata.namespace"), dig(budget, "spec.selector")
        pods = objects.selected(place, selector)
        counted = [pod.where for pod in pods]
        wrong = "" if len(pods) == 1 and pods[0].document["kind"] in (*LASTING, "Pooler", "Cluster") else "one workload"
        yield where(budget), wrong and f"counts {counted or 'nothing'}, not {wrong}"


def selectors_apart(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A workload's selector takes its own pods and nobody else's."""
    for pod in objects.lasting():
        taken = objects.selected(pod.namespace, dig(pod.document, "spec.selector"))
        others = [each.where for each in taken if each is not pod]
        yield pod.where, f"selects the pods of {others} too" if others else ("" if taken else "not its own pods")


RULES: Final = (
    Rule(
        name="service-selects",
        says="Every Service selects pods that open the port it sends to",
        remedy="give both the labels of documents.selector, and name a port that the container lists",
        look=services_select,
    ),
    Rule(
        name="scaler-target",
        says="Every HorizontalPodAutoscaler scales something that exists",
        remedy="name the Deployment as it is rendered",
        look=scalers_scale,
    ),
    Rule(
        name="monitor-port",
        says="Every monitor selects something and names a port that is there",
        remedy="label the Service, and use the port's name",
        look=monitors_find,
    ),
    Rule(
        name="given-exists",
        says="Every Secret and ConfigMap that a pod is given is made by the set, with that key",
        remedy="render the ExternalSecret or the ConfigMap in the pod's namespace",
        look=mounts_exist,
    ),
    Rule(
        name="volume-exists",
        says="Every mount names a volume of its pod, and every claim exists",
        remedy="list the volume in the pod",
        look=volumes_exist,
    ),
    Rule(
        name="account-exists",
        says="Every pod's ServiceAccount and PriorityClass are in the set",
        remedy="render them",
        look=accounts_exist,
    ),
    Rule(
        name="namespace-exists",
        says="Everything is in a namespace of the set, nothing in `default`",
        remedy="take the namespace from documents.namespace",
        look=namespaces_exist,
    ),
    Rule(
        name="budget-selects",
        says="Every PodDisruptionBudget counts the pods of exactly one workload",
        remedy="give it the workload's own selector",
        look=budgets_match,
    ),
    Rule(
        name="selector-apart",
        says="Every workload selects its own pods and no others",
        remedy="make app.kubernetes.io/name unique",
        look=selectors_apart,
    ),
)
