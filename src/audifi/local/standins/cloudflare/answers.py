"""Answer as Cloudflare does: one envelope for results, lists and refusals.

Between: every module of this stand-in; the official SDK and octoDNS read these.
Shape: {"success", "errors": [{"code", "message"}], "messages", "result", "result_info"?}.
Errors: `Refused` carries status, code and message, and becomes the envelope of a refusal.
Source: developers.cloudflare.com/fundamentals/api/reference/ (responses, pagination).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from aiohttp import web

type_of_item = dict[str, Any]
PER_PAGE_DEFAULT: Final = 20
PER_PAGE_MAX: Final = 5000


class Refused(Exception):
    """What was asked cannot be done; the caller is told why."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def done(result: object, status: int = 200, info: Mapping[str, Any] | None = None) -> web.Response:
    body: type_of_item = {"success": True, "errors": [], "messages": [], "result": result}
    if info is not None:
        body["result_info"] = dict(info)
    return web.json_response(body, status=status)


def refusal(refused: Refused) -> web.Response:
    errors = [{"code": refused.code, "message": str(refused)}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return web.json_response(body, status=refused.status)


def page(items: Sequence[type_of_item], query: Mapping[str, str]) -> web.Response:
    """One page of a list, as `page` and `per_page` ask."""
    number, size = _number(query, "page", 1), _number(query, "per_page", PER_PAGE_DEFAULT)
    if not 1 <= size <= PER_PAGE_MAX or number < 1:
        raise Refused(400, 1003, f"per_page must be 1 to {PER_PAGE_MAX}, and page at least 1")
    shown = items[(number - 1) * size : number * size]
    info = {
        "page": number,
        "per_page": size,
        "count": len(shown),
        "total_count": len(items),
        "total_pages": -(-len(items) // size),
    }
    return done(shown, info=info)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise Refused(400, 1003, f"{name} must be a number, not {text!r}")
    return int(text)


async def body_of(request: web.Request) -> type_of_item:
    """The JSON object of a request."""
    try:
        found: Any = json.loads(await request.text())
    except json.JSONDecodeError as error:
        raise Refused(400, 6003, f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Refused(400, 6003, "the body must be a JSON object")
    return cast("type_of_item", found)
