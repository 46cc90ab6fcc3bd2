"""Read and change the signed-in user: profile, wallets, artist's face, export, deletion.

Between: sdk.client and sdk.transport.
Invariant: `update` sends only the fields it is given; the rest stays.
Errors: Unauthorized, MfaRequired (step-up first), Invalid with a reason per field, WalletAlreadyLinked, Conflict.
Source: domain.md 2.1.
"""

from typing import Any
from urllib.parse import quote

from audifi.sdk.records.accounts import Artist, Profile, Wallet
from audifi.sdk.records.envelopes import Enveloped
from audifi.sdk.transport import Request, Transport


class User:
    """Everything below /user."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def profile(self) -> Profile:
        """Return who is signed in."""
        request = Request(method="GET", path="/user/profile")
        return (await self._transport.call(request, Enveloped[Profile])).data

    async def update(self, **fields: Any) -> Profile:
        """Change some fields, named as in JSON: `update(displayName="Ada", bio=None)`."""
        request = Request(method="PUT", path="/user/profile", body=fields)
        return (await self._transport.call(request, Enveloped[Profile])).data

    async def become_artist(
        self, artist_name: str, *, consents: list[Any], genre: str | None = None, location: str | None = None
    ) -> Artist:
        """Take the role ARTIST."""
        optional = {"genre": genre, "location": location}
        body = {"artistName": artist_name, "consents": consents} | {k: v for k, v in optional.items() if v is not None}
        request = Request(method="POST", path="/user/artist-profile", body=body)
        return (await self._transport.call(request, Enveloped[Artist])).data

    async def make_primary(self, address: str, chain_id: int) -> tuple[Wallet, ...]:
        """Choose the wallet that the access token names."""
        body = {"address": address, "chainId": chain_id}
        request = Request(method="POST", path="/user/wallet/primary", body=body)
        return (await self._transport.call(request, Enveloped[tuple[Wallet, ...]])).data

    async def unlink_wallet(self, address: str, chain_id: int) -> tuple[Wallet, ...]:
        """Remove a wallet; the oldest other becomes primary if it was."""
        path = f"/user/wallet/{quote(address, safe='')}"
        request = Request(method="DELETE", path=path, query={"chainId": chain_id})
        return (await self._transport.call(request, Enveloped[tuple[Wallet, ...]])).data

    async def export(self) -> dict[str, Any]:
        """Return everything the platform knows of this person."""
        request = Request(method="GET", path="/user/export")
        return (await self._transport.call(request, Enveloped[dict[str, Any]])).data

    async def delete(self) -> None:
        """Delete the account: at once for others, anonymised later."""
        await self._transport.answer(Request(method="DELETE", path="/user"))
        self._transport.forget()
