"""Stand in for PagerDuty's Events API v2: open, acknowledge and resolve incidents, and misbehave on request.

    python -m audifi.local.standins.pagerduty --http PORT --control PORT --directory DIR --secret-file FILE

Between: Alertmanager, or any other sender (`http`); drills, tests and people (`control`, on loopback).
Shape: POST /v2/enqueue {routing_key, event_action, dedup_key, payload} → 202. The control port: receiving.receiver, and
GET /incidents → {"data": [{dedup_key, summary, severity, state, triggered_at, resolved_at, events}]}.
Invariant: one incident per dedup_key until it is resolved, as PagerDuty has it: a trigger that repeats pages nobody.
Errors: 400 with PagerDuty's words for an event that is not valid or a routing key nobody has.
Source: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ and /acknowledge-and-resolve-events/
"""

import asyncio
import hmac
import json
import secrets
from typing import Any, Final, cast

from aiohttp import web

from audifi.local.standins.receiving.receiver import Receiver, options

ACTIONS: Final = frozenset({"trigger", "acknowledge", "resolve"})
SEVERITIES: Final = frozenset({"critical", "error", "warning", "info"})
SUMMARY_MAX: Final = 1024
KEY_MAX: Final = 255
STATES: Final = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}


def invalid(*errors: str) -> web.Response:
    body = {"status": "invalid event", "message": "Event object is invalid", "errors": list(errors)}
    return web.json_response(body, status=400)


def problems(event: dict[str, Any]) -> list[str]:
    """What PagerDuty would not take."""
    action = event.get("event_action")
    found: list[str] = []
    if action not in ACTIONS:
        found.append("'event_action' is missing or invalid")
    if len(str(event.get("dedup_key", ""))) > KEY_MAX:
        found.append(f"Length of 'dedup_key' must be less than or equal to {KEY_MAX}")
    if action != "trigger":
        return found if event.get("dedup_key") or not action else [*found, "'dedup_key' is missing or blank"]
    payload = cast("dict[str, Any]", event.get("payload") or {})
    found += [f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name)]
    if len(str(payload.get("summary", ""))) > SUMMARY_MAX:
        found.append(f"Length of 'payload.summary' must be less than or equal to {SUMMARY_MAX}")
    if payload.get("severity") not in SEVERITIES:
        found.append("'payload.severity' is missing or invalid")
    return found


def kept(event: dict[str, Any]) -> dict[str, Any]:
    """What is shown of an event: never the routing key."""
    payload = cast("dict[str, Any]", event.get("payload") or {})
    return {
        "action": event["event_action"],
        "dedup_key": event["dedup_key"],
        "summary": payload.get("summary", ""),
        "severity": payload.get("severity", ""),
        "class": payload.get("class", ""),
        "component": payload.get("component", ""),
        "details": payload.get("custom_details", {}),
    }


def incidents(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replay the events: what is open and what is over."""
    found: list[dict[str, Any]] = []
    is_open: dict[str, dict[str, Any]] = {}
    for each in messages:
        key = each["dedup_key"]
        if key not in is_open:
            if each["action"] != "trigger":
                continue  # nothing to acknowledge or resolve: PagerDuty takes it and does nothing
            told = {name: each[name] for name in ("dedup_key", "summary", "severity", "class", "component")}
            found.append({**told, "triggered_at": each["receivedAt"], "resolved_at": None, "events": 0})
            is_open[key] = found[-1]
        incident = is_open[key]
        incident["events"] += 1
        incident["state"] = STATES[each["action"]]
        if each["action"] == "resolve":
            is_open.pop(key)["resolved_at"] = each["receivedAt"]
    return found


async def _event(request: web.Request) -> dict[str, Any] | None:
    try:
        found: Any = json.loads(await request.text())
    except json.JSONDecodeError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


async def serve() -> None:
    """Serve until told to stop."""
    limited = web.json_response({"status": "throttle exceeded", "message": "Requests for this service are throttled"})
    receiver = Receiver(options("PagerDuty stand-in"), limited)

    async def take(request: web.Request) -> web.StreamResponse:
        event = await _event(request)
        if event is None:
            return invalid("the body is no JSON object")
        given = str(event.get("routing_key", "")).encode()
        if not hmac.compare_digest(given, receiver.options.secret.encode()):
            return invalid("Invalid routing key")
        if found := problems(event):
            return invalid(*found)
        event.setdefault("dedup_key", secrets.token_hex(16))
        receiver.keep(kept(event))
        body = {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
        return web.json_response(body, status=202)

    async def show(_: web.Request) -> web.StreamResponse:
        return web.json_response({"data": incidents(receiver.messages)})

    await receiver.serve(
        [web.post("/v2/enqueue", receiver.misbehaving(take))],
        [web.get("/incidents", show)],
    )


if __name__ == "__main__":
    asyncio.run(serve())
