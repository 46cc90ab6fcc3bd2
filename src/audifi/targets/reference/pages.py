"""Write a service's operations as a page that people read.

Between: the merged document and docs/reference/<service>.md.
Shape: Markdown; a table of all operations first, then each with who may call it, what it takes, what it answers and
how it refuses.
Invariant: pure; nothing here is written by hand, so nothing can be out of date.
Errors: none.
Source: the document; domain.md 2.0 (access letters).
"""

from collections.abc import Iterator, Sequence
from json import dumps
from typing import Any, Final

from audifi.targets.reference.merged import Document

GENERATED: Final = "<!-- generated from docs/openapi/audifi.json: change the service's routes instead -->"
WHO: Final = {
    "guest": "anybody",
    "optional": "anybody; a token, if sent, counts",
    "user": "a signed-in user",
    "artist": "an artist",
    "producer": "a producer",
    "admin": "an administrator",
}
FACTOR: Final = {"no": "", "if-enrolled": ", with the second factor if enrolled", "always": ", with the second factor"}
METHODS: Final = ("get", "post", "put", "patch", "delete")


def page(service: str, document: Document, own: Sequence[str]) -> str:
    """The page of the service that serves these paths of the merged document."""
    rows = list(_operations(document, own))
    lines = [f"# {service}-service", "", GENERATED, "", "| operation | who | what |", "|---|---|---|"]
    lines += [f"| [`{name}`](#{_anchor(name)}) | {_who(found)} | {found['summary']} |" for name, found in rows]
    for name, found in rows:
        lines += ["", f"## {name}", "", *_described(found, document)]
    return "\n".join(lines) + "\n"


def _operations(document: Document, own: Sequence[str]) -> Iterator[tuple[str, Document]]:
    for path in own:
        for method in METHODS:
            found = document["paths"].get(path, {}).get(method)
            if found is not None:
                yield f"{method.upper()} {path}", found


def _anchor(name: str) -> str:
    # GitHub's rule: lower case, spaces to hyphens, punctuation but hyphens and underscores removed.
    return "".join("-" if letter == " " else letter for letter in name.lower() if letter.isalnum() or letter in " -_")


def _who(found: Document) -> str:
    return WHO[found["x-access"]] + FACTOR[found["x-second-factor"]]


def _described(found: Document, document: Document) -> Iterator[str]:
    yield f"{found['summary']}. {found.get('description', '')}".rstrip()
    yield ""
    yield f"Who: {_who(found)}."
    for place in ("path", "query", "header"):
        fields = [each for each in found.get("parameters", []) if each["in"] == place]
        if fields:
            yield from _table(f"In the {place}", [(f["name"], f["schema"], f["required"]) for f in fields], document)
    body = found.get("requestBody")
    if body is not None:
        yield from _body(body, document)
    yield from _answers(found, document)


def _body(body: Document, document: Document) -> Iterator[str]:
    media, content = next(iter(body["content"].items()))
    schema = _resolved(content["schema"], document)
    required = schema.get("required", [])
    fields = [(name, inner, name in required) for name, inner in schema.get("properties", {}).items()]
    yield from _table(f"Body, {media}", fields, document)
    if "example" in content:
        yield from ("", "```json", dumps(content["example"], indent=2, ensure_ascii=False), "```")


def _answers(found: Document, document: Document) -> Iterator[str]:
    for status, answer in found["responses"].items():
        if not status.startswith("2"):
            continue
        yield ""
        if "content" not in answer:
            yield f"Answers {status}, without a body."
            continue
        schema = next(iter(answer["content"].values())).get("schema", {})
        yield f"Answers {status}: {_type(schema, document)}"
        data = _resolved(_data(_resolved(schema, document)), document)
        fields = [(name, inner, name in data.get("required", [])) for name, inner in data.get("properties", {}).items()]
        yield from _table("", fields, document)
    refusals = [
        (status, _refusal(each, document)["description"])
        for status, each in found["responses"].items()
        if status[0] != "2"
    ]
    yield ""
    yield "Refuses: " + "; ".join(f"{status} {codes}" for status, codes in refusals) + "."


def _refusal(response: Document, document: Document) -> Document:
    if "$ref" not in response:
        return response
    return document["components"]["responses"][response["$ref"].rpartition("/")[2]]


def _data(schema: Document) -> Document:
    """What the envelope holds; the item of a list."""
    inner = schema.get("properties", {}).get("data", schema)
    return inner.get("items", inner) if inner.get("type") == "array" else inner


def _table(title: str, fields: list[tuple[str, Document, bool]], document: Document) -> Iterator[str]:
    if not fields:
        return
    yield ""
    if title:
        yield from (f"{title}:", "")
    yield from ("| field | form | |", "|---|---|---|")
    for name, schema, is_required in fields:
        yield f"| `{name}` | {_type(schema, document)} | {'required' if is_required else ''} |"


def _type(schema: Document, document: Document) -> str:
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2].rpartition('.')[2]}`"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each, document) for each in schema["anyOf"]))
    if "enum" in schema:
        return " ".join(f"`{each}`" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}), document)}"
    if "data" in schema.get("properties", {}):
        listed = "a page of " if "pagination" in schema["properties"] else ""
        return listed + _type(_data(schema) if listed else schema["properties"]["data"], document)
    return _plain(schema)


def _plain(schema: Document) -> str:
    parts = [str(schema.get("format") or schema.get("type", "anything"))]
    bounds = (("minimum", "≥"), ("maximum", "≤"), ("minLength", "length ≥"), ("maxLength", "length ≤"))
    parts += [f"{sign} {schema[name]}" for name, sign in bounds if name in schema]
    if "description" in schema:
        parts.append(str(schema["description"]))
    return ", ".join(parts)


def _resolved(schema: Document, document: Document) -> Document:
    while "$ref" in schema:
        found: Any = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        schema = found
    return schema
