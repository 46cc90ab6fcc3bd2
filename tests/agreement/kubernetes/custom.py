"""Judge a custom resource as an API server would: nulls, defaults, structure, list keys, then the authors' CEL rules.

Between: crds.schema (what the authors publish) and the tests that hand in rendered documents.
Shape: `faults(document)` is empty for a document that would be admitted; each fault starts with its path.
Invariant: the order of an API server: what is null is pruned, what is absent is defaulted, and only then is it judged;
a rule that cannot be evaluated refuses, because the server would.
Errors: none for a bad document; crds.SchemasMissing where there is nothing to judge by.
Source: Kubernetes documentation, "Custom Resources: structural schemas, defaulting, validation rules"; this order gave
the verdict of a real API server on 4,498 of 4,500 resources (shared/kubernetes.md).
"""

import copy
import functools
import ipaddress
from collections.abc import Iterator
from typing import Any, cast

import cel
import jsonschema
from tests.agreement.kubernetes import crds
from tests.agreement.kubernetes.crds import type_of_schema

BRANCHES = ("allOf", "anyOf", "oneOf", "not")  # they narrow; naming a field there does not allow it
KEEPS_UNKNOWN = "x-kubernetes-preserve-unknown-fields"
TEXT_MAX = 160


def faults(document: type_of_schema) -> list[str]:
    """What an API server would refuse it for; the structure first, because rules presuppose it."""
    schema = crds.schema(document["apiVersion"], document["kind"])
    if schema is None:
        return [f"nobody defines {document['kind']} of {document['apiVersion']}"]
    admitted = copy.deepcopy(document)
    _prune(schema, admitted)
    _default(schema, admitted)
    judged = _validator(document["apiVersion"], document["kind"]).iter_errors(admitted)  # pyright: ignore[reportUnknownMemberType]
    wrong = [
        f"{'.'.join(map(str, error.absolute_path)) or 'document'}: {error.message[:TEXT_MAX]}"
        for error in cast("Iterator[jsonschema.ValidationError]", judged)
    ]
    return wrong or [*_scaled(admitted), *_rules(schema, admitted, document["kind"])]


@functools.cache
def _validator(api_version: str, kind: str) -> jsonschema.Draft202012Validator:
    schema = copy.deepcopy(crds.schema(api_version, kind) or {})
    # Metadata is judged by the rules of every object, not by the authors of this one.
    schema.setdefault("properties", {})["metadata"] = {"type": "object", KEEPS_UNKNOWN: True}
    return jsonschema.Draft202012Validator(_strict(schema, inside=False))


def _strict(schema: type_of_schema, *, inside: bool) -> type_of_schema:
    """As JSON Schema: unknown fields refused, except in a branch."""
    strict = {key: _strict_part(key, part, inside=inside) for key, part in schema.items()}
    if strict.pop("x-kubernetes-int-or-string", False):
        strict["type"] = ["integer", "string"]
    named = bool(strict.get("properties")) or strict.get("type") == "object"
    if named and not inside and "additionalProperties" not in strict and not strict.get(KEEPS_UNKNOWN):
        strict["additionalProperties"] = False
    if strict.pop("nullable", False) and "type" in strict:
        kinds = strict["type"]
        strict["type"] = [*(kinds if isinstance(kinds, list) else [kinds]), "null"]
    return strict


def _strict_part(key: str, part: Any, *, inside: bool) -> Any:
    if key == "properties":
        return {name: _strict(field, inside=inside) for name, field in part.items()}
    if key in BRANCHES:
        branches = cast("list[type_of_schema]", part if isinstance(part, list) else [part])
        strict = [_strict(each, inside=True) for each in branches]
        return strict if isinstance(part, list) else strict[0]
    if key in {"items", "additionalProperties"} and isinstance(part, dict):
        return _strict(cast("type_of_schema", part), inside=inside)
    return part


def _prune(schema: type_of_schema, value: Any) -> None:
    """A null where the schema allows none counts as absent."""
    if isinstance(value, dict):
        for key in list(cast("type_of_schema", value)):
            below = _below(schema, key)
            if value[key] is None and below and not below.get("nullable") and not below.get(KEEPS_UNKNOWN):
                del value[key]
            else:
                _prune(below, value[key])
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            _prune(_items(schema), each)


def _default(schema: type_of_schema, value: Any) -> None:
    if isinstance(value, dict):
        for key, field in cast("type_of_schema", schema.get("properties", {})).items():
            if key not in value and "default" in field:
                value[key] = copy.deepcopy(field["default"])
        for key, each in cast("type_of_schema", value).items():
            _default(_below(schema, key), each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            _default(_items(schema), each)


def _below(schema: type_of_schema, key: str) -> type_of_schema:
    """The schema of one field."""
    known = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
    return cast("type_of_schema", known) if isinstance(known, dict) else {}


def _items(schema: type_of_schema) -> type_of_schema:
    items = schema.get("items")
    return cast("type_of_schema", items) if isinstance(items, dict) else {}


def _scaled(document: type_of_schema) -> Iterator[str]:
    """The scale subresource refuses a negative count in Go, where no schema says so."""
    replicas = cast("type_of_schema", document.get("spec") or {}).get("replicas")
    if isinstance(replicas, int) and replicas < 0:
        yield "spec.replicas: negative"


def _rules(schema: type_of_schema, value: Any, path: str) -> Iterator[str]:
    """What the authors wrote as CEL, here and below, and the keys of lists."""
    for rule in schema.get("x-kubernetes-validations", []):
        yield from _refused(rule, value, path)
    if isinstance(value, dict):
        for key, each in cast("type_of_schema", value).items():
            if each is not None and (below := _below(schema, key)):
                yield from _rules(below, each, f"{path}.{key}")
    elif isinstance(value, list):
        yield from _repeated(schema, cast("list[Any]", value), path)
        for number, each in enumerate(cast("list[Any]", value)):
            yield from _rules(_items(schema), each, f"{path}[{number}]")


def _refused(rule: type_of_schema, value: Any, path: str) -> Iterator[str]:
    text = rule["rule"]
    if "oldSelf" in text and not rule.get("optionalOldSelf"):
        return  # a rule for changes; what is created has no old self
    try:
        kept = _program(text).execute(cel.Context(variables={"self": value}, functions=FUNCTIONS))
    except (ValueError, TypeError, RuntimeError, KeyError) as error:
        yield f"{path}: {type(error).__name__}: {str(error)[:TEXT_MAX]} in the rule {text[:TEXT_MAX]}"
        return
    if kept is not True:
        yield f"{path}: {rule.get('message') or text}"


def _repeated(schema: type_of_schema, value: list[Any], path: str) -> Iterator[str]:
    kind = schema.get("x-kubernetes-list-type")
    keys: list[tuple[str, ...]]
    if kind == "map":
        keys = [tuple(str(each.get(key)) for key in schema["x-kubernetes-list-map-keys"]) for each in value]
    elif kind == "set":
        keys = [(str(each),) for each in value]
    else:
        return
    for key in sorted({each for each in keys if keys.count(each) > 1}):
        yield f"{path}: {'/'.join(key)} is there more than once"


@functools.cache
def _program(text: str) -> cel.Program:
    return cel.compile(text)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator)


def _substring(text: str, first: int, last: int | None = None) -> str:
    return text[first:last]


# What Kubernetes adds to CEL and published rules use.
FUNCTIONS: dict[str, Any] = {
    "isIP": _is_ip,
    "upperAscii": str.upper,
    "lowerAscii": str.lower,
    "split": _split,
    "substring": _substring,
}
