"""Do what an operator wants with dead letters, and leave a trace of what was dropped.

Between: console (verbs queue-…) and kernel.dead_letters.
Invariant: what is discarded is in the audit log first: dying between leaves one row too many.
Errors: NotFound, Invalid of kernel.dead_letters.
Source: domain.md 4 "Audit log"; 2.0 "Events".
"""

import getpass
from typing import Any

import msgspec

from audifi.kernel import outbox
from audifi.kernel.database import Database
from audifi.kernel.dead_letters import DeadLetters, Letter, refuse_to_send_again
from audifi.kernel.queue import Queue
from audifi.wire.events.auth import AuditRecorded
from audifi.wire.problems import Invalid


class Letterbox:
    """The dead letters of all groups."""

    def __init__(self, queue: Queue, database: Database) -> None:
        self._letters = DeadLetters(queue)
        self._database = database

    async def listed(self) -> list[dict[str, Any]]:
        return [msgspec.to_builtins(each) for each in await self._letters.standings()]

    async def shown(self, reference: str) -> list[dict[str, Any]]:
        return [msgspec.to_builtins(each) for each in await self._letters.letters(reference)]

    async def retry(self, reference: str) -> dict[str, Any]:
        """Send one letter again."""
        letter = await self._one(reference)
        return {"moved": [letter.name] if await self._letters.retry(letter) else [], "kept": []}

    async def retry_all(self) -> dict[str, Any]:
        """Send again what may be, the oldest first; say what stays and why."""
        moved: list[str] = []
        kept: list[dict[str, str]] = []
        for letter in sorted(await self._letters.all(), key=lambda each: each.given_up_at):
            try:
                refuse_to_send_again(letter)
            except Invalid as refusal:
                kept.append({"name": letter.name, "why": refusal.message})
                continue
            if await self._letters.retry(letter):
                moved.append(letter.name)
        return {"moved": moved, "kept": kept}

    async def discard(self, reference: str) -> dict[str, Any]:
        """Drop one letter for good."""
        letter = await self._one(reference)
        async with self._database.transaction() as tx:
            await outbox.add(tx, _recorded(letter), aggregate_id=letter.name)
        return {"discarded": [letter.name] if await self._letters.discard(letter) else []}

    async def _one(self, reference: str) -> Letter:
        found = await self._letters.letters(reference)
        if len(found) == 1:
            return found[0]
        raise Invalid(f"{reference} are {len(found)} letters: name one (audifi queue show {reference})")


def _recorded(letter: Letter) -> AuditRecorded:
    event = letter.event
    return AuditRecorded(
        action="queue.discarded",
        category="system",
        target_type="dead_letter",
        target_id=letter.name,
        actor_type="admin",
        before={
            "reason": letter.reason,
            "eventType": event.type if event else "",
            "eventId": str(event.id) if event else "",
            "operator": getpass.getuser(),
        },
    )
