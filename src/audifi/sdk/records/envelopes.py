"""Say what every answer is wrapped in, and how amounts of money arrive.

Between: the other records, sdk.transport (decodes with `decoded`) and callers.
Shape: `{"data": …}`; lists add `"pagination"`.
Units: an Amount is in wei or in base units of a coin (10^-18), as its field says.
Invariant: an amount is a decimal string in JSON and an int here; it is never a float.
Errors: ValueError from text that is no number; sdk.transport turns it into Unavailable (not our server).
Source: domain.md 2.0 (success envelope, money).
"""

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Amount(int):
    """A sum of money: an int that JSON writes as a decimal string."""


class Pagination(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Where a page lies in its list."""

    page: int
    limit: int
    total: int
    total_pages: int
    has_next: bool
    has_prev: bool


class Enveloped(msgspec.Struct, Generic[T], rename="camel", frozen=True, kw_only=True):
    """`{"data": …}`."""

    data: T


class Paged(msgspec.Struct, Generic[T], rename="camel", frozen=True, kw_only=True):
    """`{"data": […], "pagination": …}`."""

    data: tuple[T, ...]
    pagination: Pagination


def decoded(kind: type[Any], value: Any) -> Any:
    """Read what JSON has no type for: `msgspec`'s hook."""
    if kind is Amount and isinstance(value, str) and value.isascii() and value.isdigit():
        return Amount(value)
    raise ValueError(f"{value!r:.40} is no {kind.__name__}")
