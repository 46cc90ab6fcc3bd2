"""Judge a built-in kind by Kubernetes' own schema: strictly, for the version we run on and the one after it.

Between: the schemas that kubernetes-validate brings, and the tests that hand in rendered documents.
Shape: a validator is built once per kind and version; the package itself reads two megabytes for every document.
Invariant: a kind without a schema is a fault, never a pass: a typo in apiVersion finds none.
Errors: none for a bad document.
Source: kubernetes-validate 1.37, which bundles Kubernetes' OpenAPI schemas of 1.25 to 1.37.
"""

import functools
import re
from typing import Any, cast

import jsonschema
import kubernetes_validate.utils as bundled
from referencing import Registry, Resource

VERSIONS = ("1.36", "1.37")
TEXT_MAX = 160


def faults(document: dict[str, Any], version: str) -> list[str]:
    """What an API server of that version would refuse about the structure, unknown fields first."""
    judge = _validator(document["apiVersion"], document["kind"], version)
    if judge is None:
        return [f"Kubernetes {version} has no {document['kind']} of {document['apiVersion']}"]
    judged = judge.iter_errors(document)  # pyright: ignore[reportUnknownMemberType]
    return [
        f"{'.'.join(map(str, error.absolute_path)) or 'document'}: {error.message[:TEXT_MAX]}"
        for error in cast("list[jsonschema.ValidationError]", list(judged))
    ]


@functools.cache
def _definitions(version: str) -> Any:
    return bundled.schema_contents(f"kubernetes-json-schema/{_folder(version)}/_definitions.json", version)


def _folder(version: str) -> str:
    exact = next(each for each in bundled.all_versions() if bundled.major_minor(each) == version)
    return f"v{exact}-local-strict"


@functools.cache
def _validator(api_version: str, kind: str, version: str) -> jsonschema.Draft202012Validator | None:
    short = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    try:
        schema = bundled.schema_contents(
            f"kubernetes-json-schema/{_folder(version)}/{kind.lower()}-{short}.json", version
        )
    except FileNotFoundError:
        return None
    parts = [Resource.from_contents(each) for each in (schema, _definitions(version))]
    known: Any = cast("Any", Registry)().with_resources((part.id() or "", part) for part in parts)
    return jsonschema.Draft202012Validator(schema, registry=known)
