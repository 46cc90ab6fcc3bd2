"""Offer an alternative, and take or leave it.

Between: acts and the public API (/vstudio/sessions/{id}/decisions/{did}/contributions).
Errors: Problem.
Source: domain.md 2.3 "contributions".
"""

from typing import Any

from audifi.drills.journey.people import Person
from audifi.sdk import new_key
from audifi.sdk.records.envelopes import Enveloped
from audifi.sdk.transport import Request

Contribution = dict[str, Any]


async def offered(person: Person, session_id: str, decision_id: str, **fields: Any) -> Contribution:
    """Submit it; `label` and one of `text`, `audioUrl`."""
    path = f"/vstudio/sessions/{session_id}/decisions/{decision_id}/contributions"
    return await _asked(person, Request(method="POST", path=path, body=fields, idempotency_key=new_key()))


async def judged(person: Person, session_id: str, contribution: Contribution, status: str) -> Contribution:
    """Say ACCEPTED or REJECTED."""
    path = f"/vstudio/sessions/{session_id}/decisions/{contribution['decisionId']}/contributions/{contribution['id']}"
    return await _asked(person, Request(method="PATCH", path=path, body={"status": status}, idempotency_key=new_key()))


async def _asked(person: Person, request: Request) -> Contribution:
    return (await person.client.transport.call(request, Enveloped[Contribution])).data
