"""Spoil an answer in the ways that broken proxies and broken providers do.

Between: gate (after the node has done its part) and whoever has to make sense of it.
Invariant: the node was asked, so whatever was sent has taken effect.
Errors: none.
"""

from typing import Any, cast

import msgspec

from audifi.local.standins.rpc.dialect import page
from audifi.local.standins.rpc.faults import type_of_garbage
from audifi.local.standins.rpc.server import Reply


def spoiled(reply: Reply, how: type_of_garbage) -> Reply:
    """The reply, no longer what it was."""
    half = len(reply.body) // 2
    match how:
        case "html":  # a proxy's page with the status of a success
            return page(200)
        case "truncated":  # a whole HTTP message, half the JSON
            return Reply(reply.status, reply.body[:half])
        case "cut-body":  # the connection ends before the length that was promised
            return Reply(reply.status, reply.body, cut_at=half)
        case "wrong-id":
            return Reply(reply.status, msgspec.json.encode(_readdressed(msgspec.json.decode(reply.body))))
        case "empty":
            return Reply(reply.status)
        case "":
            return reply


def _readdressed(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_readdressed(each) for each in cast("list[Any]", answer)]
    fields = cast("dict[str, Any]", answer)
    number = fields.get("id")
    return fields | {"id": number + 1 if isinstance(number, int) else f"not {number}"}
