"""Turn the bytes of a request into the values a handler expects, or say field by field why not.

Between: kernel.http.pipeline and msgspec.
Shape: details maps each field ("email", "address.city") to its reason; "body" or "query" when no field is to blame.
What is refused besides a wrong shape: unknown fields, malformed or too deep JSON, NaN, invalid UTF-8, a query
parameter given twice, and the character U+0000 anywhere (PostgreSQL's text cannot hold it).
Errors: Invalid, UnsupportedMediaType.
Source: domain.md 2.0; RFC 8259; msgspec's own recursion guard (RecursionError).
"""

import re
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec

from audifi.wire.problems import Invalid, UnsupportedMediaType

_REASON = re.compile(r"(?P<reason>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)
QUERY_FIELDS_MAX = 100


def check_content_type(content_type: str, content_encoding: str) -> None:
    """Refuse everything but application/json in UTF-8, not compressed."""
    kind, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != "application/json" or charset not in ("", "utf-8"):
        raise UnsupportedMediaType
    if content_encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("Send the body without Content-Encoding.")


def check_media_type(content_type: str, wanted: str) -> None:
    """Refuse everything but the one type of a streamed body."""
    if content_type.partition(";")[0].strip().lower() != wanted:
        raise UnsupportedMediaType(f"Send {wanted}.")


def body(data: bytes, decoder: msgspec.json.Decoder[Any], kind: type[msgspec.Struct]) -> Any:
    """Return the decoded body."""
    if not data:
        raise Invalid(details={"body": "is required"})
    try:
        value = decoder.decode(data)
        if b"\\u0000" in data:
            refuse_nul(msgspec.json.decode(data), "")
    except msgspec.ValidationError as error:
        raise Invalid(details=_body_reasons(data, kind, error)) from None
    except _MALFORMED as error:
        raise Invalid(details={"body": _malformed(error)}) from None
    return value


def query(raw: bytes, kind: type[msgspec.Struct]) -> Any:
    """Return the decoded query string."""
    values: dict[str, Any] = {}
    lists = _list_fields(kind)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=QUERY_FIELDS_MAX)
    except ValueError:
        raise Invalid(details={"query": "is not a valid query string"}) from None
    for name, value in pairs:
        if name in lists:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise Invalid(details={name: "is given more than once"})
        else:
            values[name] = value
    return fields(values, kind)


def fields(values: dict[str, Any], kind: type[msgspec.Struct]) -> Any:
    """Return a struct from texts (query or path), or raise Invalid."""
    refuse_nul(values)
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(details=_field_reasons(values, kind, error, strict=False)) from None


def _body_reasons(data: bytes, kind: type[msgspec.Struct], error: msgspec.ValidationError) -> dict[str, str]:
    try:
        raw = msgspec.json.decode(data)
    except _MALFORMED as malformed:
        return {"body": _malformed(malformed)}
    return _field_reasons(raw, kind, error, strict=True)


def _field_reasons(raw: Any, kind: type[msgspec.Struct], error: Exception, *, strict: bool) -> dict[str, str]:
    # msgspec stops at the first mistake; a person wants to hear of all of them, so each field is tried alone.
    first = _reason(str(error), "")
    if not isinstance(raw, dict):
        return first
    values = cast("dict[str, Any]", raw)
    reasons: dict[str, str] = {}
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, field in known.items():
        if name not in values:
            if field.required:
                reasons[name] = "is required"
            continue
        try:
            msgspec.convert(values[name], field.type, strict=strict)
        except msgspec.ValidationError as wrong:
            reasons |= _reason(str(wrong), name)
    reasons |= {name[:100]: "is not known here" for name in list(values)[:50] if name not in known}
    return reasons or first


def _reason(text: str, name: str) -> dict[str, str]:
    match = _REASON.fullmatch(text)
    assert match is not None, "the pattern matches every text"
    path = (match["path"] or "$").removeprefix("$").removeprefix(".")
    where = f"{name}.{path}" if name and path and not path.startswith("[") else (name + path or "body")
    return {where: match["reason"]}


def _malformed(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    return "is not valid UTF-8" if isinstance(error, UnicodeDecodeError) else "is not valid JSON"


def refuse_nul(value: Any, where: str = "") -> None:
    if isinstance(value, str) and "\0" in value:
        raise Invalid(details={where or "body": "must not contain the character U+0000"})
    if isinstance(value, dict):
        for name, item in cast("dict[str, Any]", value).items():
            refuse_nul(name, "body")
            refuse_nul(item, f"{where}.{name}" if where else name)
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[Any]", value)):
            refuse_nul(item, f"{where}[{index}]")


def _list_fields(kind: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if isinstance(msgspec.inspect.type_info(field.type), msgspec.inspect.ListType | msgspec.inspect.VarTupleType)
    )
