"""Record what a master earned; as an admin, verify it and let it be distributed.

Between: sdk.client and sdk.transport.
Invariant: (master, source, external reference) is recorded once.
Errors: Conflict, InvalidState (nothing minted, wrong order), Forbidden, MfaRequired.
Source: domain.md 2.2 (revenue event lifecycle).
"""

from typing import Any
from urllib.parse import quote

from audifi.sdk.keys import new_key
from audifi.sdk.records.envelopes import Enveloped, Paged
from audifi.sdk.records.holdings import Revenue, RevenueSummary
from audifi.sdk.transport import Request, Transport


class Revenues:
    """/masters/{id}/revenue and /revenue/{id}."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def record(self, master_id: str, *, idempotency_key: str | None = None, **event: Any) -> Revenue:
        """Say that a master earned: `record(id, source="STREAMING", amountWei="100", externalReference=…)`."""
        key = idempotency_key or new_key()
        request = Request(method="POST", path=_path(master_id), body=event, idempotency_key=key)
        return (await self._transport.call(request, Enveloped[Revenue])).data

    async def list(self, master_id: str, *, page: int = 1, limit: int = 100) -> Paged[Revenue]:
        """List what a master earned."""
        request = Request(method="GET", path=_path(master_id), query={"page": page, "limit": limit})
        return await self._transport.call(request, Paged[Revenue])

    async def summary(self, master_id: str) -> RevenueSummary:
        """Return the totals by source."""
        request = Request(method="GET", path=_path(master_id, "/summary"))
        return (await self._transport.call(request, Enveloped[RevenueSummary])).data

    async def verify(self, revenue_id: str) -> Revenue:
        """Admins: the proof was seen."""
        return await self._act(revenue_id, "verify")

    async def distribute(self, revenue_id: str) -> Revenue:
        """Admins: deposit the holders' part and let them claim."""
        return await self._act(revenue_id, "distribute")

    async def _act(self, revenue_id: str, verb: str) -> Revenue:
        path = f"/revenue/{quote(revenue_id, safe='')}/{verb}"
        request = Request(method="POST", path=path, idempotency_key=new_key())
        return (await self._transport.call(request, Enveloped[Revenue])).data


def _path(master_id: str, below: str = "") -> str:
    return f"/masters/{quote(master_id, safe='')}/revenue{below}"
