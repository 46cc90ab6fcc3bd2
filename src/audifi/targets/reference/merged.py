"""Merge the services' OpenAPI documents into the one that clients see.

Between: docs/openapi/<service>.json and docs/openapi/audifi.json, pages beside this file.
Shape: OpenAPI 3.1; public operations only, under the public prefix; schemas are named `<service>.<Name>`, because two
services may mean different things by one word. `Problem`, `Pagination` and refusals are everybody's.
Invariant: pure: the same documents give the same bytes.
Errors: AssertionError for a path that two services serve (wire.routes could send it to one only).
Source: OpenAPI Specification 3.1.0; domain.md 2.0 (paths, formats).
"""

import re
from collections.abc import Mapping
from json import dumps
from typing import Any, Final, TypeAlias, cast

from audifi.wire import routes

Document: TypeAlias = dict[str, Any]
SHARED: Final = ("Problem", "Pagination")
_REF: Final = re.compile(r"#/components/schemas/(?:audifi\.services\.\w+\.routes\.)?(.+)")
LINE_MAX: Final = 118
INTERNAL: Final = "/internal/"
# Heads that stand for the same service (an alias) have no page of their own.
_REWRITTEN: Final = tuple(row.rewrite for row in routes.ROUTES if row.rewrite is not None and row.at_root)
DESCRIPTION: Final = """\
Everything is under `/v1`; `/api/v1` is an alias. JSON, camelCase; unknown fields are refused. Amounts of a chain are
wei as decimal strings, fiat is integer cents, percentages are basis points. Answers are `{"data": …}`, lists add
`pagination`; refusals are `{"error": {code, message, details?}, "requestId"}`. `Idempotency-Key` makes a repeated
request the same request for 24 hours. Limits are told by `X-RateLimit-*` and `Retry-After`.
"""


def merged(documents: Mapping[str, Document], *, version: str) -> Document:
    """One document out of those of the services, by their short names."""
    paths: Document = {}
    schemas: Document = {}
    responses: Document = {}
    for service, document in sorted(documents.items()):
        public = {_public(path): item for path, item in document["paths"].items() if not path.startswith(INTERNAL)}
        for path, item in _renamed(public, service).items():
            assert path not in paths, f"{path} is served by {service} and by another service"
            paths[path] = item
        for name, schema in document["components"]["schemas"].items():
            schemas[_name(name, service)] = _renamed(schema, service)
        responses |= document["components"]["responses"]
    used = _reachable([paths, responses], schemas)
    named = references(paths)
    return {
        "openapi": "3.1.0",
        "info": {"title": "AudiFi", "version": version, "description": DESCRIPTION},
        "servers": [{"url": f"https://api.audifi.io{routes.PREFIXES[0]}"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "responses": {name: each for name, each in sorted(responses.items()) if name in named},
            "schemas": {name: schema for name, schema in sorted(schemas.items()) if name in used},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def text(document: Document) -> str:
    """Write a document for programs and diffs: what fits on a line is on one; people read the pages made of it."""
    return _written(document) + "\n"


def _written(value: object) -> str:
    line = dumps(value, ensure_ascii=False)
    if len(line) <= LINE_MAX or not isinstance(value, dict | list) or not value:
        return line
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        inside = [f"{dumps(name)}: {_written(each)}" for name, each in items]
    else:
        inside = [_written(each) for each in cast("list[object]", value)]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    lines = ",\n".join(inside)
    return f"{begin}\n{lines}\n{end}"


def public(document: Document) -> list[str]:
    """Paths of a service's own document, as clients write them."""
    return sorted(_public(path) for path in document["paths"] if not path.startswith(INTERNAL))


def references(value: object) -> set[str]:
    """Names of the schemas that a part of a document refers to."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in cast("Document", value).items():
            found |= {inner.rpartition("/")[2]} if key == "$ref" else references(inner)
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            found |= references(inner)
    return found


def _public(path: str) -> str:
    """The path as clients write it, where the gateway rewrites it."""
    return {seen: path for path, seen in _REWRITTEN}.get(path, path)


def _name(name: str, service: str) -> str:
    plain = re.sub(r"^audifi\.services\.\w+\.routes\.", "", name)
    return plain if plain in SHARED else f"{service}.{plain}"


def _renamed(value: Any, service: str) -> Any:
    if isinstance(value, dict):
        return {
            key: _reference(inner, service) if key == "$ref" else _renamed(inner, service)
            for key, inner in cast("Document", value).items()
        }
    if isinstance(value, list):
        return [_renamed(inner, service) for inner in cast("list[Any]", value)]
    return value


def _reference(text: str, service: str) -> str:
    found = _REF.fullmatch(text)
    return text if found is None else f"#/components/schemas/{_name(found[1], service)}"


def _reachable(parts: list[Document], schemas: Document) -> set[str]:
    reached: set[str] = set()
    wanted = {name for name in references(parts) if name in schemas}
    while wanted:
        reached |= wanted
        wanted = set[str]().union(*(references(schemas[name]) for name in wanted)) - reached
    return reached
