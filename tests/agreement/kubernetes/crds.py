"""Find the definition of a custom kind: the schema that its controller's authors publish.

Between: the definitions below AUDIFI_SCHEMAS (default: ../shared/schemas beside the repository; files named
<group>_<plural>.yaml) and custom.py, which judges with them.
Shape: one file is parsed when its kind is first asked for; all of them together are 12 MB of YAML.
Invariant: a kind without a definition is a fault of the document, never a pass.
Errors: SchemasMissing says where we looked and what to set.
Source: apiextensions.k8s.io/v1, CustomResourceDefinition.
"""

import functools
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

PLACE = "AUDIFI_SCHEMAS"
DEFAULT = Path(__file__).resolve().parents[4] / "shared" / "schemas"
type_of_schema = dict[str, Any]
_GROUP = re.compile(r"^  group: (\S+)$", re.MULTILINE)
_KIND = re.compile(r"^    kind: (\S+)$", re.MULTILINE)


class SchemasMissing(Exception):
    """There is no folder of definitions."""


class Loader(yaml.CSafeLoader):
    """YAML as published: a bare `=` is a text (prometheus-operator has it in an enum; PyYAML cannot read it)."""


Loader.add_constructor("tag:yaml.org,2002:value", lambda _loader, node: node.value)


def folder() -> Path:
    """Where the definitions are."""
    place = Path(os.environ.get(PLACE) or DEFAULT)  # noqa: TID251  # where the tests' data is, not a setting of ours
    if not (place / "crds").is_dir():
        raise SchemasMissing(
            f"no definitions of custom kinds in {place / 'crds'}: set {PLACE} to the folder of schemas"
        )
    return place / "crds"


@functools.cache
def _files() -> Mapping[tuple[str, str], Path]:
    """(group, kind) → file, found without parsing."""
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(folder().rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        group, kind = _GROUP.search(text), _KIND.search(text)
        if group and kind:
            found[group.group(1), kind.group(1)] = path
    return found


def groups() -> frozenset[str]:
    """The API groups that have definitions here."""
    return frozenset(group for group, _ in _files())


@functools.cache
def schema(api_version: str, kind: str) -> type_of_schema | None:
    """The published schema of that version of that kind; None if nobody defines it."""
    group, _, version = api_version.rpartition("/")
    path = _files().get((group, kind))
    if path is None:
        return None
    definitions = yaml.load_all(path.read_text(encoding="utf-8"), Loader=Loader)
    for definition in cast("list[type_of_schema]", [each for each in definitions if each]):
        for served in definition["spec"]["versions"]:
            if served["name"] == version and served["served"]:
                return cast("type_of_schema", served["schema"]["openAPIV3Schema"])
    return None
