"""Sign in, stay signed in, prove more, sign out.

Between: sdk.client and sdk.transport.
Shape: sign-in is link → (second factor) → access token and refresh cookie. The cookie is rotated at every refresh and
never leaves the transport's jar.
Invariant: `refresh` and `logout` are the only calls that the cookie authenticates; both send Origin and the CSRF
token, as a browser would.
Errors: InvalidToken, InvalidCode, AccountLocked, InvalidRefreshToken, CsrfFailed, RateLimited; see domain.md 2.1.
Source: domain.md 2.1, 4 (CSRF, refresh token, 2FA).
"""

from audifi.sdk.records.accounts import (
    Enrolment,
    Message,
    SecondFactorNeeded,
    Session,
    SignedIn,
    SignInStep,
    Wallet,
    WalletNonce,
)
from audifi.sdk.records.envelopes import Enveloped
from audifi.sdk.transport import Request, Transport
from audifi.wire import headers


class Auth:
    """Everything below /auth."""

    def __init__(self, transport: Transport, *, origin: str) -> None:
        self._transport = transport
        self._origin = origin
        self._csrf_token: str | None = None
        transport.renew = self._renew

    async def request_link(self, email: str, *, redirect_path: str | None = None) -> str:
        """Ask for a magic link by mail; the answer is the same whether or not the account exists."""
        body = {"email": email} | ({"redirectPath": redirect_path} if redirect_path else {})
        sent = await self._transport.call(self._guest("/auth/magic-link", body), Enveloped[Message])
        return sent.data.message

    async def verify(self, token: str) -> SignedIn | SecondFactorNeeded:
        """Use the link's token: it works once."""
        return await self._signed_in(self._guest("/auth/verify-magic-link", {"token": token}))

    async def complete(self, step: SecondFactorNeeded, code: str) -> SignedIn | SecondFactorNeeded:
        """Finish a sign-in with the second factor."""
        return await self._signed_in(self._guest("/auth/2fa/verify", {"code": code, "mfaToken": step.mfa_token}))

    async def refresh(self) -> SignedIn:
        """Take a new access token for the refresh cookie, which is rotated."""
        request = Request(method="POST", path="/auth/refresh", body={}, headers=self._same_site(), signed_in=False)
        outcome = await self._signed_in(request)
        assert isinstance(outcome, SignedIn), "a refresh never asks for the second factor"
        return outcome

    async def logout(self) -> None:
        """End this session."""
        await self._transport.answer(Request(method="POST", path="/auth/logout", headers=self._same_site()))
        self._transport.forget()

    async def logout_everywhere(self) -> None:
        """End every session of the account."""
        await self._transport.answer(Request(method="POST", path="/auth/logout-all", headers=self._same_site()))
        self._transport.forget()

    async def enrol(self) -> Enrolment:
        """Begin with a second factor; it counts once `confirm` has seen its first code."""
        answer = await self._transport.call(Request(method="POST", path="/auth/2fa/setup"), Enveloped[Enrolment])
        return answer.data

    async def confirm(self, code: str) -> SignedIn | SecondFactorNeeded:
        """Prove the second factor in this session: enrols it the first time, steps the session up afterwards."""
        return await self._signed_in(Request(method="POST", path="/auth/2fa/verify", body={"code": code}))

    async def disable_second_factor(self, code: str) -> None:
        """Remove the second factor."""
        await self._transport.answer(Request(method="POST", path="/auth/2fa/disable", body={"code": code}))

    async def wallet_nonce(self, address: str, chain_id: int) -> WalletNonce:
        """Ask for the message a wallet has to sign."""
        request = Request(method="POST", path="/auth/wallet/nonce", body={"address": address, "chainId": chain_id})
        return (await self._transport.call(request, Enveloped[WalletNonce])).data

    async def link_wallet(self, address: str, *, chain_id: int, message: str, signature: str) -> tuple[Wallet, ...]:
        """Link the wallet that signed the message."""
        body = {"address": address, "chainId": chain_id, "message": message, "signature": signature}
        request = Request(method="POST", path="/auth/wallet/link", body=body)
        return (await self._transport.call(request, Enveloped[tuple[Wallet, ...]])).data

    async def sessions(self) -> tuple[Session, ...]:
        """List where the account is signed in."""
        return (
            await self._transport.call(Request(method="GET", path="/auth/sessions"), Enveloped[tuple[Session, ...]])
        ).data

    async def revoke(self, session_id: str) -> None:
        """End one session."""
        await self._transport.answer(Request(method="DELETE", path=f"/auth/sessions/{session_id}"))

    async def _renew(self) -> None:
        await self.refresh()

    async def _signed_in(self, request: Request) -> SignedIn | SecondFactorNeeded:
        step = await self._transport.call(request, SignInStep)
        outcome = step.outcome()
        if isinstance(outcome, SignedIn):
            self._csrf_token = step.csrf_token or self._csrf_token
            self._transport.access_token = outcome.access_token
        return outcome

    def _guest(self, path: str, body: dict[str, str]) -> Request:
        return Request(method="POST", path=path, body=body, signed_in=False)

    def _same_site(self) -> dict[str, str]:
        return {"Origin": self._origin} | ({headers.CSRF: self._csrf_token} if self._csrf_token else {})
