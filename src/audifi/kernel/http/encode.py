"""Turn what a handler returned into the bytes of the response.

Between: kernel.http.pipeline, Call.settle and msgspec.
Shape: {"data": …}, or {"data": […], "pagination": {…}} for a Page; bare where the operation says so.
Errors: TypeError for a value that JSON cannot hold (a bug of the handler).
Source: domain.md 2.0 "Success envelope".
"""

from typing import Any

import msgspec

from audifi.kernel.http.operation import Page

_encoder = msgspec.json.Encoder()


def reply(value: Any, *, is_bare: bool) -> bytes:
    """Return the body of a response."""
    if isinstance(value, Page):
        return page(value)  # pyright: ignore[reportUnknownArgumentType]
    data = _encoder.encode(value)
    return data if is_bare else b'{"data":' + data + b"}"


def page(value: Page[Any]) -> bytes:
    """Return a list with its pagination."""
    pages = -(-value.total // value.paging.limit)
    pagination = {
        "page": value.paging.page,
        "limit": value.paging.limit,
        "total": value.total,
        "totalPages": pages,
        "hasNext": value.paging.page < pages,
        "hasPrev": value.paging.page > 1,
    }
    return _encoder.encode({"data": list(value.items), "pagination": pagination})
