"""Render the Redis Cluster and the queue's Redis: StatefulSets that find each other again after all of them were away.

    redis-cluster-1 … 6   three masters that own the design's slot ranges, three replicas; volumes, names, no order
    redis-queue-1, 2      the primary, which the Service `redis-queue` means, and its replica
    beside each           keeper: introduces peers that moved, reloads replaced passwords; exporter: metrics

Between: topology.stores (numbers), redis_scripts (what runs beside), secrets (passwords as Redis reads them).
Why no operator: the one that is maintained does not survive a full restart (kubernetes.md, What is current).
Units: *_s seconds, MiB, GiB.
Invariant: nodes announce host names, so that clients learn names that stay; persistence as on one machine.
Errors: KeyError when the topology lacks a component.
Source: https://redis.io/docs/latest/operate/oss_and_stack/management/; kubernetes.md checklist (Redis).
"""

import hashlib

from audifi.targets.kubernetes import redis_scripts
from audifi.targets.kubernetes.accounts import account
from audifi.targets.kubernetes.confinement import container_security, pod_security
from audifi.targets.kubernetes.disruption import budget
from audifi.targets.kubernetes.documents import (
    Json,
    document,
    labels,
    metadata,
    namespace,
    pods_service,
    selector,
)
from audifi.targets.kubernetes.services import POD_NAME
from audifi.topology import operators
from audifi.topology.model.compute import Availability, Component, Probe, Probes, Resources
from audifi.topology.model.data import Queue, RedisCluster
from audifi.topology.model.whole import Topology

AUTH = "/etc/redis-auth"  # apart from the settings: a volume that cannot be written takes no mount below it
SETTINGS = "/etc/redis"
KEEP_EVERY_S = 5
KEEPER_MIB = 32
EXPORTER_MIB = 64
EXECUTABLE = 0o555
READABLE = 0o440


def documents(topology: Topology) -> tuple[Json, ...]:
    """Both Redises, each with everything it needs."""
    return tuple(
        each
        for name in (topology.stores.redis_cluster.component, topology.stores.queue.component)
        for each in _redis(topology, topology.component(name))
    )


def _redis(topology: Topology, component: Component) -> tuple[Json, ...]:
    settings = _settings(topology, component)
    optional = budget(topology, component)
    return (
        _account(topology, component),
        settings,
        _stateful_set(topology, component, settings["metadata"]["name"]),
        _service(topology, component),
        _headless(topology, component),
        *((optional,) if optional else ()),
    )


def _account(topology: Topology, component: Component) -> Json:
    """Its pods, and its backup job, which writes to the object store as this account."""
    made = account(topology, component)
    name = f"{component.name}@{operators.project(topology.environment)}.iam.gserviceaccount.com"
    made["metadata"]["annotations"] = {"iam.gke.io/gcp-service-account": name}
    return made


def is_cluster(topology: Topology, component: Component) -> bool:
    """Whether it is the Redis Cluster, and not the queue's."""
    return component.name == topology.stores.redis_cluster.component


def redis_conf(topology: Topology, component: Component) -> str:
    """redis.conf: the same settings as on one machine (local.components.redis_server), and where files lie here."""
    size = _resources(component)
    settings: dict[str, str | int] = {
        "bind": "* -::*",
        "protected-mode": "no",  # a password is asked, and policies say who may knock
        "port": component.port("redis").number,
        "dir": "/data",
        "aclfile": f"{AUTH}/users.acl",
        "include": f"{AUTH}/auth.conf",
        "appendonly": "yes",
        "appendfsync": _store(topology, component).append_fsync,
        "maxmemory": f"{size.memory_request_mib}mb",
        "maxmemory-policy": _store(topology, component).eviction,
        "repl-diskless-sync-delay": 0,
        "repl-ping-replica-period": 1,
        "tcp-keepalive": 60,
    }
    if is_cluster(topology, component):
        declared = topology.stores.redis_cluster
        settings |= {
            "cluster-enabled": "yes",
            "cluster-port": component.port("bus").number,
            "cluster-config-file": "nodes.conf",
            "cluster-node-timeout": declared.node_timeout_ms,
            "cluster-replica-validity-factor": declared.replica_validity_factor,
            "cluster-require-full-coverage": "no",
            "cluster-allow-replica-migration": "no",  # pairs stay pairs
            "cluster-preferred-endpoint-type": "hostname" if declared.announce_host_names else "ip",
        }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def _store(topology: Topology, component: Component) -> RedisCluster | Queue:
    return topology.stores.redis_cluster if is_cluster(topology, component) else topology.stores.queue


def _settings(topology: Topology, component: Component) -> Json:
    scripts = (
        {"keeper.sh": redis_scripts.KEEPER}
        if is_cluster(topology, component)
        else {"keeper.sh": redis_scripts.RELOADER, "start.sh": redis_scripts.QUEUE_START}
    )
    data = {"redis.conf": redis_conf(topology, component), **scripts}
    digest = hashlib.sha256(repr(sorted(data.items())).encode()).hexdigest()[:10]
    head = metadata(topology, component, f"{component.name}-settings-{digest}")
    return document("v1", "ConfigMap", head, immutable=True, data=data)


def _domain(topology: Topology, component: Component) -> str:
    return f"{pods_service(component)}.{namespace(topology, component)}.svc.{topology.cluster.dns_domain}"


def _environment(topology: Topology, component: Component) -> list[Json]:
    told = {
        "COMPONENT": component.name,
        "DOMAIN": _domain(topology, component),
        "PORT": component.port("redis").number,
        "AUTH": AUTH,
        "SELF": "127.0.0.1",
        "EVERY_S": KEEP_EVERY_S,
    }
    if is_cluster(topology, component):
        declared = topology.stores.redis_cluster
        ranges = " ".join(f"{each.first_slot}-{each.last_slot}" for each in declared.tags)
        told |= {
            "BUS": component.port("bus").number,
            "NODES": component.replicas,
            "MASTERS": declared.masters,
            "RANGES": ranges,
        }
    pod = [("POD_NAME", "metadata.name"), ("POD_IP", "status.podIP")]
    return [
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in pod),
        *({"name": name, "value": str(value)} for name, value in told.items()),
    ]


def _stateful_set(topology: Topology, component: Component, settings: str) -> Json:
    size = _resources(component)
    spec: Json = {
        "replicas": component.replicas,
        "revisionHistoryLimit": topology.cluster.rollout.revisions,
        "minReadySeconds": topology.cluster.rollout.steady_s,
        "serviceName": pods_service(component),
        "ordinals": {"start": 1},
        "podManagementPolicy": "Parallel",  # after a full stop all must come back at once to find each other
        "updateStrategy": {"type": "RollingUpdate"},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "selector": {"matchLabels": selector(component)},
        "template": {"metadata": {"labels": labels(component)}, "spec": _pod(topology, component, settings)},
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "data", "labels": selector(component)},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": f"{size.storage_gib}Gi"}},
                },
            }
        ],
    }
    return document("apps/v1", "StatefulSet", metadata(topology, component), spec=spec)


def small(mib: int, cpu_m: int = 10) -> Json:
    """The resources of what runs beside."""
    scratch = "16Mi"
    return {
        "requests": {"cpu": f"{cpu_m}m", "memory": f"{mib}Mi", "ephemeral-storage": scratch},
        "limits": {"memory": f"{mib}Mi", "ephemeral-storage": scratch},
    }


def _pod(topology: Topology, component: Component, settings: str) -> Json:
    available = _availability(component)
    return {
        "serviceAccountName": component.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **({"hostUsers": False} if topology.cluster.user_namespaces else {}),
        "priorityClassName": topology.cluster.priority(component.kind).name,
        "terminationGracePeriodSeconds": available.grace_s,
        "securityContext": pod_security(topology),
        "topologySpreadConstraints": [
            {
                "topologyKey": key,
                "maxSkew": 1,
                "whenUnsatisfiable": "DoNotSchedule",
                "nodeTaintsPolicy": "Honor",
                "labelSelector": {"matchLabels": selector(component)},
                "matchLabelKeys": ["controller-revision-hash"],
            }
            for key in available.spread
        ],
        "containers": [
            _server(topology, component),
            _keeper(topology, component),
            _exporter(topology, component),
        ],
        "volumes": [
            {"name": "settings", "configMap": {"name": settings, "defaultMode": EXECUTABLE}},
            {"name": "auth", "secret": {"secretName": f"{component.name}-auth", "defaultMode": READABLE}},
            {"name": "tmp", "emptyDir": {"sizeLimit": f"{topology.cluster.scratch_mib}Mi"}},
        ],
    }


def _server(topology: Topology, component: Component) -> Json:
    size, asked = _resources(component), _probes(component)
    return {
        "name": "redis",
        "image": component.image.reference if component.image else "",
        "imagePullPolicy": "IfNotPresent",
        "command": _command(topology, component),
        "env": _environment(topology, component),
        "ports": [
            {"name": port.name, "containerPort": port.number} for port in component.ports if port.name != "metrics"
        ],
        "startupProbe": _probe(asked.startup),
        "readinessProbe": _probe(asked.readiness),
        "livenessProbe": _probe(asked.liveness),
        "lifecycle": {"preStop": {"sleep": {"seconds": topology.cluster.pre_stop_s}}},
        "resources": {
            "requests": {
                "cpu": f"{size.cpu_request_m}m",
                "memory": f"{size.memory_request_mib}Mi",
                "ephemeral-storage": f"{topology.cluster.scratch_mib}Mi",
            },
            "limits": {
                "memory": f"{size.memory_limit_mib}Mi",
                "ephemeral-storage": f"{topology.cluster.scratch_mib}Mi",
            },
        },
        "securityContext": container_security(topology),
        "volumeMounts": [*_mounts(), {"name": "data", "mountPath": "/data"}],
    }


def _command(topology: Topology, component: Component) -> list[str]:
    if not is_cluster(topology, component):
        return ["/bin/sh", f"{SETTINGS}/start.sh"]
    name = f"$(POD_NAME).{_domain(topology, component)}"
    announced = ["--cluster-announce-ip", "$(POD_IP)", "--cluster-announce-hostname", name]
    return ["redis-server", f"{SETTINGS}/redis.conf", *announced]


def _mounts() -> list[Json]:
    """Passwords are a volume of their own, renewed in place."""
    return [
        {"name": "settings", "mountPath": SETTINGS, "readOnly": True},
        {"name": "auth", "mountPath": AUTH, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # the pod's own
    ]


def _keeper(topology: Topology, component: Component) -> Json:
    return {
        "name": "keeper",
        "image": component.image.reference if component.image else "",
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", f"{SETTINGS}/keeper.sh"],
        "env": _environment(topology, component),
        "resources": small(KEEPER_MIB),
        "securityContext": container_security(topology),
        "volumeMounts": _mounts(),
    }


def _exporter(topology: Topology, component: Component) -> Json:
    number = component.port("metrics").number
    return {
        "name": "exporter",
        "image": operators.REDIS_EXPORTER.reference,
        "imagePullPolicy": "IfNotPresent",
        "args": [
            f"--web.listen-address=:{number}",
            f"--redis.addr=redis://127.0.0.1:{component.port('redis').number}",
            "--include-system-metrics=false",
        ],
        "env": [
            {
                "name": "REDIS_PASSWORD",
                "valueFrom": {"secretKeyRef": {"name": f"{component.name}-auth", "key": "password"}},
            }
        ],
        "ports": [{"name": "metrics", "containerPort": number}],
        "resources": small(EXPORTER_MIB),
        "securityContext": container_security(topology),
    }


def _probe(probe: Probe) -> Json:
    return {
        "tcpSocket": {"port": probe.port},
        "periodSeconds": probe.period_s,
        "timeoutSeconds": probe.timeout_s,
        "failureThreshold": probe.failures,
    }


def _service(topology: Topology, component: Component) -> Json:
    """Any node of the cluster; of the queue its primary, the only one that takes events."""
    primary = {} if is_cluster(topology, component) else {POD_NAME: component.pods[0]}
    spec = {"type": "ClusterIP", "selector": {**selector(component), **primary}, "ports": _ports(component)}
    return document("v1", "Service", metadata(topology, component), spec=spec)


def _headless(topology: Topology, component: Component) -> Json:
    """Names for pods, ready or not: they look for each other before they are."""
    head: Json = {
        "name": pods_service(component),
        "namespace": namespace(topology, component),
        "labels": labels(component, pods_service(component)),
    }
    spec = {
        "type": "ClusterIP",
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": selector(component),
        "ports": _ports(component),
    }
    return document("v1", "Service", head, spec=spec)


def _ports(component: Component) -> list[Json]:
    return [
        {"name": port.name, "port": port.number, "targetPort": port.name, "protocol": "TCP"} for port in component.ports
    ]


def _resources(component: Component) -> Resources:
    assert component.resources is not None, f"{component.name} says its size"
    return component.resources


def _probes(component: Component) -> Probes:
    assert component.probes is not None, f"{component.name} says how it is asked"
    return component.probes


def _availability(component: Component) -> Availability:
    assert component.availability is not None, f"{component.name} says how it is kept available"
    return component.availability
