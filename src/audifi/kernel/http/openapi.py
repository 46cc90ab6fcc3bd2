"""Write the table of operations as an OpenAPI 3.1 document.

Between: kernel.http.application (serves it), `docs/openapi/` (committed), the web's generated types, schemathesis.
Shape: paths sorted, components sorted: the same table gives the same bytes.
Invariant: the statuses of an operation are those kernel.http.announced returns, plus 500.
Errors: TypeError from msgspec for a type JSON Schema cannot describe (at start, not at a request).
Source: https://spec.openapis.org/oas/v3.1.0; RFC 6750 (bearer).
"""

import re
from collections.abc import Sequence
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import msgspec

from audifi.kernel.http.announced import announced
from audifi.kernel.http.operation import Access, Operation, StepUp
from audifi.kernel.limits import Limit
from audifi.wire import headers
from audifi.wire.problems import Problem

Document = dict[str, Any]
_REF: Final = "#/components/schemas/{name}"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_SECURITY: Final = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                    "internal": {"type": "apiKey", "in": "header", "name": headers.INTERNAL_TOKEN}}  # fmt: skip
_PAGINATION: Final = {
    "type": "object",
    "required": ["page", "limit", "total", "totalPages", "hasNext", "hasPrev"],
    "properties": {
        **{name: {"type": "integer", "minimum": 0} for name in ("page", "limit", "total", "totalPages")},
        **{name: {"type": "boolean"} for name in ("hasNext", "hasPrev")},
    },
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["error", "requestId"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "details": {"type": "object", "description": "400: field to reason; retryAfter: seconds"},
            },
        },
        "requestId": {"type": "string"},
    },
}


def openapi(operations: Sequence[Operation], *, title: str, version: str, limits: Sequence[Limit] = ()) -> Document:
    """Return the document, sorted so that it can be committed and compared."""
    schemas, components = _schemas(operations)
    paths: Document = {}
    for operation in sorted(operations, key=lambda each: (each.path, each.method)):
        described = _operation(operation, schemas, components, limits)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    refusals = _shared_refusals(paths)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "responses": refusals,
            "schemas": dict(sorted({**components, "Problem": _PROBLEM, "Pagination": _PAGINATION}.items())),
            "securitySchemes": _SECURITY,
        },
    }


def _shared_refusals(paths: Document) -> Document:
    """Say each refusal once: most operations refuse for the same reasons."""
    shared: Document = {}
    for operation in (each for item in paths.values() for each in item.values()):
        responses: Document = operation["responses"]
        for status, response in responses.items():
            codes = response["description"].split(" · ")
            content = response.get("content", {}).get("application/json", {})
            if status[0] in "45" and content.get("schema") == {"$ref": _REF.format(name="Problem")}:
                name = ".".join((status, *codes))
                shared[name] = response
                responses[status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(shared.items()))


def _schemas(operations: Sequence[Operation]) -> tuple[dict[Any, Document], Document]:
    kinds: list[Any] = []
    for operation in operations:
        for kind in (operation.body, operation.query, operation.parameters, *_alternatives(operation.reply)):
            if kind is not None and kind not in kinds:
                kinds.append(kind)
    found, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    return dict(zip(kinds, found, strict=True)), components


def _alternatives(kind: Any) -> tuple[Any, ...]:
    # A reply may be one of several structs; msgspec wants unions tagged, a document does not.
    if get_origin(kind) not in (Union, UnionType):
        return (kind,)
    structs = [part for part in get_args(kind) if isinstance(part, type) and issubclass(part, msgspec.Struct)]
    return get_args(kind) if len(structs) > 1 else (kind,)


def _operation(
    operation: Operation, schemas: dict[Any, Document], components: Document, limits: Sequence[Limit]
) -> Document:
    described: Document = {
        "operationId": _operation_id(operation),
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": _responses(operation, schemas, limits),
        "security": _security(operation),
        "x-access": operation.access.value,  # roles and the second factor have no words of their own in OpenAPI
        "x-second-factor": StepUp.ALWAYS.value if operation.access is Access.ADMIN else operation.step_up.value,
    }
    if operation.description:
        described["description"] = operation.description
    parameters = _parameters(operation, components)
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        content: Document = {"schema": schemas[operation.body]}
        if operation.example is not None:
            content["example"] = msgspec.to_builtins(operation.example)
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    if operation.raw_body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    if operation.streamed is not None:
        described["requestBody"] = {"required": True, "content": {operation.streamed.media_type: _form(operation)}}
    return described


def _form(operation: Operation) -> Document:
    assert operation.streamed is not None, "asked of streamed operations only"
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    return {"schema": {"type": "object", "properties": dict.fromkeys(operation.streamed.files, file)}}


def _operation_id(operation: Operation) -> str:
    words = re.findall(r"\w+", operation.path)
    return operation.method.lower() + "".join(word[0].upper() + word[1:] for word in words)


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.access is Access.GUEST:
        return []
    if operation.access is Access.OPTIONAL:
        return [{}, {"bearer": []}]
    return [{"internal": []}] if operation.access is Access.SERVICE else [{"bearer": []}]


def _parameters(operation: Operation, components: Document) -> list[Document]:
    typed = _properties(operation.parameters, components)[0] if operation.parameters is not None else {}
    found: list[Document] = [
        {"name": name, "in": "path", "required": True, "schema": typed.get(name, {"type": "string", "minLength": 1})}
        for name in _PARAMETER.findall(operation.path)
    ]
    if operation.query is not None:
        properties, required = _properties(operation.query, components)
        found += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in properties.items()
        ]
    if operation.idempotent:
        schema = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[ -~]+$"}
        found.append(
            {
                "name": headers.IDEMPOTENCY_KEY,
                "in": "header",
                "required": operation.idempotency_required,
                "schema": schema,
            }
        )
    return found


def _properties(kind: type[msgspec.Struct], components: Document) -> tuple[dict[str, Any], list[str]]:
    component = components[kind.__name__]
    return component["properties"], component.get("required", [])


def _responses(operation: Operation, schemas: dict[Any, Document], limits: Sequence[Limit]) -> Document:
    good: Document = {"description": "Done." if operation.status == 204 else "The answer."}
    if operation.status != 204:
        good["content"] = {operation.sends or "application/json": {"schema": _reply(operation, schemas)}}
    found: Document = {str(operation.status): good}
    by_status: dict[int, list[type[Problem]]] = {}
    for problem in (*announced(operation, limits), Problem):
        by_status.setdefault(problem.status, []).append(problem)
    for status, problems in sorted(by_status.items()):
        found[str(status)] = _refusal(problems)
    for status in operation.other_statuses:
        refusal: Document = found.get(str(status), {"description": "The answer."})
        kinds = [good["content"]["application/json"]["schema"]]
        content: Document = refusal.setdefault("content", {}).setdefault("application/json", {})
        kinds += [content["schema"]] if "schema" in content else []
        content["schema"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
        found[str(status)] = refusal
    return found


def _reply(operation: Operation, schemas: dict[Any, Document]) -> Document:
    kinds = [schemas[kind] for kind in _alternatives(operation.reply)]
    data = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if operation.listed:
        properties: Document = {
            "data": {"type": "array", "items": data},
            "pagination": {"$ref": _REF.format(name="Pagination")},
        }
        return {"type": "object", "required": ["data", "pagination"], "properties": properties}
    if not operation.envelope or operation.sends is not None:
        return data
    return {"type": "object", "required": ["data"], "properties": {"data": data}}


def _refusal(problems: list[type[Problem]]) -> Document:
    examples = {
        problem.code: {
            "value": {
                "error": {"code": problem.code, "message": (problem.__doc__ or "").strip()},
                "requestId": "req_0a1b2c3d",
            }
        }
        for problem in problems
    }
    return {
        "description": " · ".join(examples),
        "content": {"application/json": {"schema": {"$ref": _REF.format(name="Problem")}, "examples": examples}},
    }
