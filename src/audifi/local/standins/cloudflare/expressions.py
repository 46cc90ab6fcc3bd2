"""Read expressions of Cloudflare's Rules language: refuse what it would refuse, and say what is true of a request.

    (http.host eq "api.audifi.io" and not ip.src in $admin_networks) or starts_with(http.request.uri.path, "/v1/")

Between: rulesets (every expression of every rule) and tests/agreement (ask the rendered rules about requests).
Shape: `read` makes a function of a request; a request is {field: value}, headers {name: [values]}. What is absent is
None, of which no comparison is true. or < xor < and < not < comparison.
Invariant: fields and functions are known by name; what is not known is a fault, with its place.
Errors: Unreadable; `faults_of` answers it in words.
Source: developers.cloudflare.com/ruleset-engine/rules-language/ (operators, values, functions, fields), read for a
Business plan: `matches` is allowed, request bodies and bot scores are not.
"""

import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

FIELDS: Final = frozenset(
    {
        "cf.client.bot", "cf.edge.server_port", "cf.verified_bot_category", "http.cookie", "http.host", "http.referer",
        "http.request.cookies", "http.request.full_uri", "http.request.headers", "http.request.headers.names",
        "http.request.method", "http.request.uri", "http.request.uri.path", "http.request.uri.query",
        "http.request.version", "http.response.code", "http.response.headers", "http.user_agent", "ip.src",
        "ip.src.country", "raw.http.request.uri", "raw.http.request.uri.path", "raw.http.request.uri.query", "ssl",
    }
)  # fmt: skip

Request = Mapping[str, Any]
Value = Callable[[Request], Any]


class Each(list[Any]):
    """The values of `field[*]`: a comparison is made with each of them."""


def _concat(*parts: Any) -> str:
    return "".join(map(str, parts))


def _regex_replace(text: str, pattern: str, put: str) -> str:
    return re.sub(pattern, put, text, count=1)


def _substring(text: str, start: int, end: int | None = None) -> str:
    return text[start:end]


def _is_match(text: str, pattern: str) -> bool:
    return re.search(pattern, text) is not None


def _is_member(value: Any, members: Iterable[Any]) -> bool:
    return any(value == member or _is_in_network(value, member) for member in members)


def _is_in_network(value: Any, member: Any) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(member)
    except ValueError:
        return False


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "all": all,
    "any": any,
    "concat": _concat,
    "ends_with": str.endswith,
    "len": len,
    "lower": str.lower,
    "regex_replace": _regex_replace,
    "starts_with": str.startswith,
    "substring": _substring,
    "to_string": str,
    "upper": str.upper,
}
COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "~": _is_match,
    "matches": _is_match,
    "contains": operator.contains,
    "in": _is_member,
}
OR, XOR, AND, NOT = {"or", "||"}, {"xor", "^^"}, {"and", "&&"}, {"not", "!"}
TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>r?"(?:[^"\\]|\\.)*")|(?P<number>-?\d[\d./:a-fA-F]*)
    |(?P<name>\$?[A-Za-z_][\w.]*)|(?P<sign>[=!<>]=|&&|\|\||\^\^|[()\[\]{},<>~!*]))""",
    re.VERBOSE,
)
LENGTH_MAX: Final = 4096


class Unreadable(ValueError):
    """The expression cannot be read any further."""


def faults_of(text: str, lists: Iterable[str]) -> list[str]:
    """What is wrong with an expression, given the lists that exist; nothing if it can be read."""
    if len(text) > LENGTH_MAX:
        return [f"expression has {len(text)} characters, {LENGTH_MAX} are allowed"]
    try:
        read(text, dict.fromkeys(lists, ()))
    except Unreadable as error:
        return [f"could not parse the expression: {error} in {text!r}"]
    return []


def read(text: str, lists: Mapping[str, Iterable[str]]) -> Value:
    """What the expression says of a request; `lists` are networks by name."""
    return _Reader(text, lists).whole()


class _Reader:
    """One pass over the tokens of one expression."""

    def __init__(self, text: str, lists: Mapping[str, Iterable[str]]) -> None:
        self._tokens = _tokens(text)
        self._place = 0
        self._lists = lists

    def whole(self) -> Value:
        found = self._either()
        if self._seen() is not None:
            raise Unreadable(f"{self._seen()!r} is not expected")
        return found

    def _seen(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _next(self) -> str:
        token = self._seen()
        if token is None:
            raise Unreadable("it ends too early")
        self._place += 1
        return token

    def _expect(self, sign: str) -> None:
        if (found := self._next()) != sign:
            raise Unreadable(f"{found!r} where {sign!r} is expected")

    def _either(self) -> Value:
        return self._joined(OR, self._exclusive, lambda left, right: bool(left or right))

    def _exclusive(self) -> Value:
        return self._joined(XOR, self._both, lambda left, right: bool(left) != bool(right))

    def _both(self) -> Value:
        return self._joined(AND, self._condition, lambda left, right: bool(left and right))

    def _joined(self, signs: set[str], part: Callable[[], Value], join: Callable[[Any, Any], bool]) -> Value:
        found = part()
        while self._seen() in signs:
            self._next()
            found = _both_of(found, part(), join)
        return found

    def _condition(self) -> Value:
        seen = self._seen()
        if seen in NOT:
            self._next()
            inner = self._condition()
            return lambda request: not inner(request)
        if seen == "(":
            self._next()
            inner = self._either()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Value:
        left = self._value()
        sign = self._seen()
        if sign not in COMPARISONS:
            return left  # a field or function that is true or false, or a value that is put somewhere
        self._next()
        right = self._members() if sign == "in" else self._value()
        if sign in {"matches", "~"}:
            _check_pattern(right)
        return _both_of(left, right, _compared(COMPARISONS[sign]))

    def _members(self) -> Value:
        opening = self._next()
        if opening.startswith("$"):
            if opening[1:] not in self._lists:
                raise Unreadable(f"list {opening} does not exist")
            return _constant(tuple(self._lists[opening[1:]]))
        if opening != "{":
            raise Unreadable(f"{opening!r} after `in`, where a list or {{…}} is expected")
        members: list[Any] = []
        while self._seen() != "}":
            members.append(_literal(self._next()))
        self._next()
        return _constant(tuple(members))

    def _value(self) -> Value:
        word = self._next()
        if word.startswith(('"', 'r"')) or re.match(r"-?\d", word) or word in {"true", "false"}:
            return _constant(_literal(word))
        if self._seen() == "(":
            found = self._call(word)
        elif word in FIELDS:
            found = _field(word)
        else:
            raise Unreadable(f"unknown field {word!r}")
        while self._seen() == "[":
            self._next()
            found = _inside(found, self._next())
            self._expect("]")
        return found

    def _call(self, name: str) -> Value:
        if name not in FUNCTIONS:
            raise Unreadable(f"unknown function {name!r}")
        self._expect("(")
        arguments = [self._comparison()]
        while (sign := self._next()) == ",":
            arguments.append(self._comparison())
        if sign != ")":
            raise Unreadable(f"{sign!r} between the arguments of {name}")
        return _called(FUNCTIONS[name], arguments)


def _constant(value: Any) -> Value:
    return lambda _: value


def _field(name: str) -> Value:
    return lambda request: request.get(name)


def _inside(of: Value, key: str) -> Value:
    def found(request: Request) -> Any:
        value = of(request)
        if value is None:
            return None
        if key == "*":
            return Each(value)
        if isinstance(value, Mapping):
            return cast("Mapping[str, Any]", value).get(_literal(key))
        place = int(key)
        return value[place] if place < len(value) else None

    return found


def _called(function: Callable[..., Any], arguments: list[Value]) -> Value:
    def found(request: Request) -> Any:
        values = [argument(request) for argument in arguments]
        return None if None in values else function(*values)

    return found


def _both_of(left: Value, right: Value, join: Callable[[Any, Any], Any]) -> Value:
    return lambda request: join(left(request), right(request))


def _compared(comparison: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    def compared(left: Any, right: Any) -> Any:
        if isinstance(left, Each):
            return Each(comparison(each, right) for each in left)
        return False if left is None or right is None else comparison(left, right)

    return compared


def _literal(token: str) -> Any:
    if token.startswith('r"'):
        return token[2:-1]
    if token.startswith('"'):
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    truths = {"true": True, "false": False}
    return truths.get(token, int(token) if re.fullmatch(r"-?\d+", token) else token)


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = TOKEN.match(text, place)
        if match is None:
            raise Unreadable(f"unexpected {text[place : place + 12]!r}")
        found.append(match.group().strip())
        place = match.end()
    return found


def _check_pattern(pattern: Value) -> None:
    try:
        re.compile(pattern({}))
    except (re.error, TypeError) as error:
        raise Unreadable(f"pattern {pattern({})!r}: {error}") from None
