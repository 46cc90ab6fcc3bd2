"""What the API server's own code refuses and its published schema does not: words, names, and fields that must agree.

Between: lint.py and the rendered set.
Invariant: only what Kubernetes itself refuses; habits are in pods.py and staying.py.
Errors: none.
Source: kubernetes/kubernetes pkg/apis/{core,apps,batch,autoscaling,networking}/validation; shared/kubernetes.md: of 22
seeded errors of this kind kubernetes-validate finds none.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast

from audifi.targets.kubernetes.documents import Json
from audifi.targets.kubernetes.reading import LASTING, Objects, dig, many, mapping, selects, where
from audifi.targets.kubernetes.rules.pods import amount
from audifi.targets.kubernetes.rules.rule import Rule, Seen
from audifi.topology.model.whole import Topology

# Fields of built-in kinds that take one of a few words.
WORDS: Final[Mapping[str, frozenset[str]]] = {
    "imagePullPolicy": frozenset({"Always", "IfNotPresent", "Never"}),
    "restartPolicy": frozenset({"Always", "OnFailure", "Never"}),
    "protocol": frozenset({"TCP", "UDP", "SCTP"}),
    "whenUnsatisfiable": frozenset({"DoNotSchedule", "ScheduleAnyway"}),
    "concurrencyPolicy": frozenset({"Allow", "Forbid", "Replace"}),
    "unhealthyPodEvictionPolicy": frozenset({"IfHealthyBudget", "AlwaysAllow"}),
    "podManagementPolicy": frozenset({"OrderedReady", "Parallel"}),
    "terminationMessagePolicy": frozenset({"File", "FallbackToLogsOnError"}),
    "dnsPolicy": frozenset({"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"}),
    "fsGroupChangePolicy": frozenset({"OnRootMismatch", "Always"}),
    "supplementalGroupsPolicy": frozenset({"Merge", "Strict"}),
    "internalTrafficPolicy": frozenset({"Cluster", "Local"}),
    "externalTrafficPolicy": frozenset({"Cluster", "Local"}),
    "trafficDistribution": frozenset({"PreferClose", "PreferSameZone", "PreferSameNode"}),
    "sessionAffinity": frozenset({"None", "ClientIP"}),
    "preemptionPolicy": frozenset({"PreemptLowerPriority", "Never"}),
    "completionMode": frozenset({"NonIndexed", "Indexed"}),
}
BUILT_IN: Final = re.compile(
    r"^(?:v1|(?:apps|batch|policy|autoscaling)/\w+|(?:networking|scheduling|rbac)\S*\.k8s\.io/\w+)$"
)
SUBDOMAIN: Final = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
LABEL: Final = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
PORT_NAME: Final = re.compile(r"^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$")
VARIABLE: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]*$")
CRON: Final = re.compile(r"^\S+( \S+){4}$")
NAME_MAX, JOB_NAME_MAX, CRON_NAME_MAX, PORT_MAX = 253, 63, 52, 65_535


def words_known(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Wherever such a field stands, however deep."""
    for document in objects.documents:
        if BUILT_IN.match(document["apiVersion"]):
            bad = [f"{key}: {word}" for key, word in _fields(document) if key in WORDS and word not in WORDS[key]]
            yield where(document), ", ".join(bad)


def _fields(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, each in cast("Json", value).items():
            if isinstance(each, str):
                yield key, each
            yield from _fields(each)
    elif isinstance(value, list):
        for each in cast("list[object]", value):
            yield from _fields(each)


def names_lawful(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Names that the server takes, and no two objects of one name."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for document in objects.documents:
        name = str(dig(document, "metadata.name"))
        group = str(document["apiVersion"]).rpartition("/")[0]
        key = (f"{group}/{document['kind']}", str(dig(document, "metadata.namespace")), name)
        seen[key] += 1
        kind = document["kind"]
        longest = {"Job": JOB_NAME_MAX, "CronJob": CRON_NAME_MAX, "Service": JOB_NAME_MAX}.get(kind, NAME_MAX)
        wrong = "" if SUBDOMAIN.match(name) and len(name) <= longest else f"{name!r} is no name for a {kind}"
        yield where(document), wrong or ("is there twice" if seen[key] > 1 else "")


def templates_match(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A workload's selector takes its template; a budget, a scaler and a claim say numbers that agree."""
    for document in objects.of(*LASTING):
        labels = mapping(document, "spec.template.metadata.labels")
        taken = selects(dig(document, "spec.selector"), labels)
        yield where(document), "" if taken else "the selector does not take its own template's labels"
    for scaler in objects.of("HorizontalPodAutoscaler"):
        low, high = dig(scaler, "spec.minReplicas") or 1, dig(scaler, "spec.maxReplicas") or 0
        yield where(scaler), "" if low <= high else f"minReplicas {low} above maxReplicas {high}"
    for budget in objects.of("PodDisruptionBudget"):
        both = {"minAvailable", "maxUnavailable"} <= {*mapping(budget, "spec")}
        yield where(budget), "says minAvailable and maxUnavailable" if both else ""
    for job in objects.of("CronJob"):
        schedule = str(dig(job, "spec.schedule"))
        yield (
            where(job),
            "" if CRON.match(schedule) or schedule.startswith("@") else f"schedule {schedule!r}: five fields",
        )


def containers_lawful(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Names and ports of containers, their variables and mounts; what probes may say."""
    for pod in objects.written():
        wrong: list[str] = []
        for container in pod.containers:
            ports = many(container, "ports")
            wrong += _misnamed([each.get("name", "") for each in ports if "name" in each], PORT_NAME.match, "port")
            wrong += _misnamed([each["name"] for each in many(container, "env")], VARIABLE.match, "variable")
            wrong += _misnamed([each["mountPath"] for each in many(container, "volumeMounts")], _is_path, "mount")
            wrong += [f"port {each['containerPort']}" for each in ports if not 0 < each["containerPort"] <= PORT_MAX]
            wrong += _misasked(container)
            wrong += _unmeasured(container)
        wrong += _misnamed([each["name"] for each in pod.containers], LABEL.match, "container")
        wrong += _misnamed([each["name"] for each in many(pod.spec, "volumes")], LABEL.match, "volume")
        job = pod.document["kind"] in {"Job", "CronJob"}
        restart = pod.spec.get("restartPolicy", "Always")
        wrong += [f"restartPolicy {restart} in a {pod.document['kind']}"] if job == (restart == "Always") else []
        yield pod.where, "; ".join(wrong)


def _misnamed(names: Iterable[str], lawful: Callable[[str], object], what: str) -> list[str]:
    counted = Counter(names)
    twice = [f"{what} {name} is there twice" for name, count in counted.items() if count > 1]
    return [*twice, *(f"{name!r} is no name for a {what}" for name in counted if not lawful(name))]


def _is_path(path: str) -> bool:
    return path.startswith("/") and ":" not in path


def _misasked(container: Json) -> list[str]:
    """A probe asks in one way; liveness and startup are content with one success."""
    wrong: list[str] = []
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe := mapping(container, kind):
            ways = [way for way in ("httpGet", "tcpSocket", "exec", "grpc") if way in probe]
            wrong += [] if len(ways) == 1 else [f"{kind} asks in {len(ways)} ways"]
            wrong += [
                f"{kind}: {key} {number}" for key, number in probe.items() if isinstance(number, int) and number < 0
            ]
            content = kind == "readinessProbe" or probe.get("successThreshold", 1) == 1
            wrong += [] if content else [f"{kind}: successThreshold must be 1"]
    return wrong


def _unmeasured(container: Json) -> list[str]:
    """Quantities that are none."""
    wrong: list[str] = []
    for side in ("requests", "limits"):
        for name, quantity in mapping(container, f"resources.{side}").items():
            try:
                amount(quantity)
            except ValueError as error:
                wrong.append(f"{side}.{name}: {error}")
    return wrong


def services_lawful(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Ports have names where there are several, and no two are alike."""
    for service in objects.of("Service"):
        ports: list[Any] = many(service, "spec.ports")
        names = [each.get("name", "") for each in ports]
        wrong = _misnamed([name for name in names if name or len(names) > 1], LABEL.match, "port")
        doubled = Counter((each["port"], each.get("protocol", "TCP")) for each in ports)
        wrong += [f"port {port} is there twice" for (port, _), count in doubled.items() if count > 1]
        wrong += [f"port {each['port']}" for each in ports if not 0 < each["port"] <= PORT_MAX]
        yield where(service), "; ".join(wrong)


RULES: Final = (
    Rule(
        name="word-known",
        says="Fields that take one of a few words have one of them",
        remedy="write the word as Kubernetes' documentation does",
        look=words_known,
    ),
    Rule(
        name="name-lawful",
        says="Every object has a name that the server takes, and no other has it",
        remedy="shorten it, or give the second object a name of its own",
        look=names_lawful,
    ),
    Rule(
        name="template-matches",
        says="Selectors take their own templates; minimum and maximum, budgets and schedules agree with themselves",
        remedy="render both from one place",
        look=templates_match,
    ),
    Rule(
        name="container-lawful",
        says="Containers, ports, variables, mounts, volumes and probes are named once and lawfully",
        remedy="see the name in the message",
        look=containers_lawful,
    ),
    Rule(
        name="service-lawful",
        says="Services' ports are named once and lawfully",
        remedy="see the name in the message",
        look=services_lawful,
    ),
)
