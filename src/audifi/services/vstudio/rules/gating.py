"""Decide who may see a session and vote in it, and what a vote weighs, from what somebody holds.

Between: sagas.standing (asks for the facts named here), routes and votes (judge), store (keeps gates as JSON).
Shape: a gate names a type and its requirements; what a requirement leaves out means the session's own artist. A
*fact* names one thing to ask another service: facts are collected first, so that a gate that is OPEN asks nobody.
Units: coins in base units (10^-18); weights in thousandths of a vote.
Invariant: a weight is the single highest multiplier that applies, never a product: between 1000 and WEIGHT_MAX.
Errors: Invalid for a gate that names nothing, or the master that is being finished.
Source: domain.md 2.3 "Gating", "Vote weight", 9.67.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from audifi.services.vstudio.errors import Invalid

GateType = Literal["OPEN", "NFT", "ARTIST_COIN", "SUBSCRIPTION", "COMBINED"]
Tier = Literal["FREE", "PRO", "ENTERPRISE"]
VotingMode = Literal["SIMPLE", "WEIGHTED"]

COIN: Final = 10**18
ONE: Final = 1000
SUBSCRIBER: Final = 2000
HOLDER: Final = 3000
PRODUCER: Final = 5000
WEIGHT_MAX: Final = 5000
COIN_UNIT: Final = 100 * COIN  # what doubles a coin holder's vote, unless the gate asks for a minimum
TIERS: Final[Mapping[str, int]] = {"FREE": 0, "PRO": 1, "ENTERPRISE": 2}
ANY_MASTER: Final = ""  # any minted master of the session's artist

Amount = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,38}\Z", description="base units, above 0")]


class Requirements(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What must be held; what is left out is this artist's, one share, one coin, PRO."""

    nft_master_id: UUID | None = None
    nft_min_amount: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    coin_artist_id: UUID | None = None
    coin_min_amount: Amount | None = None
    subscription_tier: Tier | None = None


class Gate(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """Who comes in."""

    type: GateType = "OPEN"
    requirements: Requirements = msgspec.field(default_factory=Requirements)


OPEN: Final = Gate()


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to ask: shares of a master (or ANY_MASTER), an artist's coins, the plan, the role."""

    kind: Literal["shares", "coins", "plan", "producer"]
    subject: str = ""


class Coins(msgspec.Struct, kw_only=True):
    """What somebody has of one artist's coin."""

    balance: int = 0
    staked: int = 0
    multiplier_milli: int = ONE  # of the longest stake


class Standing(msgspec.Struct, kw_only=True):
    """What somebody holds, as far as it was asked."""

    shares: dict[str, int] = {}  # by master, or ANY_MASTER
    coins: dict[str, Coins] = {}  # by artist
    plan: str | None = None
    is_producer: bool | None = None

    def knows(self, fact: Fact) -> bool:
        match fact.kind:
            case "shares":
                return fact.subject in self.shares
            case "coins":
                return fact.subject in self.coins
            case "plan":
                return self.plan is not None
            case "producer":
                return self.is_producer is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether somebody comes in; what is missing otherwise, and what would help."""

    has_access: bool
    missing: tuple[str, ...] = ()  # NFT | ARTIST_COIN | SUBSCRIPTION
    cta: str | None = None  # BUY_NFT | BUY_COIN | SUBSCRIBE


_CTA: Final = {"NFT": "BUY_NFT", "ARTIST_COIN": "BUY_COIN", "SUBSCRIPTION": "SUBSCRIBE"}


def checked(gate: Gate, *, master_id: str) -> Gate:
    """Return the gate; refuse one that asks for nothing, or for shares of a master that has none yet."""
    if gate.type == "COMBINED" and not _asked(gate):
        raise Invalid(details={"requirements": "a COMBINED gate names at least one"})
    if "NFT" in _asked(gate) and str(gate.requirements.nft_master_id) == master_id:
        raise Invalid(details={"nftMasterId": "the master that is being finished has no shares yet"})
    return gate


def facts(gates: Iterable[Gate], *, artist_id: str, is_weighted: bool) -> frozenset[Fact]:
    """Return what has to be known to judge these gates and, where votes weigh, the weight."""
    found: set[Fact] = set()
    for gate in gates:
        for name in _asked(gate):
            found.add(_fact(name, gate.requirements, artist_id))
    if is_weighted:
        found |= {Fact("shares", ANY_MASTER), Fact("coins", artist_id), Fact("plan"), Fact("producer")}
    return frozenset(found)


def judge(gate: Gate, standing: Standing, *, artist_id: str) -> Verdict:
    """Say whether somebody with this standing comes in. COMBINED: all that it names must hold."""
    needs = gate.requirements
    missing = tuple(name for name in _asked(gate) if not _holds(name, needs, standing, artist_id))
    return Verdict(has_access=not missing, missing=missing, cta=_CTA[missing[0]] if missing else None)


def weight_milli(gate: Gate, standing: Standing, *, artist_id: str, mode: VotingMode) -> int:
    """Return what a vote weighs."""
    if mode == "SIMPLE":
        return ONE
    coins = standing.coins.get(artist_id, Coins())
    applying = [ONE, min(WEIGHT_MAX, ONE + coins.balance * ONE // _coin_unit(gate)), coins.multiplier_milli]
    if TIERS.get(standing.plan or "FREE", 0) > 0:
        applying.append(SUBSCRIBER)
    if any(count > 0 for count in standing.shares.values()):
        applying.append(HOLDER)
    if standing.is_producer:
        applying.append(PRODUCER)
    return min(WEIGHT_MAX, max(applying))


def holds_anything(standing: Standing) -> bool:
    """Whether shares or coins were verified: what makes a viewer a token holder."""
    return any(standing.shares.values()) or any(each.balance + each.staked for each in standing.coins.values())


def _asked(gate: Gate) -> tuple[str, ...]:
    if gate.type == "OPEN":
        return ()
    if gate.type != "COMBINED":
        return (gate.type,)
    needs = gate.requirements
    named = (
        ("NFT", needs.nft_master_id is not None or needs.nft_min_amount is not None),
        ("ARTIST_COIN", needs.coin_artist_id is not None or needs.coin_min_amount is not None),
        ("SUBSCRIPTION", needs.subscription_tier is not None),
    )
    return tuple(name for name, is_named in named if is_named)


def _fact(name: str, needs: Requirements, artist_id: str) -> Fact:
    match name:
        case "NFT":
            return Fact("shares", ANY_MASTER if needs.nft_master_id is None else str(needs.nft_master_id))
        case "ARTIST_COIN":
            return Fact("coins", str(needs.coin_artist_id or artist_id))
        case _:
            return Fact("plan")


def _holds(name: str, needs: Requirements, standing: Standing, artist_id: str) -> bool:
    subject = _fact(name, needs, artist_id).subject
    match name:
        case "NFT":
            return standing.shares.get(subject, 0) >= (needs.nft_min_amount or 1)
        case "ARTIST_COIN":  # what is staked is still theirs
            coins = standing.coins.get(subject, Coins())
            return coins.balance + coins.staked >= int(needs.coin_min_amount or COIN)
        case _:
            return TIERS.get(standing.plan or "FREE", 0) >= TIERS[needs.subscription_tier or "PRO"]


def _coin_unit(gate: Gate) -> int:
    minimum = gate.requirements.coin_min_amount if "ARTIST_COIN" in _asked(gate) else None
    return COIN_UNIT if minimum is None else int(minimum)
