"""rendered/: fresh, the same twice, explained by lines that exist; the cluster's tree and its one file agree.

Between: targets.catalogue, cli.render and what is committed.
"""

import functools
import json
import operator
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from audifi.cli import explaining, rendering
from audifi.cli.main import application
from audifi.cli.rendering import ENVIRONMENTS, FOLDER
from audifi.local.errors import LocalError
from audifi.targets.catalogue import TARGETS
from audifi.targets.files import GENERATED, File
from audifi.targets.kubernetes import kustomize, namespaces, workloads
from audifi.topology.cluster import with_images, without_digest
from audifi.topology.declaration import platform
from audifi.topology.model.compute import PLACEHOLDER_DIGEST

DIGEST = "sha256:" + "a1" * 32


@pytest.fixture(scope="module")
def files() -> dict[str, File]:
    """Everything, rendered once for the module."""
    return rendering.wanted([platform(each) for each in ENVIRONMENTS], TARGETS)


def cluster(files: dict[str, File], environment: str) -> dict[str, File]:
    """The cluster's files by their path in its tree."""
    prefix = f"{environment}/kubernetes/"
    return {path.removeprefix(prefix): file for path, file in files.items() if path.startswith(prefix)}


def test_what_is_committed_is_what_is_rendered(files: dict[str, File]) -> None:
    changes = rendering.difference(FOLDER, files, rendering.parts(ENVIRONMENTS, TARGETS))
    assert not changes, f"./audifi render writes them: {changes}"
    assert {path.name for path in FOLDER.iterdir()} == set(ENVIRONMENTS)
    for environment in ENVIRONMENTS:
        assert {path.name for path in (FOLDER / environment).iterdir()} <= set(TARGETS)


def test_two_renders_are_equal(files: dict[str, File]) -> None:
    again = rendering.wanted([platform("production")], TARGETS)
    assert again == {path: file for path, file in files.items() if path.startswith("production/")}


def test_every_file_comes_from_lines_of_the_topology(files: dict[str, File]) -> None:
    """Taught by a generated file that nobody dared to change because nobody knew what made it."""
    sources = {source for file in files.values() for source in file.sources}
    assert all(file.sources for file in files.values())
    assert [source for source in sorted(sources) if not explaining.line_of(source)] == []


def test_files_that_may_hold_comments_say_what_made_them(files: dict[str, File]) -> None:
    heads = {path: file.text[:500] for path, file in files.items() if not path.endswith(".json")}
    assert [path for path, head in heads.items() if GENERATED not in head] == []


def test_a_folder_holds_nothing_else(tmp_path: Path, files: dict[str, File]) -> None:
    path = next(path for path in files if path.startswith("staging/dns/"))
    owned, wanted = ("staging/dns",), {path: files[path]}
    rendering.write(tmp_path, wanted, rendering.difference(tmp_path, wanted, owned))
    (tmp_path / "staging/dns/old").mkdir()
    (tmp_path / "staging/dns/old/left.yaml").write_text("")
    (tmp_path / path).write_text("somebody's fix")
    found = rendering.difference(tmp_path, wanted, owned)
    assert (found.new, found.changed, found.gone) == ((), (path,), ("staging/dns/old/left.yaml",))
    rendering.write(tmp_path, wanted, found)
    assert not rendering.difference(tmp_path, wanted, owned)
    assert not (tmp_path / "staging/dns/old").exists()


def test_what_the_linter_refuses_is_not_written(files: dict[str, File]) -> None:
    topology = platform("production")
    path = "production/kubernetes/base/workloads/nft-service.yaml"
    broken = replace(files[path], text=files[path].text.replace("targetPort: http", "targetPort: htpp"))
    [fault] = rendering.faults(topology, {**files, path: broken})
    assert "opens no port htpp" in fault.reason


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_one_file_holds_what_the_tree_holds(files: dict[str, File], environment: str) -> None:
    tree = cluster(files, environment)
    reached = [document for path in walked(tree, "") for document in documents(tree[path])]
    assert reached == parsed(kustomize.one_file(platform(environment)))
    assert {path for path in tree if path.startswith("base/")} == {*walked(tree, ""), *kustomizations(tree, "base/")}


@pytest.mark.parametrize(
    "folder",
    ["", "migrations-pre/", "migrations-post/", "patches/", "options/sealed-secrets/", "options/lets-encrypt/"],
)
def test_every_folder_that_kustomize_reads_is_whole(files: dict[str, File], folder: str) -> None:
    assert list(walked(cluster(files, "production"), folder))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_copied_overlay_changes_nothing_until_it_is_edited(files: dict[str, File], environment: str) -> None:
    tree = cluster(files, environment)
    base = [each for path in walked(tree, "") for each in documents(tree[path])]
    [overlay] = documents(tree["patches/kustomization.yaml"])
    for patch in overlay["patches"]:
        [operation] = yaml.safe_load(patch["patch"])
        fitting = [each for each in base if each["kind"] == patch["target"]["kind"]]
        fitting = [each for each in fitting if re.fullmatch(patch["target"]["name"], each["metadata"]["name"])]
        assert fitting, patch
        for each in fitting:
            found = functools.reduce(operator.getitem, operation["path"].split("/")[1:], each)
            assert (operation["op"], operation["value"]) == ("replace", found)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_pods_at_their_most_fit_the_database(environment: str) -> None:
    """Taught by an autoscaler that answered a slow database with more connections to it."""
    topology = platform(environment)
    pooler = topology.stores.pooler
    pods = sum(
        namespaces.pods_at_most(topology, each)
        for each in workloads.ours(topology)
        if any(link.target == pooler.component for link in topology.links_from(each.name))
    )
    both = 2  # a writer's pool and a reader's
    room = pooler.client_connections_max * topology.component(pooler.component).replicas
    assert pods * both * pooler.app_pool_max <= room


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_pods_at_their_most_fit_the_quota(files: dict[str, File], environment: str) -> None:
    """Taught by a rollout at noon that the quota of midnight refused."""
    tree = cluster(files, environment)
    base = [each for path in walked(tree, "") for each in documents(tree[path])]
    [quota] = [
        each["spec"]["hard"]
        for each in base
        if each["kind"] == "ResourceQuota" and each["metadata"]["namespace"] == "audifi"
    ]
    most = {
        each["metadata"]["name"]: each["spec"]["maxReplicas"] for each in base if "maxReplicas" in each.get("spec", {})
    }
    asked = [
        (most.get(each["metadata"]["name"]) or each["spec"]["replicas"], each["spec"]["template"]["spec"]["containers"])
        for each in base
        if each["kind"] in {"Deployment", "StatefulSet"}
    ]
    asked += [(each["spec"]["instances"], [each["spec"]]) for each in base if each["kind"] == "Cluster"]
    memory = sum(
        (pods + 1) * mib(each["resources"]["requests"]["memory"]) for pods, containers in asked for each in containers
    )
    assert 0 < memory <= mib(quota["requests.memory"])


def mib(quantity: str) -> int:
    return int(quantity.removesuffix("Mi"))


def test_pods_end_before_they_are_killed() -> None:
    topology = platform("production")
    finish_s = 25  # kernel.server.FINISH_S, which the control plane does not import
    for component in workloads.ours(topology):
        assert component.availability
        ends_s = topology.cluster.pre_stop_s + component.availability.drain_s + finish_s
        assert ends_s < component.availability.grace_s, component.name


def test_a_release_pins_every_image() -> None:
    topology = platform("production")
    unpinned = without_digest(topology)
    assert "nft-service" in unpinned
    released = with_images(topology, dict.fromkeys(unpinned, DIGEST))
    assert without_digest(released) == ()
    text = "".join(file.text for file in rendering.wanted([released], ["kubernetes"]).values())
    assert f"nft-service@{DIGEST}" in text
    assert PLACEHOLDER_DIGEST not in text


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ({"nobody": DIGEST}, "no component nobody"),
        ({"nft-service": "latest"}, "no digest"),
        ([], "Expected `object`"),
        ({"nft-service": DIGEST}, "no digest of ws-gateway, auth-service"),
        (None, "No such file"),
    ],
)
def test_images_that_are_none_are_refused(images: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "release.json"
    if images is not None:
        path.write_text(json.dumps(images))
    with pytest.raises(LocalError, match=said):
        run("--check", "--target", "kubernetes", "--images", str(path))


def test_a_file_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    path = "rendered/production/kubernetes/base/workloads/nft-service.yaml"
    assert run("--explain", str(FOLDER.parent / path), "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["file"] == path
    assert told["sources"][0]["item"] == "component nft-service"
    file, _, number = told["sources"][0]["line"].partition(":")
    assert '"nft-service"' in (FOLDER.parent / file).read_text().splitlines()[int(number) - 1]


@pytest.mark.parametrize(
    "wrong", [["--explain", "rendered/production/dns/nothing"], ["--target", "helm"], ["--stdout"]]
)
def test_wrong_use_is_refused(wrong: list[str]) -> None:
    with pytest.raises(LocalError, match=wrong[0]):
        run(*wrong)


def run(*arguments: str) -> int:
    code = application("render")(["render", *arguments], exit_on_error=False)
    assert isinstance(code, int)
    return code


def walked(tree: dict[str, File], folder: str) -> Iterator[str]:
    """The files that a kustomization reaches, in its order."""
    [kustomization] = documents(tree[f"{folder}kustomization.yaml"])
    for name in kustomization["resources"]:
        path = normal(folder + name)
        if path in tree:
            yield path
        else:
            yield from walked(tree, f"{path}/")


def kustomizations(tree: dict[str, File], folder: str) -> list[str]:
    return [path for path in tree if path.startswith(folder) and path.endswith("kustomization.yaml")]


def normal(path: str) -> str:
    parts: list[str] = []
    for part in PurePosixPath(path).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def documents(file: File) -> list[dict[str, Any]]:
    return parsed(file.text)


def parsed(text: str) -> list[dict[str, Any]]:
    return [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]
