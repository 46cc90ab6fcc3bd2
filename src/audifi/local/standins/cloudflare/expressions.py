"""Read expressions of Cloudflare's Rules language far enough to refuse what it would refuse.

    (http.host eq "api.audifi.io" and not ip.src in $admin_networks) or starts_with(http.request.uri.path, "/v1/")

Between: rulesets (every expression of every rule) and the tests of targets.cloudflare.
Shape: a recursive reading of or < xor < and < not < comparison; a comparison is a value, an operator, a literal.
Invariant: fields and functions are known by name; what is not known is a fault, with its place.
Errors: none; `faults_of` answers what is wrong.
Source: developers.cloudflare.com/ruleset-engine/rules-language/ (operators, values, functions, fields), read for a
Business plan: `matches` is allowed, request bodies and bot scores are not.
"""

import re
from typing import Final

FIELDS: Final = frozenset(
    {
        "cf.client.bot", "cf.edge.server_port", "cf.verified_bot_category", "http.cookie", "http.host", "http.referer",
        "http.request.cookies", "http.request.full_uri", "http.request.headers", "http.request.headers.names",
        "http.request.method", "http.request.uri", "http.request.uri.path", "http.request.uri.query",
        "http.request.version", "http.response.code", "http.response.headers", "http.user_agent", "ip.src",
        "ip.src.country", "raw.http.request.uri", "raw.http.request.uri.path", "raw.http.request.uri.query", "ssl",
    }
)  # fmt: skip
FUNCTIONS: Final = frozenset(
    {
        "any", "all", "concat", "ends_with", "len", "lower", "regex_replace", "remove_bytes", "starts_with",
        "substring", "to_string", "upper", "url_decode", "wildcard_replace",
    }
)  # fmt: skip
OPERATORS: Final = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "contains", "matches", "wildcard", "in",
                              "==", "!=", "<", "<=", ">", ">=", "~"})  # fmt: skip
TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>r?"(?:[^"\\]|\\.)*"|r\#"[^"]*"\#)|(?P<number>-?\d[\d./:a-fA-F]*)
    |(?P<name>\$?[A-Za-z_][\w.]*)|(?P<sign>[=!<>]=|&&|\|\||[()\[\]{},<>~!*]))""",
    re.VERBOSE,
)
LENGTH_MAX: Final = 4096


class Unreadable(ValueError):
    """The expression cannot be read any further."""


def faults_of(text: str, lists: set[str]) -> list[str]:
    """What is wrong with an expression, given the lists that exist; nothing if it can be read."""
    if len(text) > LENGTH_MAX:
        return [f"expression has {len(text)} characters, {LENGTH_MAX} are allowed"]
    try:
        Reader(text, lists).whole()
    except Unreadable as error:
        return [f"could not parse the expression: {error} in {text!r}"]
    return []


class Reader:
    """One pass over the tokens of one expression."""

    def __init__(self, text: str, lists: set[str]) -> None:
        self._tokens = list(_tokens(text))
        self._place = 0
        self._lists = lists

    def whole(self) -> None:
        """Read all of it."""
        self._either()
        if self._seen() is not None:
            raise Unreadable(f"{self._seen()!r} is not expected")

    def _seen(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _next(self) -> str:
        token = self._seen()
        if token is None:
            raise Unreadable("it ends too early")
        self._place += 1
        return token

    def _expect(self, sign: str) -> None:
        if (token := self._next()) != sign:
            raise Unreadable(f"{token!r} where {sign!r} is expected")

    def _either(self) -> None:
        self._condition()
        while self._seen() in {"or", "||", "xor", "and", "&&"}:
            self._next()
            self._condition()

    def _condition(self) -> None:
        seen = self._seen()
        if seen in {"not", "!"}:
            self._next()
            self._condition()
        elif seen == "(":
            self._next()
            self._either()
            self._expect(")")
        else:
            self._comparison()

    def _comparison(self) -> None:
        self._value()
        operator = self._seen()
        if operator not in OPERATORS:
            return  # a field or function that is true or false, or a value that is rewritten
        self._next()
        if operator == "in":
            self._members()
            return
        literal = self._value()
        if operator in {"matches", "~"}:
            _readable_pattern(literal)

    def _members(self) -> None:
        opening = self._next()
        if opening.startswith("$"):
            if opening[1:] not in self._lists:
                raise Unreadable(f"list {opening} does not exist")
            return
        if opening != "{":
            raise Unreadable(f"{opening!r} after `in`, where a list or {{…}} is expected")
        while self._seen() != "}":
            self._next()
        self._next()

    def _value(self) -> str:
        token = self._next()
        if token.startswith(('"', 'r"', "r#")) or re.match(r"-?\d", token) or token in {"true", "false"}:
            return token
        if self._seen() == "(":
            self._call(token)
        elif token not in FIELDS:
            raise Unreadable(f"unknown field {token!r}")
        while self._seen() == "[":
            self._next()
            self._next()
            self._expect("]")
        return token

    def _call(self, name: str) -> None:
        if name not in FUNCTIONS:
            raise Unreadable(f"unknown function {name!r}")
        self._expect("(")
        while True:
            self._comparison()
            if self._next() == ")":
                return
            if self._tokens[self._place - 1] != ",":
                raise Unreadable(f"{self._tokens[self._place - 1]!r} between the arguments of {name}")


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    place = 0
    end = len(text.rstrip())
    while place < end:
        match = TOKEN.match(text, place)
        if match is None:
            raise Unreadable(f"unexpected {text[place : place + 12]!r}")
        found.append(match.group().strip())
        place = match.end()
    return found


def _readable_pattern(literal: str) -> None:
    pattern = literal[literal.index('"') + 1 : literal.rindex('"')]
    try:
        re.compile(pattern)
    except re.error as error:
        raise Unreadable(f"pattern {pattern!r}: {error}") from None
