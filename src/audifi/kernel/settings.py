"""Read the environment once, into a frozen dataclass, and report everything that is wrong with it at the same time.

Between: `__main__` of each process (calls `parse` or `parse_or_exit`) and everything else (is handed the object).

A field names its variable: `http_port: Annotated[int, Env(environment.HTTP_PORT)]`. Field types: str, int, float,
bool (true|false), Secret, Literal[...], `tuple[str, ...]` (comma separated) and each of them `| None`.
A field with a default, or whose type allows None, is optional; an empty value counts as unset.
What the environment does not say is read from the file of that name in SETTINGS_DIRECTORY, where one is named: a
cluster mounts secrets, so that no listing of a pod and none of its children shows them.
Invariant: a value of a Secret never appears in a repr, a table or an error.
Errors: `SettingsError` lists all problems; `parse_or_exit` prints them and exits 2.
Source: style.md "Configuration".
"""

import dataclasses
import os
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import audifi.wire.environment as names


class Secret:
    """A value that must not be seen: only `reveal()` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True)
class Env:
    """Name the variable a field is read from; `minimum` and `maximum` bound a number."""

    name: str
    minimum: float | None = None
    maximum: float | None = None


class SettingsError(Exception):
    """The environment does not describe a runnable process."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """What every service pod is told. Services subclass it with what only they need."""

    service: Annotated[str, Env(names.SERVICE)]
    pod: Annotated[str, Env(names.POD)]
    environment: Annotated[Literal["local", "staging", "production"], Env(names.ENVIRONMENT)]
    version: Annotated[str, Env(names.VERSION)]
    replicas: Annotated[int, Env(names.REPLICAS, minimum=1)]
    log_level: Annotated[Literal["debug", "info", "warn", "error"], Env(names.LOG_LEVEL)]
    http_host: Annotated[str, Env(names.HTTP_HOST)]
    http_port: Annotated[int, Env(names.HTTP_PORT, minimum=0, maximum=65535)]
    metrics_port: Annotated[int, Env(names.METRICS_PORT, minimum=0, maximum=65535)]
    drain_s: Annotated[float, Env(names.DRAIN_S, minimum=0)]
    database_writer_url: Annotated[str, Env(names.DATABASE_WRITER_URL)]
    database_reader_url: Annotated[str, Env(names.DATABASE_READER_URL)]
    database_password: Annotated[Secret, Env(names.DATABASE_PASSWORD)]
    database_prepared_statements: Annotated[bool, Env(names.DATABASE_PREPARED_STATEMENTS)]
    redis_nodes: Annotated[tuple[str, ...], Env(names.REDIS_NODES)]
    redis_password: Annotated[Secret, Env(names.REDIS_PASSWORD)]
    queue_url: Annotated[str, Env(names.QUEUE_URL)]
    queue_password: Annotated[Secret, Env(names.QUEUE_PASSWORD)]
    internal_signing_key: Annotated[Secret, Env(names.INTERNAL_SIGNING_KEY)]
    internal_caller_keys: Annotated[str, Env(names.INTERNAL_CALLER_KEYS)]
    token_issuer: Annotated[str, Env(names.TOKEN_ISSUER)]
    token_audience: Annotated[str, Env(names.TOKEN_AUDIENCE)]
    trusted_proxy_networks: Annotated[tuple[str, ...], Env(names.TRUSTED_PROXY_NETWORKS)]
    peers: Annotated[tuple[str, ...], Env(names.PEERS)] = ()
    queue_replicas_min: Annotated[int, Env(names.QUEUE_WAIT_REPLICAS, minimum=0)] = 1
    mfa_required_all: Annotated[bool, Env(names.MFA_REQUIRED_ALL)] = False
    jwks_url: Annotated[str | None, Env(names.JWKS_URL)] = None
    otlp_url: Annotated[str | None, Env(names.OTLP_URL)] = None


S = TypeVar("S")


def parse(cls: type[S], source: Mapping[str, str] | None = None) -> S:
    """Return the settings, or raise SettingsError with every problem found."""
    source = os.environ if source is None else source  # noqa: TID251  # the one place that reads it
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field, env, kind in _fields(cls):
        text = source.get(env.name, "") or _from_file(source, env.name)
        if text == "":
            if field.default is dataclasses.MISSING and not _optional(kind):
                problems.append(f"{env.name} is not set (expected {_describe(kind)})")
            elif field.default is dataclasses.MISSING:
                values[field.name] = None
            continue
        try:
            values[field.name] = _convert(text, kind, env)
        except ValueError as error:
            problems.append(f"{env.name} {error}")
    if problems:
        raise SettingsError(problems)
    return cls(**values)


def parse_or_exit(cls: type[S]) -> S:
    """Return the settings of this process; list all problems on stderr and exit 2 otherwise."""
    try:
        return parse(cls)
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"settings: {problem}\n")
        sys.stderr.write("The topology computes these values; `./audifi env COMPONENT` prints them.\n")
        raise SystemExit(2) from None


def table(settings: object) -> list[tuple[str, str, str]]:
    """Return (variable, field, value) rows for printing; secrets are hidden."""
    return [(env.name, field.name, str(getattr(settings, field.name))) for field, env, _ in _fields(type(settings))]


def variables(cls: type) -> dict[str, bool]:
    """Return each variable the class reads, and whether the process refuses to start without it."""
    return {env.name: field.default is dataclasses.MISSING and not _optional(kind) for field, env, kind in _fields(cls)}


def _from_file(source: Mapping[str, str], name: str) -> str:
    directory = source.get(names.SETTINGS_DIRECTORY)
    path = Path(directory) / name if directory else None
    return path.read_text().strip() if path and path.is_file() else ""


def _fields(cls: type) -> Iterator[tuple[dataclasses.Field[Any], Env, Any]]:
    hints = get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        assert get_origin(hint) is Annotated, f"{cls.__name__}.{field.name} names no variable: use Annotated[T, Env()]"
        kind, *extras = get_args(hint)
        env = next(extra for extra in extras if isinstance(extra, Env))
        yield field, env, kind


def _optional(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType) and types.NoneType in get_args(kind)


def _convert(text: str, kind: Any, env: Env) -> Any:
    if _optional(kind):
        kind = next(part for part in get_args(kind) if part is not types.NoneType)
    if kind in (int, float):
        return _number(text, kind, env)
    if get_origin(kind) is Literal:
        return _choice(text, get_args(kind))
    if get_origin(kind) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    converters: dict[Any, Any] = {str: str, Secret: Secret, bool: _boolean}
    assert kind in converters, f"{env.name}: fields of type {kind} are not supported"
    return converters[kind](text)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"is {text!r}: expected true or false")
    return text == "true"


def _number(text: str, kind: type[int] | type[float], env: Env) -> float:
    try:
        number = kind(text)
    except ValueError:
        raise ValueError(f"is {text!r}: expected {_describe(kind)}") from None
    if env.minimum is not None and not number >= env.minimum:
        raise ValueError(f"is {text}: smaller than {env.minimum:g}")
    if env.maximum is not None and not number <= env.maximum:
        raise ValueError(f"is {text}: greater than {env.maximum:g}")
    return number


def _choice(text: str, choices: tuple[Any, ...]) -> str:
    if text not in choices:
        raise ValueError(f"is {text!r}: expected one of {', '.join(map(str, choices))}")
    return text


def _describe(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Secret: "a secret"}
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    return names.get(kind, "a comma separated list")
