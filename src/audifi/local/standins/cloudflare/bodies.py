"""Judge bodies by the official SDK's own types, strictly: no field it does not know, no value of another type.

    judge("load_balancers.pool_create_params.PoolCreateParams", {"name": "api", "orgins": []})
        → Refused: origins: Field required; orgins: Extra inputs are not permitted

Between: rulesets, balancing, lists, certificates; `cloudflare.types`, which is generated from Cloudflare's OpenAPI.
Shape: a type is named by its place below `cloudflare.types`, and imported when it is first needed: that takes seconds,
and records never need it. A TypedDict of the SDK becomes one that forbids extra keys; `Iterable` becomes a list (or
nothing inside it would be looked at); aliases become the names on the wire; identifiers of the path are left out.
Known: the SDK's types do not say what each action needs, nor how expressions are written (rulesets, expressions do).
Errors: Refused 400 with every fault.
Source: cloudflare 5.9.0 (types); pydantic 2 (TypeAdapter, strict, extra="forbid").
"""

import functools
import types
import typing
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated, Any, Final, NotRequired, Required, cast, get_args, get_origin

import typing_extensions
from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict, is_typeddict

from audifi.local.standins.cloudflare.answers import Refused, type_of_item

IN_THE_PATH: Final = ("account_id", "zone_id", "dry_run")
STRICT: Final = ConfigDict(extra="forbid", strict=True)
LISTS: Final = ("Iterable", "SequenceNotStr", "Sequence")


def judge(wanted: str, body: type_of_item) -> None:
    """Refuse a body that is not of this type."""
    if faults := faults_of(of_the_sdk(wanted), body):
        raise Refused(400, 1002, f"{wanted.rpartition('.')[2]}: {'; '.join(faults)}")


def of_the_sdk(place: str) -> type[Any]:
    """A type of the SDK."""
    module, _, name = place.rpartition(".")
    return getattr(import_module(f"cloudflare.types.{module}"), name)


def faults_of(wanted: type[Any], body: object) -> list[str]:
    """What is wrong with it, one line a fault."""
    try:
        _adapter(wanted).validate_python(body)
    except ValidationError as error:
        return [f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in error.errors()]
    return []


@functools.cache
def _adapter(wanted: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(_strict(wanted), config=None if is_typeddict(wanted) else STRICT)


@functools.cache
def hints(wanted: type[Any]) -> dict[str, Any]:
    """The fields of a TypedDict of the SDK, with what is said about them."""
    return typing_extensions.get_type_hints(wanted, include_extras=True)


def variants(wanted: object) -> list[type[Any]]:
    """The members of a union; of a list of them too."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in {Required, NotRequired, Annotated} or _is_list(origin):
        return variants(arguments[0])
    if origin in {typing.Union, types.UnionType}:
        return [member for argument in arguments for member in variants(argument)]
    return [cast("type[Any]", wanted)]


def _is_list(origin: object) -> bool:
    return getattr(origin, "__name__", "") in LISTS or origin is Iterable


def _strict(wanted: Any) -> Any:  # types in, types out
    origin, arguments = get_origin(wanted), get_args(wanted)
    if is_typeddict(wanted):
        return _strict_dict(wanted)
    if origin in {Required, Annotated}:
        return _strict(arguments[0])
    if _is_list(origin):
        return list[_strict(arguments[0])]
    if origin is dict:
        return dict[str, _strict(arguments[1])]
    if origin in {typing.Union, types.UnionType}:
        return typing.Union[tuple(_strict(each) for each in arguments)]  # noqa: UP007  # members only known now
    return wanted


@functools.cache
def _strict_dict(wanted: type[Any]) -> Any:  # a type made at run time
    fields: dict[str, Any] = {}
    for name, hint in hints(wanted).items():
        if name in IN_THE_PATH:
            continue
        needed = get_origin(hint) is Required
        inner = get_args(hint)[0] if needed else hint
        fields[_on_the_wire(name, inner)] = _strict(inner) if needed else NotRequired[_strict(inner)]
    make: Any = TypedDict  # its fields are data here
    made = make(wanted.__name__, fields)
    made.__pydantic_config__ = STRICT
    return made


def _on_the_wire(name: str, hint: object) -> str:
    if get_origin(hint) is Annotated:
        for note in get_args(hint)[1:]:
            if alias := getattr(note, "alias", None):
                return str(alias)
    return name
