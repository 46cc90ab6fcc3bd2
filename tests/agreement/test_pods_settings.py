"""What a pod of the cluster is told is what its process reads: its ConfigMap and its Secret, parsed as it does.

Between: targets.kubernetes (documents), every `settings.py` of the data plane, kernel.migrate.
"""

import functools
from pathlib import Path
from typing import Any

import pytest
from tests.agreement.test_settings import OWN

from audifi.gateways.ws.settings import GatewaySettings
from audifi.kernel.migrate import MigrateSettings
from audifi.kernel.settings import SettingsError, parse, variables
from audifi.targets.kubernetes import migrations, secrets, workloads
from audifi.topology.declaration import platform
from audifi.topology.secrets import WITH_DATABASE
from audifi.wire import environment

Document = dict[str, Any]
READ: dict[str, type] = {**OWN, "ws-gateway": GatewaySettings}
PLACES = ("production", "staging")
# Told to every process of ours; who answers no request of a service has no use for them.
UNREAD = {"ws-gateway": (environment.REPLICAS, environment.MFA_REQUIRED_ALL, environment.INTERNAL_CALLER_KEYS)}


@functools.cache
def secret_keys(place: str) -> dict[str, tuple[str, ...]]:
    """The keys of each Secret that the store's secrets become."""
    return {each.name: tuple(each.keys) for each in secrets.wanted(platform(place))}


def mounted(place: str, pod: Document, folder: Path) -> None:
    """Make the files that the kubelet makes of the pod's Secret."""
    [volume] = [each["secret"] for each in pod["volumes"] if "secret" in each]
    wanted = [each["key"] for each in volume.get("items", [])] or secret_keys(place)[volume["secretName"]]
    for name in wanted:
        assert name in secret_keys(place)[volume["secretName"]]
        (folder / name).write_text(f"of {name}\n")


def told(pod: Document, maps: dict[str, dict[str, str]], folder: Path) -> dict[str, str]:
    """The environment of the pod's container; its directory of secrets is this folder."""
    [container] = pod["containers"]
    said = {"AUDIFI_POD": "pod"} | {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}
    for each in container.get("envFrom", []):
        said |= maps[each["configMapRef"]["name"]]
    [mount] = [each for each in container["volumeMounts"] if each["name"] == "secrets"]
    assert said[environment.SETTINGS_DIRECTORY] == mount["mountPath"]
    return said | {environment.SETTINGS_DIRECTORY: str(folder)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", sorted(READ))
def test_a_process_reads_what_its_pod_is_told(place: str, name: str, tmp_path: Path) -> None:
    topology = platform(place)
    rendered = workloads.documents(topology, topology.component(name))
    maps = {each["metadata"]["name"]: each["data"] for each in rendered if each["kind"] == "ConfigMap"}
    [pod] = [each["spec"]["template"]["spec"] for each in rendered if "template" in each.get("spec", {})]
    mounted(place, pod, tmp_path)
    said = told(pod, maps, tmp_path)
    parse(READ[name], said)
    assert (said[environment.SERVICE], said[environment.ENVIRONMENT]) == (name, place)
    known = {*variables(READ[name]), *UNREAD.get(name, ()), environment.SETTINGS_DIRECTORY}
    assert {*said, *(path.name for path in tmp_path.iterdir())} <= known, "told, and never read"


@pytest.mark.parametrize("name", WITH_DATABASE)
def test_a_migration_reads_what_its_job_is_told(name: str, tmp_path: Path) -> None:
    topology = platform("production")
    for phase in ("pre", "post"):
        [job] = [
            each
            for each in migrations.documents(topology, phase)
            if each["metadata"]["labels"]["audifi.io/component"] == name
        ]
        pod = job["spec"]["template"]["spec"]
        mounted("production", pod, tmp_path)
        settings = parse(MigrateSettings, told(pod, {}, tmp_path))
        assert settings.database_password.reveal() == "of DATABASE_PASSWORD"


def test_a_pod_without_its_secret_does_not_start(tmp_path: Path) -> None:
    topology = platform("production")
    rendered = workloads.documents(topology, topology.component("nft-service"))
    [settings] = [each["data"] for each in rendered if each["kind"] == "ConfigMap"]
    with pytest.raises(SettingsError, match="DATABASE_PASSWORD is not set"):
        parse(READ["nft-service"], {**settings, "AUDIFI_POD": "pod", environment.SETTINGS_DIRECTORY: str(tmp_path)})
