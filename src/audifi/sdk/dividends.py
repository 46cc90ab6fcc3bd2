"""See what shares earned, and claim it.

Between: sdk.client and sdk.transport.
Invariant: a dividend is paid once, to the wallet that held the shares at the snapshot; the key makes a repeated claim
the same one.
Errors: AlreadyClaimed, MfaRequired, InvalidState.
Source: domain.md 2.2 (dividend rule, claim).
"""

from collections.abc import Sequence
from typing import Any

from audifi.sdk.keys import new_key
from audifi.sdk.records.envelopes import Enveloped, Paged
from audifi.sdk.records.holdings import Dividend
from audifi.sdk.transport import Request, Transport


class Dividends:
    """Everything below /portfolio/dividends."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, *, page: int = 1, limit: int = 100) -> Paged[Dividend]:
        """List one's dividends, newest first."""
        request = Request(method="GET", path="/portfolio/dividends", query={"page": page, "limit": limit})
        return await self._transport.call(request, Paged[Dividend])

    async def claim(
        self, wallet: str, dividend_ids: Sequence[str] = (), *, idempotency_key: str | None = None
    ) -> tuple[Dividend, ...]:
        """Claim these, or all that are available."""
        body: dict[str, Any] = {"wallet": wallet}
        body |= {"dividendIds": list(dividend_ids)} if dividend_ids else {"all": True}
        key = idempotency_key or new_key()
        request = Request(method="POST", path="/portfolio/dividends/claim", body=body, idempotency_key=key)
        return (await self._transport.call(request, Enveloped[tuple[Dividend, ...]])).data
