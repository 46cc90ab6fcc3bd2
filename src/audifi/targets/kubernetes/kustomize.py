"""Put documents into files: a kustomize tree to patch, and the same documents as one file.

    base/<group>/<name>.yaml      what is applied, one noun a file
    base/, kustomization.yaml     what kustomize reads: `kubectl apply -k rendered/production/kubernetes`
    migrations-pre/, -post/       jobs that run before and after the rest, never with it
    patches/                      an overlay to copy: what only the owner of a cluster knows, with an example for each
    values/                       of third parties' charts (operators, observability)
    all.yaml                      base/ in one file, for who has neither kustomize nor a controller

Between: the modules of this folder (documents) and targets.catalogue (files).
Shape: PARTS is the list of what is rendered: a path below base/, its documents and their sources.
Invariant: every document is in exactly one file of base/, and all.yaml holds the same ones in the same order; a
namespace comes before what is in it.
Errors: none.
Source: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from audifi.targets.files import File, header, yaml_file, yaml_text
from audifi.targets.kubernetes import migrations, namespaces, policies, workloads
from audifi.targets.kubernetes.documents import Json
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology

ALL: Final = "all.yaml"
BASE: Final = "base/"
_KUSTOMIZATION: Final = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One file of base/: where, what, and which items of the topology it comes from."""

    path: str  # <group>/<name>.yaml
    documents: Callable[[Topology], Iterable[Json]]
    sources: Callable[[Topology], Iterable[str]]


# The order of all.yaml: what others need comes first.
PARTS: Final = (
    Part(
        path="cluster/namespaces.yaml",
        documents=namespaces.documents,
        sources=lambda topology: (
            *(f"namespace {each.name}" for each in topology.cluster.namespaces),
            *(f"priority {each.name}" for each in topology.cluster.priorities),
        ),
    ),
    Part(
        path="cluster/policies.yaml",
        documents=policies.documents,
        sources=lambda topology: (f"link {link.source} → {link.target}" for link in topology.links),
    ),
)


def files(topology: Topology) -> tuple[File, ...]:
    """Everything for the cluster."""
    base = tuple(_file(topology, part) for part in (*PARTS, *_volumes(topology), *_workloads(topology)))
    return (
        *base,
        *_index(base),
        _all(base),
        *_migrations(topology),
        _overlay(topology),
    )


def _file(topology: Topology, part: Part) -> File:
    return yaml_file(BASE + part.path, part.documents(topology), part.sources(topology))


def _workloads(topology: Topology) -> Iterable[Part]:
    for component in workloads.ours(topology):
        yield Part(
            path=f"workloads/{component.name}.yaml",
            documents=lambda whole, component=component: workloads.documents(whole, component),
            sources=lambda whole, component=component: _sources(whole, component),
        )


def _volumes(topology: Topology) -> Iterable[Part]:
    for shared in topology.cluster.shared_volumes:
        yield Part(
            path=f"workloads/volume-{shared.name}.yaml",
            documents=lambda whole, shared=shared: (workloads.volume(whole, shared),),
            sources=lambda _whole, shared=shared: (f"volume {shared.name}",),
        )


def _sources(topology: Topology, component: Component) -> Iterable[str]:
    """A workload comes from its component, and what it is told from its links and their targets."""
    yield f"component {component.name}"
    for link in topology.links_from(component.name):
        yield f"link {link.source} → {link.target}"


def _index(base: tuple[File, ...]) -> Iterable[File]:
    """A kustomization per group, one for base/ and one for the whole."""
    paths = [file.path.removeprefix(BASE) for file in base]
    groups = {group: list(names) for group, names in groupby(paths, key=lambda path: path.partition("/")[0])}
    for group, names in groups.items():
        yield _kustomization(f"{BASE}{group}/", [name.partition("/")[2] for name in names])
    yield _kustomization(BASE, list(groups))
    yield _kustomization("", ["base"])


def _kustomization(folder: str, resources: list[str]) -> File:
    return yaml_file(f"{folder}kustomization.yaml", [{**_KUSTOMIZATION, "resources": resources}], ["Topology"])


def _all(base: tuple[File, ...]) -> File:
    """The texts of base/, each below its own head."""
    sources = tuple(dict.fromkeys(source for file in base for source in file.sources))
    text = header(["every file of base/"]) + "".join(f"---\n{file.text}" for file in base)
    return File(path=ALL, text=text, sources=sources)


def _migrations(topology: Topology) -> Iterable[File]:
    sources = [f"component {each.name}" for each in workloads.ours(topology)]
    for phase in ("pre", "post"):
        folder = f"migrations-{phase}/"
        yield yaml_file(f"{folder}jobs.yaml", migrations.documents(topology, phase), sources)
        yield _kustomization(folder, ["jobs.yaml"])


def _overlay(topology: Topology) -> File:
    """What only the owner of a cluster knows, as a kustomization to copy; it changes nothing until it is edited."""
    overlay = {**_KUSTOMIZATION, "resources": ["../base"], "patches": _patches(topology)}
    text = header(["cluster"]) + OVERLAY + yaml_text([overlay], ["cluster"]).partition("\n")[2]
    return File(path="patches/kustomization.yaml", text=text, sources=("cluster",))


def _patches(topology: Topology) -> list[Json]:
    [volume, *_] = topology.cluster.shared_volumes
    return [
        {
            "target": {"kind": "PersistentVolumeClaim", "name": volume.name},
            "patch": f"- op: replace\n  path: /spec/storageClassName\n  value: {volume.storage_class}\n",
        },
        {
            "target": {"kind": "Deployment|StatefulSet"},
            "patch": "- op: add\n  path: /spec/template/spec/imagePullSecrets\n  value: []\n",
        },
    ]


OVERLAY: Final = """\
#
# The hook for what only you know. Copy this folder beside your own files, let `resources` point at the rendered base
# (a path, or this repository at a release's tag), and change it there: `./audifi render` writes this copy again.
# What belongs to the platform and not to your cluster (a number of pods, a limit, a link) is changed in the topology,
# where tests, drills and the other artifacts see it too.
#
# The patches below change nothing until their values are edited:
#   1. the storage class that can be mounted by many pods at once (ReadWriteMany): EFS, Filestore, CephFS, …
#   2. the secret with which nodes pull images, where the registry asks for one: `value: [{name: my-registry}]`
# Nodes that cannot map users (no `hostUsers: false`) need a third one that removes /spec/template/spec/hostUsers.
"""
