"""Describe recordings, bring their files, and find those of others.

Between: sdk.client and sdk.transport.
Invariant: files are sent as they are read, never held in memory; what the server stored is named by its content (CID),
so bringing the same file twice changes nothing.
Errors: MasterNotFound, InvalidState (content cannot change once locked), PlanLimitReached, PayloadTooLarge,
UnsupportedMediaType, IpfsError.
Source: domain.md 2.2, 9.34.
"""

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from audifi.sdk.keys import new_key
from audifi.sdk.records.envelopes import Enveloped, Paged
from audifi.sdk.records.masters import Master, Share, Uploaded
from audifi.sdk.transport import Request, Transport, Upload

UPLOAD_WITHIN_S: Final = 60.0  # the gateway's own patience: wire.routes


class Masters:
    """Everything below /masters but offers (sdk.ipos) and revenue (sdk.revenue)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, *, idempotency_key: str | None = None, **fields: Any) -> Master:
        """Describe a recording; fields are named as in JSON: `create(title=…, type="TRACK", genre=…)`."""
        key = idempotency_key or new_key()
        request = Request(method="POST", path="/masters", body=fields, idempotency_key=key)
        return (await self._transport.call(request, Enveloped[Master])).data

    async def find(self, master_id: str) -> Master:
        """Return one master; somebody else's draft is not found."""
        return (await self._transport.call(Request(method="GET", path=_path(master_id)), Enveloped[Master])).data

    async def list(self, **filters: str | int) -> Paged[Master]:
        """List masters: `list(status="LISTED", page=2)`, one's own drafts with `mine="true"`."""
        return await self._transport.call(Request(method="GET", path="/masters", query=filters), Paged[Master])

    async def update(self, master_id: str, **fields: Any) -> Master:
        """Change some fields, while it is not locked."""
        request = Request(method="PUT", path=_path(master_id), body=fields)
        return (await self._transport.call(request, Enveloped[Master])).data

    async def upload(self, master_id: str, *, audio: Path, cover: Path) -> Uploaded:
        """Bring both files; what they are is recognised by their bytes."""
        files = (Upload(name="audio", path=audio), Upload(name="cover", path=cover))
        request = Request(
            method="POST",
            path=_path(master_id, "/upload"),
            files=files,
            idempotency_key=new_key(),
            deadline_s=UPLOAD_WITHIN_S,
        )
        return (await self._transport.call(request, Enveloped[Uploaded])).data

    async def confirm_rights(self, master_id: str, policy_versions: dict[str, str]) -> Master:
        """Declare that the recording is the artist's to sell."""
        body = {"accepted": True, "policyVersions": policy_versions}
        request = Request(method="POST", path=_path(master_id, "/confirm-rights"), body=body, idempotency_key=new_key())
        return (await self._transport.call(request, Enveloped[Master])).data

    async def lock(self, master_id: str) -> Master:
        """End the work on it: content and splits cannot change any more."""
        request = Request(method="POST", path=_path(master_id, "/lock"), idempotency_key=new_key())
        return (await self._transport.call(request, Enveloped[Master])).data

    async def shares(self, master_id: str, *, page: int = 1, limit: int = 100) -> Paged[Share]:
        """List the shares that exist."""
        request = Request(method="GET", path=_path(master_id, "/shares"), query={"page": page, "limit": limit})
        return await self._transport.call(request, Paged[Share])


def _path(master_id: str, below: str = "") -> str:
    return f"/masters/{quote(master_id, safe='')}{below}"
