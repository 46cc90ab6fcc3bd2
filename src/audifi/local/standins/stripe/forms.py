"""Read what Stripe's clients send: form encoding with brackets for what is nested.

Between: server (bytes of a body or query) and the handlers (one nested dict of strings).
Shape: `a[b][0][c]=1` is {"a": {"b": [{"c": "1"}]}}; `a[]=1&a[]=2` is {"a": ["1", "2"]}.
Errors: Refused for names that are no such path, and for values that are not of the wanted form.
Source: docs.stripe.com/api (form-encoded bodies); github.com/stripe/stripe-python _encode.py.
"""

import re
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from audifi.local.standins.stripe.refusals import Refused

Json = dict[str, Any]
_PATH: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_STEP: Final = re.compile(r"\[([^\[\]]*)\]")
TRUE: Final = {"true": True, "false": False}


def decoded(text: str) -> Json:
    """Return the nested parameters."""
    found: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        match = _PATH.fullmatch(name)
        if match is None:
            raise Refused(400, "parameter_unknown", f"Received unknown parameter: {name}", param=name)
        _put(found, [match[1], *_STEP.findall(match[2])], value)
    return cast("Json", _listed(found))


def _put(found: Json, path: list[str], value: str) -> None:
    for step in path[:-1]:
        found = found.setdefault(step, {})
    last = path[-1] or str(len(found))  # a[]: the next place
    found[last] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    items = {name: _listed(item) for name, item in cast("Json", value).items()}
    if items and all(name.isdecimal() for name in items):
        return [items[name] for name in sorted(items, key=int)]
    return items


def whole(params: Json, name: str, *, otherwise: int | None = None) -> int:
    """A whole number; required when there is no other value."""
    given = params.get(name)
    if given is None and otherwise is not None:
        return otherwise
    try:
        return int(str(given))
    except ValueError:
        raise Refused(400, "parameter_invalid_integer", f"Invalid integer: {given}", param=name) from None


def truth(params: Json, name: str, *, otherwise: bool = False) -> bool:
    given = params.get(name)
    if given is None:
        return otherwise
    if given not in TRUE:
        raise Refused(400, "parameter_invalid_boolean", f"Invalid boolean: {given}", param=name)
    return TRUE[given]


def needed(params: Json, name: str) -> Any:
    if name not in params:
        raise Refused(400, "parameter_missing", f"Missing required param: {name}.", param=name)
    return params[name]


def section(params: Json, name: str) -> Json:
    """A nested part, empty when it was not sent."""
    given: Any = params.get(name) or {}
    if not isinstance(given, dict):
        raise Refused(400, "parameter_invalid", f"Invalid object: {name}", param=name)
    return cast("Json", given)
