"""Read artists' coins, stake them, open their pool.

Between: sdk.client and sdk.transport.
Shape: `stake` and `unstake` answer what the wallet still has to send: coins are the wallet's, not the platform's.
Errors: CoinNotFound, CoinExists, StakeLocked, PoolNotFound, Conflict.
Source: domain.md 2.5.
"""

from typing import Any
from urllib.parse import quote

from audifi.sdk.keys import new_key
from audifi.sdk.records.coins import Coin, CoinBalance, CoinDetail, Pool, Stake, SwapQuote
from audifi.sdk.records.envelopes import Enveloped, Paged
from audifi.sdk.transport import Request, Transport


class Coins:
    """Everything below /coins."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, *, page: int = 1, limit: int = 20) -> Paged[Coin]:
        """List coins."""
        return await self._transport.call(
            Request(method="GET", path="/coins", query={"page": page, "limit": limit}), Paged[Coin]
        )

    async def find(self, artist_id: str) -> CoinDetail:
        """Return an artist's coin."""
        return (await self._transport.call(Request(method="GET", path=_path(artist_id)), Enveloped[CoinDetail])).data

    async def balance(self, artist_id: str, wallet: str) -> CoinBalance:
        """Return what a wallet holds."""
        request = Request(method="GET", path=_path(artist_id, f"/balance/{quote(wallet, safe='')}"))
        return (await self._transport.call(request, Enveloped[CoinBalance])).data

    async def stake(
        self, artist_id: str, amount: int, *, lock_days: int = 0, idempotency_key: str | None = None, **more: Any
    ) -> Stake:
        """Put coins away for 0, 30, 90 or 365 days."""
        body = {"amount": str(amount), "lockDays": lock_days} | more
        request = _write(_path(artist_id, "/stake"), body, idempotency_key)
        return (await self._transport.call(request, Enveloped[Stake])).data

    async def unstake(self, artist_id: str, stake_id: str, *, idempotency_key: str | None = None) -> Stake:
        """Take a stake back when its lock is over."""
        request = _write(_path(artist_id, "/unstake"), {"stakeId": stake_id}, idempotency_key)
        return (await self._transport.call(request, Enveloped[Stake])).data

    async def stakes(self, artist_id: str) -> tuple[Stake, ...]:
        """List one's own stakes."""
        request = Request(method="GET", path=_path(artist_id, "/stakes"))
        return (await self._transport.call(request, Enveloped[tuple[Stake, ...]])).data

    async def open_pool(self, artist_id: str, *, idempotency_key: str | None = None, **terms: Any) -> Pool:
        """Artists: let the coin trade: `open_pool(id, poolType="UNISWAP_V2", ethWei="1000", feeBps=30)`."""
        request = _write(_path(artist_id, "/pool"), terms, idempotency_key)
        return (await self._transport.call(request, Enveloped[Pool])).data

    async def swap_quote(self, artist_id: str, direction: str, amount: int) -> SwapQuote:
        """Say what a swap would give now."""
        query = {"direction": direction, "amount": str(amount)}
        request = Request(method="GET", path=_path(artist_id, "/swap-quote"), query=query)
        return (await self._transport.call(request, Enveloped[SwapQuote])).data


def _write(path: str, body: dict[str, Any], key: str | None) -> Request:
    return Request(method="POST", path=path, body=body, idempotency_key=key or new_key())


def _path(artist_id: str, below: str = "") -> str:
    return f"/coins/{quote(artist_id, safe='')}{below}"
