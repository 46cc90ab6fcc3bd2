"""Put documents into files: a kustomize tree to patch, or the same documents as one text.

    base/<group>/<name>.yaml      what is applied, one noun a file
    base/, kustomization.yaml     what kustomize reads: `kubectl apply -k rendered/production/kubernetes`
    migrations-pre/, -post/       jobs that run before and after the rest, never with it
    patches/                      an overlay to copy: what only the owner of a cluster knows, with an example for each
    options/<option>/             what replaces a part of base/: an overlay names it under `components`
    values/                       of third parties' charts (operators, observability)

Between: the modules of this folder (documents) and targets.catalogue (files).
Shape: PARTS and OPTIONS list what is rendered: where, the documents and their sources.
`./audifi render --stdout` prints base/ as one file, for who has neither kustomize nor a controller. It is not kept:
every change would have to be reviewed twice.
Invariant: every document is in exactly one file of base/; a namespace comes before what is in it.
Errors: none.
Source: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from audifi.targets.files import File, header, yaml_file
from audifi.targets.kubernetes import (
    backups,
    certificates,
    gateway,
    mesh,
    migrations,
    monitoring,
    namespaces,
    policies,
    postgres,
    redis,
    secrets,
    values,
    workloads,
)
from audifi.targets.kubernetes.documents import Json
from audifi.targets.kubernetes.overlay import overlay
from audifi.topology import operators
from audifi.topology.exposures import exposures
from audifi.topology.model.compute import Component, Kind
from audifi.topology.model.whole import Topology

BASE: Final = "base/"
_KUSTOMIZATION: Final = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One file: where, what, and which items of the topology it comes from."""

    path: str  # base/<group>/<name>.yaml
    documents: Callable[[Topology], Iterable[Json]]
    sources: Callable[[Topology], Iterable[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """What may replace a part of base/: the documents it brings, and which ones it takes away."""

    name: str
    documents: Callable[[Topology], Iterable[Json]]
    sources: Callable[[Topology], Iterable[str]]
    removes: tuple[Mapping[str, str], ...]


def _components(*kinds: Kind) -> Callable[[Topology], Iterable[str]]:
    """The components of these kinds, as sources."""
    return lambda topology: (f"component {each.name}" for each in topology.components if each.kind in kinds)


def _secrets(topology: Topology) -> Iterable[str]:
    return (f"secret {each.name}" for each in topology.secrets)


# The order of one file: what others need comes first. Files of a group stand together.
PARTS: Final = (
    Part(
        path="base/cluster/namespaces.yaml",
        documents=namespaces.documents,
        sources=lambda topology: (
            *(f"namespace {each.name}" for each in topology.cluster.namespaces),
            *(f"priority {each.name}" for each in topology.cluster.priorities),
        ),
    ),
    Part(
        path="base/cluster/policies.yaml",
        documents=policies.documents,
        sources=lambda topology: (f"link {link.source} → {link.target}" for link in topology.links),
    ),
    Part(path="base/cluster/secrets.yaml", documents=secrets.documents, sources=_secrets),
    Part(
        path="base/data/postgres.yaml",
        documents=postgres.documents,
        sources=_components(Kind.DATABASE, Kind.POOLER),
    ),
    Part(path="base/data/redis.yaml", documents=redis.documents, sources=_components(Kind.CACHE, Kind.QUEUE)),
    Part(
        path="base/data/backups.yaml",
        documents=backups.documents,
        sources=_components(Kind.DATABASE, Kind.CACHE, Kind.QUEUE),
    ),
    Part(
        path="base/entrance/gateways.yaml",
        documents=gateway.documents,
        sources=lambda topology: (
            *(f"component {name}" for name in operators.BY_GATEWAY),
            *(f"domain {each.name}" for each in topology.domains if each.served_by in operators.BY_GATEWAY),
            *("Tls", "Cors", "WebSocket"),
        ),
    ),
    Part(
        path="base/observability/monitoring.yaml",
        documents=monitoring.documents,
        sources=lambda topology: (f"component {each.component}" for each in exposures(topology)),
    ),
)
OPTIONS: Final = (
    Option(
        name="sealed-secrets",
        documents=secrets.sealed,
        sources=_secrets,
        removes=({"kind": "ExternalSecret"}, {"kind": "SecretStore"}),
    ),
    Option(
        name="lets-encrypt",
        documents=certificates.lets_encrypt,
        sources=lambda _: ("Tls", "secret cloudflare-api-token"),
        removes=({"kind": "ExternalSecret", "name": secrets.ORIGIN},),
    ),
)


def one_file(topology: Topology) -> str:
    """The documents of base/ as one text, each file below its own head."""
    return header(["every file of base/"]) + "".join(f"---\n{file.text}" for file in _base(topology))


def files(topology: Topology) -> tuple[File, ...]:
    """Everything for the cluster."""
    base = _base(topology)
    return (
        *base,
        *_index(base),
        _kustomization(BASE, list(dict.fromkeys(file.path.split("/")[1] for file in base))),
        _kustomization("", ["base"]),
        *(file for option in OPTIONS for file in _option(topology, option)),
        *mesh.files(topology),
        *values.files(topology),
        *_migrations(topology),
        overlay((each for part in _parts(topology) for each in part.documents(topology)), "../base"),
    )


def _parts(topology: Topology) -> tuple[Part, ...]:
    return (*PARTS, *_volumes(topology), *_workloads(topology))


def _base(topology: Topology) -> tuple[File, ...]:
    return tuple(_file(topology, part) for part in _parts(topology))


def _file(topology: Topology, part: Part) -> File:
    return yaml_file(part.path, part.documents(topology), part.sources(topology))


def _workloads(topology: Topology) -> Iterable[Part]:
    for component in workloads.ours(topology):
        yield Part(
            path=f"base/workloads/{component.name}.yaml",
            documents=lambda whole, component=component: workloads.documents(whole, component),
            sources=lambda whole, component=component: _sources(whole, component),
        )


def _volumes(topology: Topology) -> Iterable[Part]:
    for shared in topology.cluster.shared_volumes:
        yield Part(
            path=f"base/workloads/volume-{shared.name}.yaml",
            documents=lambda whole, shared=shared: (workloads.volume(whole, shared),),
            sources=lambda _whole, shared=shared: (f"volume {shared.name}",),
        )


def _sources(topology: Topology, component: Component) -> Iterable[str]:
    """A workload comes from its component, and what it is told from its links and their targets."""
    yield f"component {component.name}"
    for link in topology.links_from(component.name):
        yield f"link {link.source} → {link.target}"


def _index(written: tuple[File, ...]) -> Iterable[File]:
    """A kustomization for each folder of these files."""
    for folder, paths in groupby((file.path for file in written), key=lambda path: path.rpartition("/")[0]):
        yield _kustomization(f"{folder}/", [path.rpartition("/")[2] for path in paths])


def _option(topology: Topology, option: Option) -> Iterable[File]:
    """A component of kustomize: an overlay names it beside base/."""
    folder, sources = f"options/{option.name}/", tuple(option.sources(topology))
    component: Json = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": ["documents.yaml"],
        "patches": [
            {"target": target, "patch": f"$patch: delete\nkind: {target['kind']}\nmetadata:\n  name: any\n"}
            for target in option.removes
        ],
    }
    yield yaml_file(f"{folder}documents.yaml", option.documents(topology), sources)
    yield yaml_file(f"{folder}kustomization.yaml", [component], sources)


def _kustomization(folder: str, resources: list[str]) -> File:
    return yaml_file(f"{folder}kustomization.yaml", [{**_KUSTOMIZATION, "resources": resources}], ["Topology"])


def _migrations(topology: Topology) -> Iterable[File]:
    sources = [f"component {each.name}" for each in workloads.ours(topology)]
    for phase in ("pre", "post"):
        folder = f"migrations-{phase}/"
        yield yaml_file(f"{folder}jobs.yaml", migrations.documents(topology, phase), sources)
        yield _kustomization(folder, ["jobs.yaml"])
