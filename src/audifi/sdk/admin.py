"""Look after users: for admins with a completed second factor.

Between: sdk.client and sdk.transport.
Errors: Forbidden, MfaRequired, UserNotFound.
Source: domain.md 2.1 (/admin/users).
"""

from typing import Any
from urllib.parse import quote

from audifi.sdk.records.envelopes import Paged
from audifi.sdk.transport import Request, Transport


class Admin:
    """Everything below /admin/users."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def users(self, *, page: int = 1, limit: int = 20) -> Paged[dict[str, Any]]:
        """List users, newest first."""
        request = Request(method="GET", path="/admin/users", query={"page": page, "limit": limit})
        return await self._transport.call(request, Paged[dict[str, Any]])

    async def change(self, user_id: str, **fields: Any) -> None:
        """Change a user's status: `change(id, status="SUSPENDED")`."""
        path = f"/admin/users/{quote(user_id, safe='')}"
        await self._transport.answer(Request(method="PATCH", path=path, body=fields))

    async def roles(self, user_id: str, **fields: Any) -> None:
        """Grant or revoke roles."""
        path = f"/admin/users/{quote(user_id, safe='')}/roles"
        await self._transport.answer(Request(method="POST", path=path, body=fields))
