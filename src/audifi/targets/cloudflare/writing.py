"""Write expressions of Cloudflare's Rules language from paths, hosts and numbers of the topology.

Between: the modules beside this one; what they write is read again by the stand-in's reader and by tests.
Shape: text of the language; `all_of` and `any_of` put the brackets. Patterns are those of wire.routes and of the
declaration's own notation: `{id}` is one segment, a `*` is anything, `/x/*` is /x and everything below it.
Invariant: a path is matched under every public prefix, as the gateway routes it.
Errors: none.
Source: developers.cloudflare.com/ruleset-engine/rules-language/operators (`matches` needs a Business plan).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from audifi.wire.routes import PREFIXES, ROUTES, Route

PATH: Final = "http.request.uri.path"
METHOD: Final = "http.request.method"
PREFIX: Final = "(?:/api)?/v1"  # wire.routes.PREFIXES as one pattern; a test compares them


def all_of(*conditions: str) -> str:
    """True where every condition is."""
    return conditions[0] if len(conditions) == 1 else f"({' and '.join(conditions)})"


def any_of(*conditions: str) -> str:
    """True where one of them is."""
    return conditions[0] if len(conditions) == 1 else f"({' or '.join(conditions)})"


def one_of(field: str, values: Iterable[str]) -> str:
    """True where a field is one of these texts."""
    given = list(dict.fromkeys(values))
    if len(given) == 1:
        return f'{field} eq "{given[0]}"'
    quoted = " ".join(f'"{value}"' for value in given)
    return f"{field} in {{{quoted}}}"


def matches(field: str, pattern: str) -> str:
    """True where the whole field is like the pattern."""
    return f'{field} matches r"^(?:{pattern})$"'


def path_is(*patterns: str) -> str:
    """True for these paths as they stand."""
    return matches(PATH, "|".join(patterns))


def public_path_is(*patterns: str) -> str:
    """True for these paths under the public prefixes."""
    return matches(PATH, f"{PREFIX}(?:{'|'.join(patterns)})")


def declared(path: str) -> str:
    """A path in the declaration's notation as a pattern."""
    if path.endswith("/*"):
        return f"{declared(path.removesuffix('/*'))}(?:/.*)?"
    parts = re.split(r"(\{[a-zA-Z]+\}|\*)", path)
    return "".join("[^/]+" if part.startswith("{") else ".*" if part == "*" else re.escape(part) for part in parts)


def rows(chosen: Iterable[Route]) -> str:
    """True for requests to these rows of the routing table, wherever the outside may ask for them."""
    patterns = [f"(?:{PREFIX})?{row.pattern}" if row.at_root else f"{PREFIX}{row.pattern}" for row in chosen]
    return path_is(*dict.fromkeys(patterns))


def signed() -> tuple[Route, ...]:
    """Rows whose body's signature is the proof: nothing at the edge has anything to judge in them."""
    return tuple(row for row in ROUTES if row.is_signed)


def header(name: str) -> str:
    """The first value of a request's header; absent, no comparison with it is true."""
    return f'http.request.headers["{name.lower()}"][0]'


def more_than(number: int) -> str:
    """A pattern for decimal numbers above this one: a header is text, and the plan reads no body's size."""
    digits = str(number)
    same_length = [
        f"{digits[:place]}[{int(digit) + 1}-9][0-9]{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if digit != "9"
    ]
    return "|".join((f"[1-9][0-9]{{{len(digits)},}}", *same_length))


def rule(ref: str, action: str, expression: str, description: str, **more: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of a ruleset; `more` is action_parameters, ratelimit."""
    return {
        "ref": ref,
        "description": description,
        "expression": expression,
        "action": action,
        **{name: dict(value) for name, value in more.items()},
        "enabled": True,
    }


assert PREFIXES == ("/v1", "/api/v1"), "PREFIX is wire.routes.PREFIXES as one pattern: change both"
