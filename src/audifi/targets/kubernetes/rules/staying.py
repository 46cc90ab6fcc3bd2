"""How pods start, stay and go: probes, drains, rollouts, replicas, spread, budgets and scaling.

Between: lint.py and the rendered set.
Units: *_s seconds, as the manifests write them.
Invariant: only what lasts and answers requests is asked for probes; only what has replicas is asked for a budget.
Errors: none.
Source: shared/kubernetes.md, acceptance checklist, Workload 5-10.
"""

from collections.abc import Iterator
from typing import Any, Final

from audifi.targets.kubernetes.documents import Json
from audifi.targets.kubernetes.reading import Objects, Workload, dig, many, mapping, where
from audifi.targets.kubernetes.rules.rule import Rule, Seen
from audifi.topology.model.whole import Topology

PROPAGATION_S: Final = 5  # until every node and gateway has dropped an endpoint (shared/kubernetes.md, Workload 6)
SOCKETS: Final = "ws-gateway"
SOCKET_GRACE_S: Final = 300
SLOW_PERCENT: Final = 10  # a gateway of sockets gives up at most that share of its pods in a minute


def _probed(objects: Objects) -> Iterator[tuple[Workload, Json]]:
    """The containers that answer requests, in what lasts. Who opens nothing but metrics is missed by Prometheus."""
    for pod in objects.lasting():
        for container in many(pod.spec, "containers"):
            if {port.get("name") for port in many(container, "ports")} - {"metrics"}:
                yield pod, container


def probes_are_there(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """All three, each at a port that the container opens."""
    for pod, container in _probed(objects):
        ports = {port.get("name") for port in many(container, "ports")}
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container.get(kind)
            asked: Any = [dig(probe, f"{way}.port") for way in ("httpGet", "tcpSocket", "grpc") if dig(probe, way)]
            wrong = "" if probe else f"[{container['name']}] has no {kind}"
            missing = [port for port in asked if isinstance(port, str) and port not in ports]
            yield pod.where, wrong or (f"{kind} asks port {missing[0]}, which the container lacks" if missing else "")


def liveness_patient(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A pod leaves the Service before it is killed, and is never killed for what it depends on."""
    for pod, container in _probed(objects):
        live, ready = container.get("livenessProbe"), container.get("readinessProbe")
        if not live or not ready:
            continue
        hasty = _patience_s(live) < _patience_s(ready)
        same = dig(live, "httpGet.path") == dig(ready, "httpGet.path") and dig(live, "httpGet") and _depends(ready)
        wrong = (
            f"liveness gives up after {_patience_s(live)} s, readiness after {_patience_s(ready)} s" if hasty else ""
        )
        yield pod.where, wrong or ("liveness asks what readiness asks" if same else "")


def _patience_s(probe: Json) -> int:
    return int(probe.get("periodSeconds", 10)) * int(probe.get("failureThreshold", 3))


def _depends(probe: Json) -> bool:
    return str(dig(probe, "httpGet.path")).endswith("/ready")


def drains_fit(objects: Objects, topology: Topology) -> Iterator[Seen]:
    """A pod serves until it is out of every list, and is not killed before its longest request is over."""
    for pod in objects.lasting():
        grace_s = int(pod.spec.get("terminationGracePeriodSeconds", 30))
        waits = [int(dig(each, "lifecycle.preStop.sleep.seconds") or 0) for each in pod.containers]
        declared = _declared_drain_s(pod, topology)
        pause_s = max([*waits, declared])
        wrong = (
            f"stops {pause_s} s after it is told: endpoints need {PROPAGATION_S} s" if pause_s < PROPAGATION_S else ""
        )
        if grace_s <= pause_s:
            wrong = f"is killed after {grace_s} s, and drains for {pause_s} s"
        if pod.labels.get("app.kubernetes.io/name") == SOCKETS and grace_s < SOCKET_GRACE_S:
            wrong = f"sockets get {grace_s} s to leave, not {SOCKET_GRACE_S}"
        yield pod.where, wrong


def _declared_drain_s(pod: Workload, topology: Topology) -> int:
    """What the program itself waits: ours keep serving for DRAIN_S after they are told to stop."""
    for component in topology.components:
        if component.name == pod.labels.get("app.kubernetes.io/name") and component.availability:
            told = any(each.get("name", "").endswith("DRAIN_S") for c in pod.containers for each in many(c, "env"))
            return component.availability.drain_s if told or not component.stateless else 0
    return 0


def rollouts_careful(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A bad version stops at its first pod, and says so."""
    for pod in objects.lasting():
        spec = mapping(pod.document, "spec")
        wrong = [f"no {name}" for name in ("minReadySeconds", "revisionHistoryLimit") if name not in spec]
        if pod.document["kind"] == "Deployment":
            update = mapping(spec, "strategy.rollingUpdate")
            wrong += [] if update.get("maxUnavailable") == 0 else [f"maxUnavailable {update.get('maxUnavailable')}"]
            wrong += [] if update.get("maxSurge") not in {None, 0} else ["no maxSurge"]
            wrong += [] if "progressDeadlineSeconds" in spec else ["no progressDeadlineSeconds"]
        yield pod.where, "; ".join(wrong)


def replicas_spread(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Two at least; the loss of a zone or a node takes one of them."""
    for pod in objects.lasting():
        count = _replicas_min(objects, pod)
        spread = {each["topologyKey"]: each for each in many(pod.spec, "topologySpreadConstraints")}
        zone, host = spread.get("topology.kubernetes.io/zone"), spread.get("kubernetes.io/hostname")
        wrong = [] if count > 1 or _single(pod) else [f"{count} pod"]
        if count > 1:
            wrong += [] if zone and zone["whenUnsatisfiable"] == "DoNotSchedule" else ["zones not kept apart"]
            wrong += [] if host else ["nodes not kept apart"]
            hashed = pod.document["kind"] != "Deployment" or all(
                "pod-template-hash" in (each.get("matchLabelKeys") or []) for each in spread.values()
            )
            wrong += [] if hashed else ["no matchLabelKeys pod-template-hash: a rollout counts the old pods"]
        yield pod.where, "; ".join(wrong)


def _single(pod: Workload) -> bool:
    """Whether the document says why one is enough."""
    return bool(mapping(pod.document, "metadata.annotations").get("audifi.io/single-because"))


def _replicas_min(objects: Objects, pod: Workload) -> int:
    scaler = _scaler(objects, pod)
    return int(dig(scaler, "spec.minReplicas") if scaler else dig(pod.document, "spec.replicas") or 1)


def _scaler(objects: Objects, pod: Workload) -> Json | None:
    for scaler in objects.of("HorizontalPodAutoscaler"):
        target = mapping(scaler, "spec.scaleTargetRef")
        if (target.get("kind"), target.get("name")) == (pod.document["kind"], dig(pod.document, "metadata.name")):
            return scaler
    return None


def budgets_kept(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Every workload with replicas has a budget that allows some disruption: a drain of a node must end."""
    for pod in objects.lasting():
        budgets = [each for each in objects.of("PodDisruptionBudget") if pod in _counted(objects, each)]
        if _replicas_min(objects, pod) > 1:
            yield pod.where, "" if len(budgets) == 1 else f"has {len(budgets)} PodDisruptionBudgets"
    for budget in objects.of("PodDisruptionBudget"):
        spec = mapping(budget, "spec")
        wrong = "" if spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow" else "keeps sick pods from being evicted"
        none_allowed = spec.get("maxUnavailable") in {None, 0, "0%"}
        yield where(budget), "allows no disruption, or says minAvailable" if none_allowed else wrong


def _counted(objects: Objects, budget: Json) -> tuple[Workload, ...]:
    return objects.selected(dig(budget, "metadata.namespace"), dig(budget, "spec.selector"))


def scaling_sound(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Who scales owns the count, has something to measure by, and changes its mind slowly."""
    for pod in objects.lasting():
        if scaler := _scaler(objects, pod):
            spec = mapping(scaler, "spec")
            wrong = ["spec.replicas fights the autoscaler"] if "replicas" in mapping(pod.document, "spec") else []
            wrong += [f"no behaviour {way}" for way in ("scaleUp", "scaleDown") if not dig(spec, f"behavior.{way}")]
            wrong += [] if spec.get("minReplicas", 1) <= spec["maxReplicas"] else ["minReplicas above maxReplicas"]
            wrong += [] if many(spec, "metrics") else ["no metric"]
            if pod.labels.get("app.kubernetes.io/name") == SOCKETS:
                wrong += _sockets_scaled(spec)
            yield where(scaler), "; ".join(wrong)


def _sockets_scaled(spec: Json) -> list[str]:
    metrics = {each["type"] for each in many(spec, "metrics")}
    policies = many(spec, "behavior.scaleDown.policies")
    slow = any(each["type"] == "Percent" and each["value"] <= SLOW_PERCENT for each in policies) or any(
        each["type"] == "Pods" and each["value"] == 1 for each in policies
    )
    wrong = [] if "Pods" in metrics else ["sockets are not counted by a metric of the pods"]
    return [*wrong, *([] if slow else [f"gives up more than {SLOW_PERCENT} % of its pods in a minute"])]


def configuration_rolls(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Whoever reads a ConfigMap is rolled when it changes; the map itself never changes under a running pod."""
    used: set[tuple[str, str]] = set()
    for pod in objects.lasting():
        maps = [dig(volume, "configMap.name") for volume in many(pod.spec, "volumes") if "configMap" in volume]
        maps += [dig(each, "configMapRef.name") for c in pod.containers for each in many(c, "envFrom")]
        named = {str(name) for name in maps if name}
        used |= {(pod.namespace, name) for name in named}
        template = mapping(pod.document, "spec.template.metadata.annotations")
        hashed = any("config" in key for key in template) or all(_hashed(name) for name in named)
        if named:
            yield pod.where, "" if hashed else f"is not rolled when {sorted(named)} change"
    for given in objects.of("ConfigMap"):
        if (str(dig(given, "metadata.namespace")), str(dig(given, "metadata.name"))) in used:
            yield where(given), "" if given.get("immutable") else "may change under a running pod: not immutable"


def _hashed(name: str) -> bool:
    """Whether a map's name ends in a hash of its content, as kustomize writes them."""
    tail = name.rpartition("-")[2]
    return len(tail) >= 8 and tail.isalnum() and any(sign.isdigit() for sign in tail)  # a hash's length


RULES: Final = (
    Rule(
        name="probes-present",
        says="Everything that lasts and has ports has all three probes, at ports it opens",
        remedy="declare the component's Probes with the names of its ports",
        look=probes_are_there,
    ),
    Rule(
        name="liveness-patient",
        says="Liveness is no hastier than readiness, and asks only about the pod itself",
        remedy="give liveness its own path and more failures",
        look=liveness_patient,
    ),
    Rule(
        name="drain-fits",
        says="Every pod serves until endpoints have propagated, and is killed later than its drain; sockets get 300 s",
        remedy="mend the component's Availability: drain_s and grace_s",
        look=drains_fit,
    ),
    Rule(
        name="rollout-careful",
        says="Rollouts: nothing taken away before its successor is ready; deadlines and history said",
        remedy="take the strategy from workloads.py",
        look=rollouts_careful,
    ),
    Rule(
        name="replicas-spread",
        says="Two pods at least, kept apart by zone (DoNotSchedule) and node, counted per version",
        remedy="declare the component's Availability.spread, or say why one is enough",
        look=replicas_spread,
    ),
    Rule(
        name="budget-kept",
        says="Every workload with replicas has one PodDisruptionBudget, which allows some and evicts the sick",
        remedy="render maxUnavailable from Availability, and AlwaysAllow",
        look=budgets_kept,
    ),
    Rule(
        name="scaling-sound",
        says="Where an autoscaler counts nobody else does, it measures something and behaves both ways; sockets slowly",
        remedy="mend scaling.py",
        look=scaling_sound,
    ),
    Rule(
        name="configuration-rolls",
        says="Every ConfigMap that pods read is immutable, and its change rolls them",
        remedy="put the hash of its content into its name",
        look=configuration_rolls,
    ),
)
