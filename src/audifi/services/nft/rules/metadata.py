"""Write what a wallet or marketplace shows of a share: the metadata document of a master.

Between: routes.uploads (a first one), routes.ipos (the final one, before the contracts are deployed).
Shape: one document for all shares of a master. A token's URI is the base URI and its number, so the base URI ends in
`#`: `ipfs://<cid>#7` names this document, whatever the number; the number's tier follows from the list in it.
Why not one document per share: a million of them would have to be pinned before the first sale.
Not in it: the addresses of the contracts. The URI is fixed when they are made, so it cannot name them; the page does.
Invariant: the same master gives the same bytes, hence the same CID.
Errors: none.
Source: domain.md 2.2 "IPFS"; ERC-721 metadata; https://docs.opensea.io/docs/metadata-standards (attributes).
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

_TIERS: Final = (("1-10", 1000), ("11-50", 500), ("51-100", 300), ("101+", 100))


@dataclass(frozen=True, kw_only=True)
class Described:
    """What a document says."""

    master_id: str
    artist_name: str
    title: str
    description: str | None
    genre: str
    bpm: int | None
    audio_cid: str
    cover_cid: str
    total_shares: int | None = None
    public_supply: int | None = None
    chain_id: int | None = None


def document(master: Described) -> bytes:
    """Return the JSON document."""
    attributes: list[dict[str, Any]] = [
        {"trait_type": "Artist", "value": master.artist_name},
        {"trait_type": "Track", "value": master.title},
        {"trait_type": "Genre", "value": master.genre},
    ]
    if master.bpm is not None:
        attributes.append({"trait_type": "BPM", "value": master.bpm, "display_type": "number"})
    if master.total_shares is not None:
        attributes.append({"trait_type": "Total Shares", "value": master.total_shares, "display_type": "number"})
    return msgspec.json.encode(
        {
            "name": master.title,
            "description": master.description or "",
            "image": f"ipfs://{master.cover_cid}",
            "animation_url": f"ipfs://{master.audio_cid}",
            "external_url": f"https://audifi.io/masters/{master.master_id}",
            "attributes": attributes,
            "properties": _properties(master),
        },
        order="sorted",
    )


def base_uri(metadata_cid: str) -> str:
    """Return what a token's number is appended to."""
    return f"ipfs://{metadata_cid}#"


def _properties(master: Described) -> dict[str, Any]:
    tiers = [{"shares": shares, "royaltyBps": bps, "tier": tier} for tier, (shares, bps) in enumerate(_TIERS, 1)]
    known: dict[str, Any] = {"masterId": master.master_id, "moverAdvantage": tiers}
    if master.chain_id is not None:
        known |= {"chainId": master.chain_id, "publicSupply": master.public_supply}
    return known
