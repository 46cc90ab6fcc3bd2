"""The OpenAPI document: valid 3.1, complete, and the same every time."""

import json
from typing import Any

import jsonschema_rs
import msgspec

from audifi.kernel.http import openapi
from audifi.kernel.http.announced import statuses

from .conftest import OPERATIONS

DOCUMENT: dict[str, Any] = openapi(OPERATIONS, title="tested", version="1")


def described(method: str, path: str) -> dict[str, Any]:
    return DOCUMENT["paths"][path][method.lower()]


def test_every_operation_is_there_with_every_status_it_may_have() -> None:
    for operation in OPERATIONS:
        found = described(operation.method, operation.path)
        assert set(found["responses"]) == {str(status) for status in statuses(operation) | {500}}


def test_references_lead_somewhere_and_ids_are_unique() -> None:
    text = json.dumps(DOCUMENT)
    for part in text.split('"$ref": "')[1:]:
        kind, name = part.partition('"')[0].removeprefix("#/components/").split("/")
        assert name in DOCUMENT["components"][kind]
    ids = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids)) == len(OPERATIONS)


def test_schemas_refuse_what_the_server_refuses() -> None:
    schema = {**DOCUMENT["components"]["schemas"]["Everything"], "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema)
    assert validator.is_valid({"name": "a", "age": 1})
    for wrong in ({"name": "a"}, {"name": "", "age": 1}, {"name": "a", "age": 1, "unknown": 1}):
        assert not validator.is_valid(wrong)


def test_examples_are_what_their_schema_says() -> None:
    for operation in OPERATIONS:
        if operation.example is not None:
            assert operation.body is not None
            assert msgspec.convert(msgspec.to_builtins(operation.example), operation.body) == operation.example


def test_the_same_table_gives_the_same_bytes() -> None:
    again = openapi(tuple(reversed(OPERATIONS)), title="tested", version="1")
    assert json.dumps(again, sort_keys=True) == json.dumps(DOCUMENT, sort_keys=True)
    assert DOCUMENT["openapi"] == "3.1.0"
