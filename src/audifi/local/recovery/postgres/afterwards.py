"""Do what comes after a restore to a moment, before anybody may write again.

Between: recovery.postgres.in_place and the platform's own programs: nft-service's console, Stripe's list of events,
payment-service's webhook.
Shape: the worker re-reads the chains from the restored checkpoint → Stripe's events since the moment are delivered
once more, oldest first, past the closed gateway → the books must agree with the chains.
Units: *_s seconds.
Invariant: idempotent, as all three are: an event that is known is acknowledged and nothing else.
Errors: none for what is not well: it is listed. LocalError when a program cannot be asked at all.
Source: domain.md 7 (after Postgres PITR); docs.stripe.com/webhooks/signature (v1: HMAC-SHA256 of "<time>.<payload>").
"""

import asyncio
import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Collection
from typing import Any, Final

from audifi.local import resolution
from audifi.local.console import run
from audifi.local.errors import LocalError
from audifi.local.ports import LOOPBACK
from audifi.local.recovery.postgres.pgbackrest import Tell, nobody
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, TimedOut, wait_for
from audifi.topology.model.whole import Topology

AGREES_WITHIN_S: Final = 180.0  # a chain is read at thousands of blocks a second; effects go through the queue
ASK_EVERY_S: Final = 3.0
BOOKS: Final = "audifi.services.nft.console"
WEBHOOK: Final = "/webhooks/stripe"  # services are asked without the /v1 that the gateway takes away
MARGIN_S: Final = 3600  # before the moment: an event made then may have arrived after it
PAGE: Final = 100  # Stripe's largest
ANSWER_WITHIN_S: Final = 15.0
SHOWN_MAX: Final = 5  # what one event was refused for, all of them were


async def catch_up(
    instance: Instance, topology: Topology, here: Collection[str], target_s: float | None, tell: Tell
) -> list[str]:
    """Do all of it; returns what is not well."""
    problems: list[str] = []
    if {"stripe", "payment-service"} <= set(here):
        since_s = int(target_s if target_s is not None else time.time()) - MARGIN_S
        replayed, refused = await asyncio.to_thread(_replay, instance, topology, since_s)
        tell(f"{replayed} events of Stripe delivered once more")
        problems += refused[:SHOWN_MAX]
        if len(refused) > SHOWN_MAX:
            problems.append(f"… {len(refused)} events were refused in all")
    if "nft-service" in here:
        problems += await _books(instance, topology, tell)
    return problems


async def _books(instance: Instance, topology: Topology, tell: Tell) -> list[str]:
    report: dict[str, Any] = {}

    async def agree() -> None:
        report.update(await asyncio.to_thread(_reconciled, instance, topology))
        behind = [line["chain"] for line in report["chains"] if line["mirroredBlock"] < line["block"]]
        if behind or report["differences"]:
            differ = ", ".join(each["title"] for each in report["differences"])
            raise NotReady(f"behind: {', '.join(behind) or 'no chain'}; differs: {differ or 'nothing'}")

    tell("the worker re-reads the chains; the books are compared")
    try:
        await wait_for(agree, within_s=AGREES_WITHIN_S, saying="the books agree with the chains", every_s=ASK_EVERY_S)
    except TimedOut as late:
        return [str(late), *(f"{each['title']} ({each['subject']}): {each['what']}" for each in report["differences"])]
    tell(f"the books agree with {len(report['chains'])} chains")
    return []


def _reconciled(instance: Instance, topology: Topology) -> dict[str, Any]:
    told = resolution.environment(instance, topology, "nft-service-1")
    return run(BOOKS, ["reconcile"], told, on_progress=nobody)


def _replay(instance: Instance, topology: Topology, since_s: int) -> tuple[int, list[str]]:
    """Deliver every event since then to payment-service itself."""
    secret = resolution.secret(instance, topology, "stripe-webhook-secret").split(",")[0]
    number = resolution.port(instance, topology, "payment-service-1", "http")
    refused: list[str] = []
    events = _events(instance, topology, since_s)
    for event in events:
        payload = json.dumps(event)
        at = int(time.time())
        proof = hmac.new(secret.encode(), f"{at}.{payload}".encode(), hashlib.sha256).hexdigest()
        told = {"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={proof}"}
        status, text = _asked(number, "POST", WEBHOOK, payload, told)
        if status != http.client.OK:
            refused.append(f"payment-service answered {status} to {event['id']} ({event['type']}): {text[:200]}")
    return len(events), refused


def _events(instance: Instance, topology: Topology, since_s: int) -> list[dict[str, Any]]:
    """Oldest first."""
    key = resolution.secret(instance, topology, "stripe-secret-key").split(",")[0]
    number = resolution.port(instance, topology, "stripe-1", "http")
    found: list[dict[str, Any]] = []
    while True:
        after = f"&starting_after={found[-1]['id']}" if found else ""
        path = f"/v1/events?limit={PAGE}&created[gte]={since_s}{after}"
        status, text = _asked(number, "GET", path, None, {"Authorization": f"Bearer {key}"})
        if status != http.client.OK:
            raise LocalError(f"Stripe's list of events answered {status}: {text[:200]}")
        page = json.loads(text)
        found += page["data"]
        if not page["has_more"]:
            return found[::-1]


def _asked(number: int, verb: str, path: str, body: str | None, told: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection(LOOPBACK, number, timeout=ANSWER_WITHIN_S)
    try:
        connection.request(verb, path, body, told)
        with connection.getresponse() as answer:
            return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise LocalError(f"{verb} {path} on {number}: {error}") from error
    finally:
        connection.close()
