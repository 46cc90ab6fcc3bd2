"""The image holds what its pods import, and nothing else; its Dockerfile is as a linter wants it.

Between: targets.image, topology.building, pyproject.toml; hadolint, and Python's own import system.
Shape: no container is built here: every module of the data plane is imported by an interpreter that has only the
packages the Dockerfile copies and only the distributions that pyproject.toml says a pod needs.
"""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from audifi.cli.rendering import FOLDER
from audifi.local.binaries import binary
from audifi.local.components import service, ws_gateway
from audifi.local.state import Instance
from audifi.targets import fly, image
from audifi.targets.files import File
from audifi.topology import building
from audifi.topology.declaration import platform

ROOT = FOLDER.parent
CHECKOV = ROOT / ".audifi/policy/bin/checkov"
IMPORTS_WITHIN_S = 120
JUDGED_WITHIN_S = 120
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        parts = name.split(".")
        if parts[0] in FORBIDDEN or ".".join(parts[:2]) in ABSENT:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, Refused())
import audifi
for package in PACKAGES:
    importlib.import_module(f"audifi.{package}")
    folder = sys.modules[f"audifi.{package}"].__path__
    for module in pkgutil.walk_packages(folder, f"audifi.{package}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""


def file(name: str) -> File:
    return next(found for found in image.render(platform("production")) if found.path == name)


def linted(directory: Path, text: str) -> list[str]:
    written = directory / "Dockerfile"
    written.write_text(text)
    argv = [binary("hadolint"), "--format", "json", written]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    return [str(found["code"]) for found in json.loads(done.stdout)]


def refused(folder: Path) -> set[tuple[str, str]]:
    """What the judge of policies says, by file; an exception is reasoned in the Dockerfile itself."""
    if not CHECKOV.exists():
        pytest.skip(reason=f"{CHECKOV} is missing: ./audifi setup installs it")
    argv = [CHECKOV, "--skip-download", "--framework", "dockerfile", "--directory", folder, "--output", "json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=JUDGED_WITHIN_S)
    found = json.loads(done.stdout)["results"]["failed_checks"]
    return {(each["file_path"].strip("/"), each["check_id"]) for each in found}


def needed() -> set[str]:
    """Every distribution that a pod needs, and what those need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: set[str] = set()
    waiting = [Requirement(text) for text in project["dependencies"]]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        waiting += [Requirement(text) for text in requires(name) or ()]
    return found


def test_a_linter_finds_nothing(tmp_path: Path) -> None:
    assert not linted(tmp_path, file("Dockerfile").text)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("USER root", "DL3002"),
        ("FROM python:latest", "DL3007"),
        ("WORKDIR build", "DL3000"),
        ("ADD pyproject.toml /x/", "DL3020"),
        ("CMD python -m audifi.services.auth", "DL3025"),
    ],
)
def test_a_linter_finds_a_fault(tmp_path: Path, fault: str, said: str) -> None:
    assert said in linted(tmp_path, f"{file('Dockerfile').text}{fault}\n")


def test_policies_refuse_a_fault_and_nothing_else(tmp_path: Path) -> None:
    front_end = next(each.text for each in fly.render(platform("production")) if each.path == "Dockerfile")
    (tmp_path / "Dockerfile").write_text(file("Dockerfile").text)
    (tmp_path / "front-end.Dockerfile").write_text(front_end)
    (tmp_path / "planted.Dockerfile").write_text(re.sub(r"^USER .+$", "USER root", front_end, flags=re.MULTILINE))
    assert refused(tmp_path) == {("planted.Dockerfile", "CKV_DOCKER_8")}


def test_the_image_holds_everything_its_pods_import() -> None:
    """The Dockerfile copies these packages and installs these distributions: nothing else may be asked for."""
    allowed = needed()
    distributions = packages_distributions()
    forbidden = {
        name for name, owners in distributions.items() if not {canonicalize_name(each) for each in owners} & allowed
    } - {"audifi"}
    packages = building.BUILDING.packages
    absent = tuple(
        f"audifi.{path.name}"
        for path in sorted((ROOT / "src/audifi").iterdir())
        if path.is_dir() and path.name not in packages
    )
    head = f"FORBIDDEN = {sorted(forbidden)!r}\nABSENT = {absent!r}\nPACKAGES = {packages!r}\n"
    argv = [sys.executable, "-c", head + IMPORT_EVERYTHING]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=IMPORTS_WITHIN_S)
    assert done.returncode == 0, done.stderr


def test_a_pod_is_neither_root_nor_a_name() -> None:
    """RunAsNonRoot needs a number: a kubelet does not read the image's /etc/passwd."""
    user = platform("production").guard.run_as_user
    text = file("Dockerfile").text
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == [f"{user}:{user}"]
    assert user > 0


def test_what_an_image_runs_is_what_runs_on_one_machine(tmp_path: Path) -> None:
    topology = platform("local")
    instance = Instance.at(tmp_path)
    instance.create()
    started = [*service.pods(instance, topology), *ws_gateway.pods(instance, topology)]
    local = {pod.component: pod.argv[-1] for pod in started}
    assert {each.name: building.module(each) for each in building.built(topology)} == local
    stages = re.findall(
        r'^FROM runtime AS (\S+)\n(?:LABEL .+\n)?CMD \["(.+)"\]$', file("Dockerfile").text, re.MULTILINE
    )
    assert dict(stages) == local


def test_one_build_makes_every_image_of_the_release() -> None:
    bake = json.loads(file("docker-bake.json").text)
    topology = platform("production")
    ours = {each.name: each.image.repository for each in building.built(topology) if each.image}
    assert set(bake["group"]["default"]["targets"]) == set(ours) == set(bake["target"])
    for name, target in bake["target"].items():
        assert target["tags"] == [f"{ours[name]}:${{VERSION}}"]
        assert f"FROM runtime AS {target['target']}\n" in file("Dockerfile").text
        assert ROOT / target["dockerfile"] == (FOLDER / "production/image/Dockerfile")


def test_the_uv_that_builds_is_the_one_the_launcher_installs() -> None:
    launcher = re.search(r"^UV_VERSION=(\S+)$", (ROOT / "audifi").read_text(), re.MULTILINE)
    assert launcher is not None
    assert building.BUILDING.uv_image.endswith(f":{launcher[1]}")
