"""Believe an answer about money only when two providers give it independently.

Between: chain (`call_agreed`) and the endpoints; one request each, no hedge, no cache.
What equal means: the same JSON, except for fields that only one of them has (nodes differ in extras such as
`blockTimestamp` in logs) and for the case of hexadecimal letters.
Why never about `latest`: the pool pins it first, so both are asked about one block (quorums on a moving tip fail:
ethers' quorum of 2 refused 801 of 801 calls).
Units: *_s seconds.
Errors: Disagreement, CallerError (both refuse), ChainUnavailable (fewer than two answered).
Source: outbound.md 2.3, 3 "Quorum".
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from audifi.clients.chain.errors import CallerError, ChainUnavailable, Disagreement
from audifi.clients.chain.pool import codec
from audifi.clients.chain.pool.asking import ATTEMPT_HEAVY_S, ask
from audifi.clients.chain.pool.codec import Item, Outcome
from audifi.clients.chain.pool.endpoint import Endpoint
from audifi.clients.chain.pool.roster import Roster
from audifi.clients.chain.pool.verdicts import Judgement, Verdict

ROUND_S: Final = 0.2


async def agreed(roster: Roster, item: Item, until_s: float) -> Any:
    """Return what two endpoints say, the preferred ones first."""
    if len(roster.endpoints) < 2:
        raise ChainUnavailable(f"{roster.facts.name} has one provider only: nobody can confirm it", retry_after_s=None)
    answers: dict[str, Any] = {}
    while True:
        fresh = [each for each in roster.usable() if each.name not in answers and not roster.heads.is_forked(each.name)]
        wanted = fresh[: max(1, 2 - len(answers))]
        for endpoint, outcome in await _asked(roster, wanted, item, until_s):
            if _is_final(outcome):
                answers[endpoint.name] = _Refused(outcome) if isinstance(outcome, Judgement) else codec.decoded(outcome)
        found = _pair(list(answers.values()))
        if found is not None:
            return found[0].raised() if isinstance(found[0], _Refused) else found[0]
        if len(answers) == len(roster.endpoints):
            raise Disagreement(f"{item.method} on {roster.facts.name}: {', '.join(answers)} contradict each other")
        if roster.now_s() + ROUND_S >= until_s:
            told = ", ".join(answers) or "no provider"
            raise ChainUnavailable(f"{item.method} on {roster.facts.name}: only {told} answered, two must agree")
        if not fresh:
            await asyncio.sleep(ROUND_S)


class _Refused:
    """A refusal as an answer: two of them agree when their codes do."""

    def __init__(self, judgement: Judgement) -> None:
        self.judgement = judgement

    def raised(self) -> Any:
        raise CallerError(self.judgement.code, self.judgement.message, self.judgement.data)


async def _asked(
    roster: Roster, endpoints: Sequence[Endpoint], item: Item, until_s: float
) -> list[tuple[Endpoint, Outcome]]:
    return await asyncio.gather(*(_one(roster, endpoint, item, until_s) for endpoint in endpoints))


async def _one(roster: Roster, endpoint: Endpoint, item: Item, until_s: float) -> tuple[Endpoint, Outcome]:
    started_s = roster.now_s()
    within_s = min(ATTEMPT_HEAVY_S, max(0.0, until_s - started_s))
    outcomes = await ask(endpoint, (item,), roster.next_id(), within_s=within_s, is_heavy=True)
    roster.take(endpoint, (item,), outcomes, roster.now_s() - started_s, is_heavy=True)
    return endpoint, outcomes[0]


def _is_final(outcome: Outcome) -> bool:
    return not isinstance(outcome, Judgement) or outcome.verdict in (Verdict.CALLER, Verdict.TOO_LARGE)


def _pair(answers: Sequence[Any]) -> tuple[Any] | None:
    """Return an answer that two gave, in a tuple because it may be null."""
    for place, answer in enumerate(answers):
        if any(is_same(answer, other) for other in answers[place + 1 :]):
            return (answer,)
    return None


def is_same(one: Any, other: Any) -> bool:
    """Say whether two answers mean the same."""
    if isinstance(one, _Refused) and isinstance(other, _Refused):
        return one.judgement.verdict is other.judgement.verdict and one.judgement.data == other.judgement.data
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if isinstance(one, list) and isinstance(other, list):
        ones, others = cast("list[Any]", one), cast("list[Any]", other)
        return len(ones) == len(others) and all(map(is_same, ones, others))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        left, right = cast("Mapping[str, Any]", one), cast("Mapping[str, Any]", other)
        shared = left.keys() & right.keys()
        return bool(shared or not (left or right)) and all(is_same(left[key], right[key]) for key in shared)
    return bool(one == other)
