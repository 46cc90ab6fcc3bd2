"""Render what runs our code: a Deployment per service, a StatefulSet for the pods that addresses name.

Between: topology.declaration (how many, how big, which probes, how they end), configuration (what they are told), and
the cluster. migrations.py starts the same pods to run once.
Shape: ours are the components with an identity (topology.secrets.WITH_IDENTITY); operators and charts make the others
(topology.operators). Where something scales a component, `replicas` is left out and belongs to the scaler.

    a pod ends:  it leaves its Services ─ preStop: nothing changes, everybody hears of it ─ SIGTERM: not ready, answers
                 say so, DRAIN_S goes by ─ the port closes, the last requests finish ─ grace is over: killed

Units: *_s seconds, MiB, thousandths of a CPU.
Invariant: pods pass `restricted`: no root, no way to become it, no write but to /tmp and declared volumes.
Errors: KeyError for a component that says no resources, probes or availability (a bug: the audit finds it).
Source: kubernetes.md acceptance checklist 1-8, 10; https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from dataclasses import dataclass
from typing import Final

from audifi.targets.kubernetes.accounts import account
from audifi.targets.kubernetes.configuration import (
    SETTINGS_DIRECTORY,
    SHARED_DIRECTORY,
    configuration,
    secret_name,
    shared_directories,
)
from audifi.targets.kubernetes.confinement import container_security, pod_security
from audifi.targets.kubernetes.disruption import budget
from audifi.targets.kubernetes.documents import Json, document, labels, metadata, namespace, pods_service, selector
from audifi.targets.kubernetes.scaling import scaler
from audifi.targets.kubernetes.services import services
from audifi.topology.building import module
from audifi.topology.model.cluster import SharedVolume
from audifi.topology.model.compute import Availability, Component, Image, Probe, Probes, Resources
from audifi.topology.model.whole import Topology
from audifi.topology.secrets import WITH_IDENTITY
from audifi.wire import environment

READABLE_BY_GROUP: Final = 0o440


@dataclass(frozen=True, kw_only=True, slots=True)
class _Whole:
    """What everything that runs must say."""

    image: Image
    resources: Resources
    probes: Probes
    availability: Availability


def ours(topology: Topology) -> tuple[Component, ...]:
    """The components whose pods run our code."""
    return tuple(each for each in topology.components if each.name in WITH_IDENTITY)


def documents(topology: Topology, component: Component) -> tuple[Json, ...]:
    """Everything of one workload, in the order in which it is needed."""
    has_names = keeps_names(topology, component)
    optional = [budget(topology, component), None if has_names else scaler(topology, component)]
    return (
        account(topology, component),
        configuration(topology, component),
        _stateful_set(topology, component) if has_names else _deployment(topology, component),
        *services(topology, component, has_names=has_names),
        *(each for each in optional if each is not None),
    )


def keeps_names(topology: Topology, component: Component) -> bool:
    """Whether an address names single pods of it."""
    return component.name == topology.surface.websocket.component


def volume(topology: Topology, shared: SharedVolume) -> Json:
    """A volume that several components see."""
    users = [each for each in ours(topology) if shared.name in shared_directories(topology, each)]
    return document(
        "v1",
        "PersistentVolumeClaim",
        {
            "name": shared.name,
            "namespace": namespace(topology, users[0]),
            "labels": {"app.kubernetes.io/part-of": "audifi", "app.kubernetes.io/managed-by": "audifi"},
        },
        spec={
            "accessModes": ["ReadWriteMany"],
            "storageClassName": shared.storage_class,
            "resources": {"requests": {"storage": f"{shared.size_gib}Gi"}},
        },
    )


def _deployment(topology: Topology, component: Component) -> Json:
    rollout = topology.cluster.rollout
    spec: Json = {} if topology.cluster.scaling(component.name) else {"replicas": component.replicas}
    spec |= {
        "revisionHistoryLimit": rollout.revisions,
        "progressDeadlineSeconds": rollout.deadline_s,
        "minReadySeconds": rollout.steady_s,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": rollout.surge}},
        "selector": {"matchLabels": selector(component)},
        "template": _template(topology, component, "pod-template-hash"),
    }
    return document("apps/v1", "Deployment", metadata(topology, component), spec=spec)


def _stateful_set(topology: Topology, component: Component) -> Json:
    """Its pods are <component>-1 … <component>-n, as on one machine."""
    rollout = topology.cluster.rollout
    spec: Json = {
        "replicas": component.replicas,
        "revisionHistoryLimit": rollout.revisions,
        "minReadySeconds": rollout.steady_s,
        "serviceName": pods_service(component),
        "ordinals": {"start": 1},
        "podManagementPolicy": "Parallel",  # a pod does not wait for another to be ready
        "updateStrategy": {"type": "RollingUpdate"},
        "selector": {"matchLabels": selector(component)},
        "template": _template(topology, component, "controller-revision-hash"),
    }
    return document("apps/v1", "StatefulSet", metadata(topology, component), spec=spec)


def _template(topology: Topology, component: Component, revision: str) -> Json:
    availability = _whole(component).availability
    shared = shared_directories(topology, component)
    spec: Json = {
        **pod(topology, component, _server(topology, component)),
        "terminationGracePeriodSeconds": availability.grace_s,
        "topologySpreadConstraints": [_spread(component, key, revision) for key in availability.spread],
    }
    if shared:  # NFS cannot map users. Source: kubernetes.io, "User Namespaces" (idmap mounts)
        spec.pop("hostUsers", None)
    spec["volumes"] = [
        *spec["volumes"],
        *({"name": name, "persistentVolumeClaim": {"claimName": name}} for name in shared),
    ]
    return {"metadata": {"labels": labels(component)}, "spec": spec}


def _server(topology: Topology, component: Component) -> Json:
    """The container that serves."""
    probes = _whole(component).probes
    served = container(topology, component, ["python", "-m", module(component)])
    shared = [
        {"name": name, "mountPath": f"{SHARED_DIRECTORY}/{name}"} for name in shared_directories(topology, component)
    ]
    return {
        **served,
        "envFrom": [{"configMapRef": {"name": configuration(topology, component)["metadata"]["name"]}}],
        "env": [{"name": environment.POD, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [{"name": port.name, "containerPort": port.number} for port in component.ports],
        "startupProbe": _probe(probes.startup),
        "readinessProbe": _probe(probes.readiness),
        "livenessProbe": _probe(probes.liveness),
        "lifecycle": {"preStop": {"sleep": {"seconds": topology.cluster.pre_stop_s}}},
        "volumeMounts": [*served["volumeMounts"], *shared],
    }


def pod(topology: Topology, component: Component, runs: Json, secrets: tuple[str, ...] = ()) -> Json:
    """A pod that acts as a component and runs this container, with a place to write and the component's secrets.

    `secrets`: only these of them.
    """
    held: Json = {"secretName": secret_name(component), "defaultMode": READABLE_BY_GROUP}
    if secrets:
        held["items"] = [{"key": name, "path": name} for name in secrets]
    return {
        "serviceAccountName": component.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **({"hostUsers": False} if topology.cluster.user_namespaces else {}),
        "priorityClassName": topology.cluster.priority(component.kind).name,
        "securityContext": pod_security(topology),
        "containers": [runs],
        "volumes": [
            {"name": "tmp", "emptyDir": {"sizeLimit": f"{topology.cluster.scratch_mib}Mi"}},
            {"name": "secrets", "secret": held},
        ],
    }


def container(topology: Topology, component: Component, command: list[str]) -> Json:
    """A container with a component's code; it may read its secrets and write to /tmp."""
    whole = _whole(component)
    return {
        "name": component.name,
        "image": whole.image.reference,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "resources": _resources(topology, whole.resources),
        "securityContext": container_security(topology),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # the pod's own
            {"name": "secrets", "mountPath": SETTINGS_DIRECTORY, "readOnly": True},
        ],
    }


def _resources(topology: Topology, resources: Resources) -> Json:
    scratch = f"{2 * topology.cluster.scratch_mib}Mi"  # /tmp, and what it logs until the node takes it away
    limits: Json = {"memory": f"{resources.memory_limit_mib}Mi", "ephemeral-storage": scratch}
    if resources.cpu_limit_m is not None:
        limits = {"cpu": f"{resources.cpu_limit_m}m", **limits}
    return {
        "requests": {
            "cpu": f"{resources.cpu_request_m}m",
            "memory": f"{resources.memory_request_mib}Mi",
            "ephemeral-storage": scratch,
        },
        "limits": limits,
    }


def _probe(probe: Probe) -> Json:
    asked: Json = (
        {"httpGet": {"path": probe.path, "port": probe.port}} if probe.path else {"tcpSocket": {"port": probe.port}}
    )
    if probe.initial_delay_s:
        asked["initialDelaySeconds"] = probe.initial_delay_s
    return {
        **asked,
        "periodSeconds": probe.period_s,
        "timeoutSeconds": probe.timeout_s,
        "failureThreshold": probe.failures,
    }


def _spread(component: Component, key: str, revision: str) -> Json:
    """Evenly over zones and hosts, each revision by itself: a rollout must not count the pods it replaces."""
    return {
        "topologyKey": key,
        "maxSkew": 1,
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "labelSelector": {"matchLabels": selector(component)},
        "matchLabelKeys": [revision],
    }


def _whole(component: Component) -> _Whole:
    image, resources, probes, availability = (
        component.image,
        component.resources,
        component.probes,
        component.availability,
    )
    if image is None or resources is None or probes is None or availability is None:
        raise KeyError(
            f"{component.name} runs in the cluster, but its image, resources, probes or availability is unset"
        )
    return _Whole(image=image, resources=resources, probes=probes, availability=availability)
