"""Render the jobs that copy what the operator does not copy, and the one that shows that a restore works.

    redis-cluster-backup, redis-queue-backup   every day: a dump of each primary, read again, carried to the bucket
    postgres-restore-drill                     every month: a cluster from the newest backup, asked, taken away again

Between: topology.stores.backups (schedules, retention), postgres (the bucket and its account), monitoring (ages).
Shape: what a job does is steps: containers that run one after the other, each with the image that can do it.
What the buckets do: encryption and removal by age are the bucket's own (retention_days is its lifecycle rule), so no
job of ours can delete a backup.
Units: schedules have five fields here (CronJob), six there (CloudNativePG); *_s seconds.
Invariant: one at a time; a job that hangs is ended; the alert is on the age of the newest backup, not on a failure.
Errors: KeyError when the topology has no such backup.
Source: kubernetes.md checklist (Backups); domain.md 7 (restore test monthly).
"""

import json

from audifi.targets.kubernetes import backup_scripts
from audifi.targets.kubernetes.confinement import container_security, pod_security
from audifi.targets.kubernetes.documents import Json, document, identity, labels, metadata, namespace, pods_service
from audifi.targets.kubernetes.postgres import API as CNPG
from audifi.targets.kubernetes.postgres import BARMAN, backup, service_account, user_secrets
from audifi.targets.kubernetes.redis import READABLE, small
from audifi.topology import operators
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology
from audifi.topology.secrets import WITH_DATABASE, database_role

AUTH = "/etc/redis-auth"
DRILL = "postgres-restore-drill"
DRILL_SCHEDULE = "30 3 2 * *"  # monthly, after the night's backups
TRIES = 2
KEPT_S = 3 * 86_400
STEP_MIB = 128
TOKEN_S = 7200
STORE = "https://storage.googleapis.com"


def documents(topology: Topology) -> tuple[Json, ...]:
    """Both dumps with what they run, and the drill with what it may do."""
    stores = (topology.stores.redis_cluster.component, topology.stores.queue.component)
    return (
        *(each for name in stores for each in _dump(topology, topology.component(name))),
        *_drill(topology),
    )


def cron(schedule: str) -> str:
    """Of six fields the five that a CronJob knows."""
    fields = schedule.split()
    return " ".join(fields[1:] if len(fields) == 6 else fields)  # the first are seconds


def _dump(topology: Topology, component: Component) -> tuple[Json, Json]:
    name = f"{component.name}-backup"
    scripts = document(
        "v1",
        "ConfigMap",
        metadata(topology, component, f"{name}-scripts"),
        data={"dump.sh": backup_scripts.DUMP, "upload.py": backup_scripts.UPLOAD},
    )
    kept = backup(topology, component.name)
    spec = {
        **_pod(topology, component.name),
        "initContainers": [_taking(topology, component)],
        "containers": [_carrying(topology, component)],
        "volumes": [
            {"name": "scripts", "configMap": {"name": f"{name}-scripts"}},
            {"name": "auth", "secret": {"secretName": f"{component.name}-auth", "defaultMode": READABLE}},
            {"name": "backup", "emptyDir": {"sizeLimit": f"{_dump_mib(component)}Mi"}},
        ],
    }
    return scripts, _cron_job(topology, component, name, cron(kept.full_schedule), spec, deadline_s=3600)


def _dump_mib(component: Component) -> int:
    assert component.resources is not None, f"{component.name} says its size"
    return component.replicas * component.resources.memory_limit_mib


def _cron_job(  # what a job is
    topology: Topology, component: Component, name: str, schedule: str, spec: Json, *, deadline_s: int
) -> Json:
    """Its pods are the component's to policies, and nobody's endpoints."""
    job = {
        "backoffLimit": TRIES - 1,
        "activeDeadlineSeconds": deadline_s,
        "ttlSecondsAfterFinished": KEPT_S,
        "template": {"metadata": {"labels": labels(component, name)}, "spec": spec},
    }
    return document(
        "batch/v1",
        "CronJob",
        {**metadata(topology, component, name), "labels": labels(component, name)},
        spec={
            "schedule": schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 1800,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"metadata": {"labels": labels(component, name)}, "spec": job},
        },
    )


def _pod(topology: Topology, account: str) -> Json:
    return {
        "restartPolicy": "Never",
        "serviceAccountName": account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **({"hostUsers": False} if topology.cluster.user_namespaces else {}),
        "priorityClassName": topology.cluster.priority(topology.component("worker").kind).name,
        "securityContext": pod_security(topology),
    }


def _step(topology: Topology, name: str, image: str, command: list[str]) -> Json:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "resources": small(STEP_MIB, cpu_m=50),
        "securityContext": container_security(topology),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _image(component: Component) -> str:
    assert component.image is not None, f"{component.name} has an image"
    return component.image.reference


def _taking(topology: Topology, component: Component) -> Json:
    is_cluster = component.name == topology.stores.redis_cluster.component
    told = {
        "AUTH": AUTH,
        "PODS": " ".join(component.pods),
        "DOMAIN": f"{pods_service(component)}.{namespace(topology, component)}.svc.{topology.cluster.dns_domain}",
        "PORT": str(component.port("redis").number),
        "PRIMARIES": str(topology.stores.redis_cluster.masters if is_cluster else 1),
    }
    return {
        **_step(topology, "dump", _image(component), ["/bin/sh", "/scripts/dump.sh"]),
        "env": [{"name": name, "value": value} for name, value in told.items()],
        "volumeMounts": [
            {"name": "scripts", "mountPath": "/scripts", "readOnly": True},
            {"name": "auth", "mountPath": AUTH, "readOnly": True},
            {"name": "backup", "mountPath": "/backup"},
        ],
    }


def _carrying(topology: Topology, component: Component) -> Json:
    """By the worker's image: it has Python, and is pinned by the release."""
    told = {
        "COMPONENT": component.name,
        "STORE": STORE,
        "BUCKET": f"{operators.project(topology.environment)}-backups",
    }
    return {
        **_step(topology, "upload", _image(topology.component("worker")), ["python", "/scripts/upload.py"]),
        "env": [{"name": name, "value": value} for name, value in told.items()],
        "volumeMounts": [
            {"name": "scripts", "mountPath": "/scripts", "readOnly": True},
            {"name": "backup", "mountPath": "/backup", "readOnly": True},
        ],
    }


def _drill(topology: Topology) -> tuple[Json, ...]:
    component = topology.component("postgres")
    head = metadata(topology, component, DRILL)
    account = document("v1", "ServiceAccount", head, automountServiceAccountToken=False)
    may = [
        {"apiGroups": ["postgresql.cnpg.io"], "resources": ["clusters"], "verbs": ["create", "list", "watch"]},
        {
            "apiGroups": ["postgresql.cnpg.io"],
            "resources": ["clusters"],
            "resourceNames": [DRILL],
            "verbs": ["get", "patch", "delete"],
        },
    ]
    role = document("rbac.authorization.k8s.io/v1", "Role", head, rules=may)
    binding = document(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        head,
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": DRILL},
        subjects=[{"kind": "ServiceAccount", "name": DRILL, "namespace": namespace(topology, component)}],
    )
    wanted = document("v1", "ConfigMap", head, data={"cluster.json": _json(_restored(topology))})
    budget_s = backup(topology, "postgres").rto_s or 3600
    job = _cron_job(
        topology, component, DRILL, DRILL_SCHEDULE, _drill_pod(topology, budget_s), deadline_s=budget_s + 600
    )
    return account, role, binding, wanted, job


def _restored(topology: Topology) -> Json:
    """One instance from the archive's end; it archives nothing itself."""
    component, declared = topology.component("postgres"), topology.stores.postgres
    size = component.resources
    assert size is not None, "postgres has resources"
    spec = {
        "instances": 1,
        "imageCatalogRef": {
            "apiGroup": "postgresql.cnpg.io",
            "kind": "ImageCatalog",
            "name": component.name,
            "major": declared.version_min,
        },
        "inheritedMetadata": {"labels": identity(component)},
        "bootstrap": {
            "recovery": {"source": component.name, "database": declared.database, "owner": "audifi"},
        },
        "externalClusters": [
            {
                "name": component.name,
                "plugin": {
                    "name": BARMAN,
                    "parameters": {"barmanObjectName": component.name, "serverName": component.name},
                },
            }
        ],
        "storage": {"size": f"{size.storage_gib}Gi"},
        "walStorage": {"size": f"{max(10, size.storage_gib // 5)}Gi"},
        "resources": {
            "requests": {"cpu": "500m", "memory": f"{size.memory_request_mib}Mi"},
            "limits": {"memory": f"{size.memory_limit_mib}Mi"},
        },
        "serviceAccountTemplate": {
            "metadata": {"annotations": {"iam.gke.io/gcp-service-account": service_account(topology, component.name)}}
        },
    }
    return document(CNPG, "Cluster", metadata(topology, component, DRILL), spec=spec)


def _drill_pod(topology: Topology, budget_s: int) -> Json:
    """Make it, wait as long as the promise allows, ask it, take it away. What failed stays until the next month."""
    kubectl = operators.KUBECTL.reference
    token = {"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}
    mounted = [token, {"name": "wanted", "mountPath": "/wanted", "readOnly": True}]
    removed = ["kubectl", "delete", f"cluster.postgresql.cnpg.io/{DRILL}", "--ignore-not-found", "--wait"]
    steps = (
        ("clean", removed),
        ("restore", ["kubectl", "create", "-f", "/wanted/cluster.json"]),
        (
            "wait",
            [
                "kubectl",
                "wait",
                "--for=condition=Ready",
                f"cluster.postgresql.cnpg.io/{DRILL}",
                f"--timeout={budget_s}s",
            ],
        ),
    )
    return {
        **_pod(topology, DRILL),
        "initContainers": [
            *({**_step(topology, name, kubectl, command), "volumeMounts": mounted} for name, command in steps),
            _asking(topology),
        ],
        "containers": [{**_step(topology, "remove", kubectl, removed), "volumeMounts": [token]}],
        "volumes": [{"name": "wanted", "configMap": {"name": DRILL}}, _token()],
    }


def _token() -> Json:
    """Who the drill is to the API, for the steps that call it and no longer than a job lasts."""
    sources: list[Json] = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_S}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    return {"name": "token", "projected": {"sources": sources, "defaultMode": READABLE}}


def _asking(topology: Topology) -> Json:
    """Every schema is there, and a service's user may sign in; a missing schema divides by zero, and the job fails."""
    component, declared = topology.component("postgres"), topology.stores.postgres
    schemas = ", ".join(f"'{database_role(name)}'" for name in WITH_DATABASE)
    found = f"(SELECT count(*) FROM pg_namespace WHERE nspname IN ({schemas}))"  # noqa: S608  # our own names
    question = f"SELECT 1 / ({found} = {len(WITH_DATABASE)})::int"

    (_, user), _ = user_secrets("auth-service")

    def of(key: str) -> Json:
        return {"secretKeyRef": {"name": user, "key": key}}

    told: list[Json] = [
        {"name": "PGHOST", "value": f"{DRILL}-rw"},
        {"name": "PGDATABASE", "value": declared.database},
        {"name": "PGSSLMODE", "value": "require"},
        {"name": "PGUSER", "valueFrom": of("username")},
        {"name": "PGPASSWORD", "valueFrom": of("password")},
    ]
    command = ["psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--command", question]
    return {**_step(topology, "ask", _image(component), command), "env": told}


def _json(value: Json) -> str:
    return json.dumps(value, indent=1) + "\n"
