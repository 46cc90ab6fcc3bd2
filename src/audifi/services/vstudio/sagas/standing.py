"""Ask the other services what somebody holds, once in half a minute.

Between: votes, admission, routes.eligibility (ask here) and nft-service (shares), coin-service (balances, stakes),
payment-service (plan), auth-service (producers).
Shape: only what a gate or a weight needs is asked, all of it at once; OPEN gates and simple votes ask nobody.
Units: kept for KEPT_S in Redis: somebody who bought a moment ago waits that long; without Redis everybody is asked for.
Errors: Unavailable when a service is away: nothing is assumed. Refusals of the peer for somebody who is gone.
Source: domain.md 2.3 "Calls".
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from audifi.services.vstudio.errors import Unavailable
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.rules import gating
from audifi.services.vstudio.rules.gating import Coins, Fact, Gate, Standing
from audifi.services.vstudio.store.sessions import Session
from audifi.wire import channels

KEPT_S: Final = 30


class _Owned(msgspec.Struct, rename="camel"):
    count: int


class _Balance(msgspec.Struct, rename="camel"):
    balance: str
    staked: str
    best_multiplier_milli: int


class _Plan(msgspec.Struct):
    plan: str


class _User(msgspec.Struct):
    roles: tuple[str, ...]


async def standing_of(
    parts: Parts, session: Session, user_id: str, *, gate: Gate | None = None, is_weighted: bool = False
) -> Standing:
    """Return what somebody holds, as far as the session's gates, `gate` and the weight need it."""
    gates = (session.view_gating, session.vote_gating, *(() if gate is None else (gate,)))
    needed = gating.facts(gates, artist_id=session.artist_id, is_weighted=is_weighted)
    if not needed:
        return Standing()
    key = channels.vstudio(session.id, f"standing:{user_id}")
    known = await _kept(parts, key)
    if all(known.knows(fact) for fact in needed):
        return known
    # Asked anew together with what was known: one time to live for all of it.
    standing = await _asked(parts, session, user_id, needed | _facts_in(known))
    with contextlib.suppress(Unavailable):
        await parts.cache.set(key, msgspec.json.encode(standing), ttl_s=KEPT_S)
    return standing


async def forget(parts: Parts, session_ids: Iterable[str], user_id: str) -> None:
    """Ask anew the next time: something changed."""
    for session_id in session_ids:
        with contextlib.suppress(Unavailable):
            await parts.cache.delete(channels.vstudio(session_id, f"standing:{user_id}"))


async def _kept(parts: Parts, key: str) -> Standing:
    with contextlib.suppress(Unavailable):
        found = await parts.cache.get(key)
        if found is not None:
            return msgspec.json.decode(found, type=Standing)
    return Standing()


def _facts_in(standing: Standing) -> frozenset[Fact]:
    found = {Fact("shares", master) for master in standing.shares} | {Fact("coins", each) for each in standing.coins}
    if standing.plan is not None:
        found.add(Fact("plan"))
    if standing.is_producer is not None:
        found.add(Fact("producer"))
    return frozenset(found)


async def _asked(parts: Parts, session: Session, user_id: str, needed: frozenset[Fact]) -> Standing:
    ordered = sorted(needed, key=lambda fact: (fact.kind, fact.subject))
    answers = await asyncio.gather(*(_ask(parts, session, user_id, fact) for fact in ordered))
    standing = Standing()
    for fact, answer in zip(ordered, answers, strict=True):
        match fact.kind:
            case "shares":
                standing.shares[fact.subject] = answer
            case "coins":
                standing.coins[fact.subject] = answer
            case "plan":
                standing.plan = answer
            case "producer":
                standing.is_producer = answer
    return standing


async def _ask(parts: Parts, session: Session, user_id: str, fact: Fact) -> Any:
    peers = parts.peers
    match fact.kind:
        case "shares":
            whose = {"artistId": session.artist_id} if fact.subject == gating.ANY_MASTER else {"masterId": fact.subject}
            path = "/internal/v1/ownership"
            return (await peers.get("nft-service", path, _Owned, query={"userId": user_id, **whose})).count
        case "coins":
            query = {"userId": user_id, "artistId": fact.subject}
            found = await peers.get("coin-service", "/internal/v1/balance", _Balance, query=query)
            multiplier = found.best_multiplier_milli
            return Coins(balance=int(found.balance), staked=int(found.staked), multiplier_milli=multiplier)
        case "plan":
            return (await peers.get("payment-service", f"/internal/v1/users/{user_id}/plan", _Plan)).plan
        case "producer":  # the role is granted by an administrator: who has it is verified
            return "PRODUCER" in (await peers.get("auth-service", f"/internal/v1/users/{user_id}", _User)).roles
