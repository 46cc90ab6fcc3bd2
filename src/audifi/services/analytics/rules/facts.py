"""Tell two events about one fact from two facts: by what it is about, not by the event's id.

Between: recording (counts a fact once), store.holdings (a share moves once).
Why: a service that reads its chain again after a reorg says again what it said, in a new event.
Shape: a fact is a text; None: the event's own id says it all. `data` is an event's data as JSON has it (camelCase).
A share that is sold is told twice, as share.sold and as share.transferred: both are the same move.
Invariant: what is a fact is decided from the event alone, so events may come in any order and any number of times.
Errors: KeyError for data without the fields of its type (its class was checked before).
Source: wire.events.nft: "(tx_hash, log_index) names a fact of the chain"; a token is minted once (docs/contracts.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

NOBODY: Final = "0x" + "0" * 40
_BY_LOG: Final = frozenset({"share.sold", "share.transferred", "coin.staked", "coin.unstaked", "coin.transferred"})
_BY_FIELD: Final = {
    "purchase.completed": "purchaseId",
    "revenue.recorded": "revenueId",
    "revenue.verified": "revenueId",
    "dividend.distributed": "distributionId",
    "payment.succeeded": "paymentId",
    "payment.refunded": "paymentId",
    "coin.deployed": "coinId",
    "user.created": "userId",
    "user.deleted": "userId",
    "master.registered": "masterId",
    "ipo.launched": "ipoId",
    "ipo.sold_out": "ipoId",
}


@dataclass(frozen=True)
class Move:
    """A share that came from one wallet (or from nowhere) and went to another."""

    fact: str
    taken_from: str | None
    given_to: str


def fact(kind: str, data: Mapping[str, Any]) -> str | None:
    """Return what an event is about, when a second event may be about the same."""
    if kind == "share.minted":
        return f"{kind}:{data['masterId']}:{data['tokenId']}"
    if kind == "dividend.claimed":
        return f"{kind}:{data['distributionId']}:{data['wallet'].lower()}"
    if kind in _BY_LOG:
        chain = data.get("chainId", data.get("coinId"))
        return f"{kind}:{chain}:{data['txHash'].lower()}:{data['logIndex']}"
    field = _BY_FIELD.get(kind)
    return None if field is None else f"{kind}:{data[field]}"


def move(kind: str, data: Mapping[str, Any]) -> Move | None:
    """Return which share went where, if one did."""
    match kind:
        case "share.minted":
            giver, taker = NOBODY, data["wallet"].lower()
        case "share.transferred":
            giver, taker = data["fromWallet"].lower(), data["toWallet"].lower()
        case "share.sold":
            giver, taker = data["sellerWallet"].lower(), data["buyerWallet"].lower()
        case _:
            return None
    if giver == taker or (giver == NOBODY and kind == "share.transferred"):
        return None  # to oneself; or the transfer every mint is on the chain, which share.minted tells
    master, token = data["masterId"], data["tokenId"]
    if giver == NOBODY:
        return Move(f"moved:{master}:{token}:minted", None, taker)
    return Move(f"moved:{master}:{token}:{data['txHash'].lower()}:{giver}:{taker}", giver, taker)
