"""Render the hook for what only the owner of a cluster knows: an overlay to copy, with a patch for each such value.

Between: kustomize (puts it into patches/) and a person who copies it.
Shape: every patch writes what base/ says already, so the copy changes nothing until a value is edited; a test applies
the patches and compares.
Invariant: what belongs to the platform and not to a cluster has no patch here: it is changed in the topology.
Errors: KeyError when a document that is patched has lost the field; ValueError when two of them disagree.
Source: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/patches/
"""

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from audifi.targets.files import WIDTH, File, header, yaml_text
from audifi.targets.kubernetes.documents import Json
from audifi.wire import environment


@dataclass(frozen=True, kw_only=True, slots=True)
class Patch:
    """A value that differs by cluster: in which documents, where in them, and what it is."""

    kind: str
    name: str  # a regular expression, as kustomize reads it
    path: str  # as JSON Patch writes it
    what: str


PATCHES: Final = (
    Patch(
        kind="PersistentVolumeClaim",
        name="content",
        path="/spec/storageClassName",
        what="a class whose volumes many pods mount at once (ReadWriteMany): Filestore, EFS, CephFS, …",
    ),
    Patch(
        kind="ConfigMap",
        name="(ws-gateway|worker|[a-z]+-service)-settings-[0-9a-f]{10}",
        path=f"/data/{environment.TRUSTED_PROXY_NETWORKS}",
        what="""\
the network of the gateways' pods: X-Forwarded-For is believed from there alone, and without it all clients look like
one. Set it before the first apply: these maps are never changed, a release replaces them.""",
    ),
    Patch(
        kind="SecretStore",
        name=".*",
        path="/spec/provider/gcpsm/projectID",
        what="whose secrets these are; for another provider's store replace /spec/provider as a whole.",
    ),
    Patch(
        kind="ObjectStore",
        name=".*",
        path="/spec/configuration/destinationPath",
        what="where PostgreSQL's backups go.",
    ),
)

HEAD: Final = """\
#
# Copy this folder beside your own files, let `resources` point at the rendered base (a path, or this repository at a
# release's tag), and change it there: `./audifi render` writes this copy again. The patches write what base/ says
# already: nothing changes until you edit a value.
#
#   options       components: [../options/lets-encrypt] or [../options/sealed-secrets]
#   images        from a registry that asks who you are: patch /spec/template/spec/imagePullSecrets of what has pods
#   old nodes     that cannot map users: remove /spec/template/spec/hostUsers
#
# What belongs to the platform and not to your cluster (a number of pods, a limit, a link) is changed in the topology,
# where the audit, the drills and the other artifacts see it too.
#
"""


def overlay(documents: Iterable[Json], base: str) -> File:
    """The overlay over these documents of base/."""
    found = tuple(documents)
    overlaid: Json = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [base],
        "patches": [_patch(found, patch) for patch in PATCHES],
    }
    told = "".join(_comment(f"{each.kind} {each.path}: {each.what}") for each in PATCHES)
    text = header(["cluster"]) + HEAD + told + yaml_text([overlaid], ["cluster"]).split("\n", 1)[1]
    return File(path="patches/kustomization.yaml", text=text, sources=("cluster",))


def _comment(text: str) -> str:
    return textwrap.fill(text, WIDTH - 4, initial_indent="# ", subsequent_indent="#   ") + "\n"


def _patch(found: tuple[Json, ...], patch: Patch) -> Json:
    """One patch for all documents that it fits: they must agree now, or it would change one of them."""
    fitting = [
        each for each in found if each["kind"] == patch.kind and re.fullmatch(patch.name, each["metadata"]["name"])
    ]
    [value] = {_at(each, patch.path) for each in fitting}
    written = f"- op: replace\n  path: {patch.path}\n  value: {value}\n"
    return {"target": {"kind": patch.kind, "name": patch.name}, "patch": written}


def _at(document: Json, path: str) -> str:
    """The text at a JSON Pointer."""
    value: Any = document
    for step in path.split("/")[1:]:
        value = value[step]
    return str(value)
