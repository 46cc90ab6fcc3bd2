"""Checkov, offline: what it refuses in the production set is listed here with a reason, and nothing else is refused.

Between: the rendered production set and the program in .audifi/policy (an environment of its own).
Shape: one run judges the set and a planted pod beside it; the plant shows that the program can refuse.
Invariant: an exception that nothing needs any more is a failure too.
"""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audifi.targets.files import yaml_text

type_of_document = dict[str, Any]
ROOT = Path(__file__).resolve().parents[3]
CHECKOV = ROOT / ".audifi/policy/bin/checkov"
WITHIN_S = 180
PLANTED = "Deployment.audifi.planted"
# (check, resource) → why. A digest is not invented: a third party's image is pinned by its exact version until a
# release fills the digest in.
NO_CPU_LIMIT = "a CPU limit stalls what must answer fast, and a batch job may use what is idle: memory is limited"
TAG = "a third party's image by exact version; its digest is filled in where the registry can be asked"
PRESENT = "the check asks for Always unless there is a digest; a version that was pulled is not pulled again"
EXPORTER = "the exporter beside Redis: if it is sick Redis must not be restarted; its missing metrics are an alert"
FROM_SECRET = "from a Secret by reference, to a program that takes it by environment only; read by its one process"
DATA = ("StatefulSet.audifi.redis-cluster", "StatefulSet.audifi.redis-queue")
DRILL = "CronJob.audifi.postgres-restore-drill"
JOBS = (DRILL, "CronJob.audifi.redis-cluster-backup", "CronJob.audifi.redis-queue-backup")
EXCEPTIONS = {
    **{("CKV_K8S_11", name): NO_CPU_LIMIT for name in (*JOBS, *DATA, "StatefulSet.audifi.ws-gateway")},
    **{("CKV_K8S_43", name): TAG for name in (*DATA, DRILL)},
    **{("CKV_K8S_15", name): PRESENT for name in (*DATA, DRILL)},
    **{(check, name): EXPORTER for check in ("CKV_K8S_8", "CKV_K8S_9") for name in DATA},
    **{("CKV_K8S_35", name): FROM_SECRET for name in (*DATA, DRILL)},
    ("CKV_SECRET_6", "password_encryption: scram-sha-256"): "the name of an algorithm",
}
# What the plant does wrong, by the checks that must say so.
FAULTS: tuple[tuple[str, Callable[[type_of_document], object]], ...] = (
    ("CKV_K8S_16", lambda c: c["securityContext"].update(privileged=True)),
    ("CKV_K8S_20", lambda c: c["securityContext"].update(allowPrivilegeEscalation=True)),
    ("CKV_K8S_22", lambda c: c["securityContext"].update(readOnlyRootFilesystem=False)),
    ("CKV_K8S_13", lambda c: c["resources"].pop("limits")),
    ("CKV_K8S_8", lambda c: c.pop("livenessProbe")),
    ("CKV_K8S_14", lambda c: c.update(image="audifi/nft-service:latest")),
)


@pytest.fixture(scope="session")
def refused(
    production: dict[str, list[type_of_document]], tmp_path_factory: pytest.TempPathFactory
) -> set[tuple[str, str]]:
    """(check, resource) of everything that was refused; a secret's resource is the text of its line."""
    if not CHECKOV.exists():
        pytest.skip(reason=f"{CHECKOV} is missing: ./audifi setup installs it")
    folder = tmp_path_factory.mktemp("policy")
    planted = copy.deepcopy(next(each for each in production["base"] if each["kind"] == "Deployment"))
    planted["metadata"]["name"] = "planted"
    for _, plant in FAULTS:
        plant(planted["spec"]["template"]["spec"]["containers"][0])
    (folder / "set.yaml").write_text(yaml_text(production["base"], ["tests"]))
    (folder / "planted.yaml").write_text(yaml_text([planted], ["tests"]))
    argv = [
        str(CHECKOV),
        "-d",
        ".",
        "--framework",
        "kubernetes",
        "secrets",
        "--skip-download",
        "--compact",
        "-o",
        "json",
    ]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    reports: list[type_of_document] = json.loads(done.stdout)
    failed = [each for report in reports for each in report["results"]["failed_checks"]]
    return {(each["check_id"], _resource(folder, each)) for each in failed}


def _resource(folder: Path, failed: type_of_document) -> str:
    if not str(failed["check_id"]).startswith("CKV_SECRET"):
        return str(failed["resource"])
    lines = (folder / failed["file_path"].lstrip("/")).read_text().splitlines()
    return lines[failed["file_line_range"][0] - 1].strip()


def test_checkov_refuses_only_the_exceptions(refused: set[tuple[str, str]]) -> None:
    assert {each for each in refused if each[1] != PLANTED} == EXCEPTIONS.keys()


@pytest.mark.parametrize("check", [check for check, _ in FAULTS])
def test_checkov_names_a_planted_fault(refused: set[tuple[str, str]], check: str) -> None:
    assert (check, PLANTED) in refused
