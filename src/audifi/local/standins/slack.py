"""Stand in for Slack's incoming webhook: take a message, keep it, and misbehave on request.

    python -m audifi.local.standins.slack --http PORT --control PORT --directory DIR --secret-file FILE

Between: Alertmanager, or any other sender (`http`); drills, tests and people (`control`, on loopback).
Shape: POST /services/T…/B…/SECRET, JSON or a form's `payload`, → 200 "ok". The control port: receiving.receiver; a
message is {id, receivedAt, channel, text, title, attachments}.
Invariant: a wrong address is refused as Slack does, so that a wrong secret is seen.
Errors: 400 invalid_payload, no_text; 403 invalid_token; 404 no_service; 429 rate_limited: Slack's words.
Source: https://api.slack.com/messaging/webhooks, https://api.slack.com/changelog/2016-05-17-changes-to-errors
"""

import asyncio
import hmac
import json
from typing import Any, cast

from aiohttp import web

from audifi.local.standins.receiving.receiver import Receiver, options

TEAM, SERVICE = "T00000000", "B00000000"


def refused(status: int, reason: str) -> web.Response:
    return web.Response(status=status, text=reason)


async def _payload(request: web.Request) -> dict[str, Any] | None:
    if request.content_type == "application/x-www-form-urlencoded":
        text = str((await request.post()).get("payload", ""))
    else:
        text = await request.text()
    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def kept(payload: dict[str, Any]) -> dict[str, Any]:
    """What is shown of a message."""
    attachments: list[dict[str, Any]] = payload.get("attachments") or []
    first: dict[str, Any] = attachments[0] if attachments else {}
    return {
        "channel": payload.get("channel", ""),
        "title": first.get("title", ""),
        "text": payload.get("text") or first.get("text", ""),
        "attachments": attachments,
    }


async def serve() -> None:
    """Serve until told to stop."""
    receiver = Receiver(options("Slack stand-in"), web.Response(text="rate_limited"))

    async def take(request: web.Request) -> web.StreamResponse:
        given = request.match_info
        if (given["team"], given["service"]) != (TEAM, SERVICE):
            return refused(404, "no_service")
        if not hmac.compare_digest(given["secret"].encode(), receiver.options.secret.encode()):
            return refused(403, "invalid_token")
        payload = await _payload(request)
        if payload is None:
            return refused(400, "invalid_payload")
        if not (payload.get("text") or payload.get("attachments") or payload.get("blocks")):
            return refused(400, "no_text")
        receiver.keep(kept(payload))
        return web.Response(text="ok")

    await receiver.serve([web.post("/services/{team}/{service}/{secret}", receiver.misbehaving(take))], [])


if __name__ == "__main__":
    asyncio.run(serve())
