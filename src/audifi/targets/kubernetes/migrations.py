"""Render the Jobs that bring a schema up to date: `pre` before the new pods, `post` after the old ones are gone.

    kubectl apply -k migrations-pre;  kubectl wait --for=condition=complete job -l audifi.io/phase=pre -n audifi
    kubectl apply -k .                new pods take over; wait for `kubectl rollout status`
    kubectl apply -k migrations-post; the same wait for `post`

The very first time there is nothing to migrate from: `-k .` comes first and brings the database, the accounts and the
secrets; pods are not ready until the jobs have run.

Between: kernel/migrate.py (does it, under a lock, each file once) and a release.
Shape: a job per schema and phase; its name ends with the hash of what it runs, because a Job cannot be changed: the
same release finds its jobs done, another one gets others. GitOps controllers see the order in annotations. A job
reads two secrets and no ConfigMap: it starts before its release's ConfigMaps are there.
Invariant: a job may use its component's links, but its pods are nobody's endpoints: other `name` label.
Errors: none.
Source: kernel/migrate.py; https://kubernetes.io/docs/concepts/workloads/controllers/job/; kubernetes.md checklist 7.
"""

import hashlib
import json
from typing import Final, Literal

from audifi.targets.kubernetes.configuration import SETTINGS_DIRECTORY
from audifi.targets.kubernetes.documents import Json, document, labels, namespace
from audifi.targets.kubernetes.workloads import container, ours, pod
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology
from audifi.topology.secrets import WITH_DATABASE
from audifi.wire import environment

Phase = Literal["pre", "post"]
PHASE: Final = "audifi.io/phase"
HOOKS: Final = {"pre": "PreSync", "post": "PostSync"}  # argo-cd.readthedocs.io, "Resource Hooks"
TOLD: Final = (environment.DATABASE_WRITER_URL, environment.DATABASE_PASSWORD)  # all that a migrator reads
_HASH_CHARACTERS: Final = 10


def documents(topology: Topology, phase: Phase) -> tuple[Json, ...]:
    """One job per schema."""
    return tuple(_job(topology, each, phase) for each in ours(topology) if each.name in WITH_DATABASE)


def _job(topology: Topology, component: Component, phase: Phase) -> Json:
    policy = topology.cluster.migration
    spec: Json = {
        "backoffLimit": policy.tries - 1,
        "activeDeadlineSeconds": policy.deadline_s,
        "ttlSecondsAfterFinished": policy.kept_s,
        "template": _template(topology, component, phase),
    }
    name = f"{component.name}-migrate-{phase}"
    return document(
        "batch/v1",
        "Job",
        {
            "name": f"{name}-{_hash(spec)}",
            "namespace": namespace(topology, component),
            "labels": _labels(component, phase),
            "annotations": {
                "argocd.argoproj.io/hook": HOOKS[phase],
                "argocd.argoproj.io/hook-delete-policy": "HookSucceeded",
            },
        },
        spec=spec,
    )


def _template(topology: Topology, component: Component, phase: Phase) -> Json:
    command = ["python", "-m", "audifi.kernel.migrate", component.short_name, "--phase", phase]
    runs = {
        **container(topology, component, command),
        "name": "migrate",
        "env": [{"name": environment.SETTINGS_DIRECTORY, "value": SETTINGS_DIRECTORY}],
    }
    spec = pod(topology, component, runs, secrets=TOLD)
    return {"metadata": {"labels": _labels(component, phase)}, "spec": {"restartPolicy": "Never", **spec}}


def _labels(component: Component, phase: Phase) -> dict[str, str]:
    return {**labels(component, f"{component.name}-migrate"), PHASE: phase}


def _hash(spec: Json) -> str:
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:_HASH_CHARACTERS]
