"""Register minted tokens at NFT.Storage, as it is since 2024: it archives CIDs that are pinned elsewhere, to Filecoin.

Between: preserving (the loop) and preserve.nft.storage/api/v1.

What it is not: a pin. It takes no bytes, returns no CID and serves nothing, so it never counts as a copy; its upload
API is closed since 2024-06-30 and is not called here, let alone imitated.
Shape: create_collection answers "Collection Created" without an id, so the id is looked up in list_collections; tokens
are a CSV `tokenID,cid`; list_tokens gives 500 at a time after `lastKey`. The JSON of lists is documented nowhere: a
bare list and {"ok", "value": […]} are read alike, and a token's state is its `dealStatus`, else its `status`.
Idempotent: what a collection lists already is not sent again; the service marks repeated tokens as duplicates.
Errors: errors.py.
Source: app.nft.storage/v1/docs/client/http-api; outbound.md 4.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from audifi.clients.ipfs import bodies
from audifi.clients.ipfs.errors import ProviderAway
from audifi.clients.ipfs.transport import Answer, Transport

NAME: Final = "nft-storage"
PAGE: Final = 500
NETWORKS: Final[Mapping[int, str]] = {
    1: "Ethereum",
    137: "Polygon",
    8453: "Base",
    11155111: "Ethereum Sepolia",
    80002: "Polygon Amoy",
    84532: "Base Sepolia",
    31337: "Ethereum",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PreservedToken:
    """A token as NFT.Storage lists it."""

    token_id: str
    cid: str
    status: str

    @property
    def is_preserved(self) -> bool:
        return self.status.lower() in ("active", "deal_active", "preserved")

    @property
    def is_failed(self) -> bool:
        return self.status.lower() in ("failed", "error", "expired")


class NftStorage:
    """Our account there."""

    def __init__(self, transport: Transport, *, url: str) -> None:
        self._transport = transport
        self._url = url.rstrip("/")

    def allowance(self, wished: int) -> int:
        return self._transport.breaker.allowance(wished)

    async def close(self) -> None:
        await self._transport.close()

    async def collection(self, chain_id: int, contract: str) -> str | None:
        """Return the id of the collection of this contract; None when there is none yet."""
        for row in self._rows(await self._transport.call("GET", f"{self._url}/collection/list_collections")):
            same_chain = str(row.get("chainID")) == str(chain_id)
            if same_chain and str(row.get("contractAddress", "")).lower() == contract:
                return str(row.get("collectionID") or row.get("id"))
        return None

    async def create_collection(self, chain_id: int, contract: str, name: str) -> str:
        """Return the id of the collection of this contract, made if need be."""
        if (known := await self.collection(chain_id, contract)) is not None:
            return known
        wish = {
            "contractAddress": contract,
            "collectionName": name,
            "chainID": str(chain_id),
            "network": NETWORKS.get(chain_id, "Ethereum"),
        }
        await self._transport.call("POST", f"{self._url}/collection/create_collection", json=wish, has_effect=True)
        if (made := await self.collection(chain_id, contract)) is None:
            raise ProviderAway(f"{NAME} does not list a collection it has made", may_have_taken_effect=True)
        return made

    async def add_tokens(self, collection: str, tokens: Mapping[str, str]) -> None:
        """Register tokens: id → CID."""
        table = "".join(f"{token},{cid}\n" for token, cid in {"tokenID": "cid", **tokens}.items()).encode()
        form = bodies.of_form(
            {"collectionID": collection}, bodies.of_bytes(table), filename="tokens.csv", length=len(table)
        )
        await self._transport.call(
            "POST", f"{self._url}/collection/add_tokens", data=form.data, headers=form.headers, has_effect=True
        )

    async def tokens(self, collection: str) -> dict[str, PreservedToken]:
        """Return everything a collection lists, by token id; the best state of a token that is there twice."""
        found: dict[str, PreservedToken] = {}
        last = "undefined"
        while True:
            rows = self._rows(
                await self._transport.call(
                    "GET",
                    f"{self._url}/collection/list_tokens",
                    params={"collectionID": collection, "lastKey": last},
                )
            )
            for row in rows:
                token = _token(row)
                if token.token_id not in found or token.is_preserved:
                    found[token.token_id] = token
            following = str(rows[-1].get("id", "")) if len(rows) == PAGE else ""
            if not following or following == last:
                return found
            last = following

    def _rows(self, answer: Answer) -> list[dict[str, Any]]:
        found: Any = answer.json(NAME)
        if isinstance(found, dict):
            told = cast("dict[str, Any]", found)
            found = next((told[key] for key in ("value", "collections", "tokens") if key in told), None)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in cast("list[Any]", found)):
            raise ProviderAway(f"{NAME} answered {answer.status} with something else than a list")
        return cast("list[dict[str, Any]]", found)


def _token(row: Mapping[str, Any]) -> PreservedToken:
    return PreservedToken(
        token_id=str(row.get("tokenID", "")),
        cid=str(row.get("cid", "")),
        status=str(row.get("dealStatus") or row.get("status") or ""),
    )
