"""Bring a signed transaction to the chain through every healthy endpoint, and know its fate by its hash alone.

Between: chain (`broadcast`, `pending_nonce`) and the endpoints.

Why all endpoints at once: sending the same bytes twice is free (the hash is the same), and one mempool is not all.
What an answer means here: a result or "already known" is success. "Nonce too low" is success too if the chain knows our
hash: a lost acknowledgement, the reason why other clients pay twice. A mempool's refusal counts when no other takes it.
A lost connection after sending may have taken effect: the bytes go out again (idempotent), and at the end the hash is
looked up everywhere, whatever was said.
Invariant: only the given bytes are ever sent; no error is raised while any endpoint knows the hash.
Units: *_s seconds.
Errors: NonceUsed, PoolRejected, CallerError, ChainUnavailable with `may_have_taken_effect`.
Source: outbound.md 1.2, 2.4 (every peer fails this); eRPC's eth_sendRawTransaction; execution-apis #245; dshackle (the
maximum of nonces).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from eth_utils.crypto import keccak

from audifi.clients.chain.errors import CallerError, ChainUnavailable, NonceUsed, PoolRejected
from audifi.clients.chain.pool import codec, methods
from audifi.clients.chain.pool.asking import LOST, ask
from audifi.clients.chain.pool.codec import Item, Outcome
from audifi.clients.chain.pool.endpoint import Endpoint
from audifi.clients.chain.pool.roster import Roster
from audifi.clients.chain.pool.verdicts import Judgement, Verdict

SEND_S: Final = 2.0
LOOKUP_S: Final = 1.5
LOOKUP_SHARE: Final = 0.3  # of the deadline is kept for the last look-up
ROUND_S: Final = 0.25
STRAGGLERS_S: Final = 0.5
# The first of these that any endpoint said is what the caller is told.
_SERIOUS: Final = (Verdict.NONCE, Verdict.POOL_REJECT, Verdict.CALLER, Verdict.TOO_LARGE)


async def broadcast(roster: Roster, raw: bytes, until_s: float) -> str:
    """Return the transaction's hash once an endpoint has it."""
    tx_hash = "0x" + keccak(raw).hex()
    item = Item(methods.SEND, codec.encoded(["0x" + raw.hex()]))
    look_at_s = roster.now_s() + (until_s - roster.now_s()) * (1 - LOOKUP_SHARE)
    said: dict[str, Judgement] = {}
    may_be_out = False
    while True:
        endpoints = roster.reachable()
        fresh = [each for each in endpoints if each.name not in said or not _is_word(said[each.name])]
        outcomes = await _sent(roster, fresh, item, tx_hash, look_at_s)
        if any(_is_success(outcome, tx_hash) for outcome in outcomes.values()):
            return tx_hash
        for name, outcome in outcomes.items():
            said[name] = outcome if isinstance(outcome, Judgement) else _strange()
            may_be_out = may_be_out or said[name].code == LOST or said[name].verdict is Verdict.NONCE
        words = [each for each in said.values() if _is_word(each)]
        if words and await _is_known(roster, tx_hash, until_s):
            return tx_hash
        if words and (len(words) >= len(endpoints) or _first(words).verdict is Verdict.NONCE):
            raise _refusal(_first(words))
        if roster.now_s() + ROUND_S >= look_at_s:
            break
        await asyncio.sleep(ROUND_S)
    if may_be_out and await _is_known(roster, tx_hash, until_s):
        return tx_hash
    words = [each for each in said.values() if _is_word(each)]
    if words and not may_be_out:
        raise _refusal(_first(words))
    told = "; ".join(f"{name}: {each.message}" for name, each in said.items())
    raise ChainUnavailable(
        f"{roster.facts.name}: no provider took the transaction ({told})", may_have_taken_effect=may_be_out
    )


async def pending_nonce(roster: Roster, address: str, until_s: float) -> int:
    """Return the greatest nonce that any endpoint tells."""
    item = Item("eth_getTransactionCount", codec.encoded([address, "pending"]))
    while True:
        outcomes = await _gathered(roster, roster.usable(), item, until_s, is_enough=_is_answer, grace_s=STRAGGLERS_S)
        counts = [int(codec.decoded(each), 16) for each in outcomes.values() if isinstance(each, bytes)]
        if counts:
            return max(counts)
        if roster.now_s() + ROUND_S >= until_s:
            raise ChainUnavailable(f"{roster.facts.name}: no provider tells the nonce of {address[:6]}…{address[-4:]}")
        await asyncio.sleep(ROUND_S)


async def _sent(
    roster: Roster, endpoints: Sequence[Endpoint], item: Item, tx_hash: str, until_s: float
) -> dict[str, Outcome]:
    """Send to all; the first success is enough, the others are left to finish."""

    def is_enough(outcome: Outcome) -> bool:
        return _is_success(outcome, tx_hash)

    return await _gathered(roster, endpoints, item, until_s, is_enough=is_enough, grace_s=0.0)


async def _is_known(roster: Roster, tx_hash: str, until_s: float) -> bool:
    """Ask every endpoint for the transaction."""
    item = Item("eth_getTransactionByHash", codec.encoded([tx_hash]))
    within_s = min(until_s, roster.now_s() + LOOKUP_S)
    endpoints = roster.reachable()
    outcomes = await _gathered(roster, endpoints, item, within_s, is_enough=_is_found, grace_s=0.0)
    return any(_is_found(outcome) for outcome in outcomes.values())


async def _gathered(
    roster: Roster,
    endpoints: Iterable[Endpoint],
    item: Item,
    until_s: float,
    *,
    is_enough: Callable[[Outcome], bool],
    grace_s: float,
) -> dict[str, Outcome]:
    """Ask all endpoints at once; return what is there `grace_s` after the first answer that is enough.

    Sends that are still under way then are left to finish: another mempool more is welcome. Cancelled with the caller.
    """
    tasks = {roster.spawn(_one(roster, endpoint, item, until_s)): endpoint for endpoint in endpoints}
    waiting = set(tasks)
    found: dict[str, Outcome] = {}
    end_s = until_s
    try:
        while waiting and roster.now_s() < end_s:
            done, waiting = await asyncio.wait(
                waiting, timeout=end_s - roster.now_s(), return_when=asyncio.FIRST_COMPLETED
            )
            found |= {tasks[task].name: task.result() for task in done}
            if any(is_enough(outcome) for outcome in found.values()):
                end_s = min(end_s, roster.now_s() + grace_s)
    except asyncio.CancelledError:
        for task in waiting:
            task.cancel()
        raise
    return found


async def _one(roster: Roster, endpoint: Endpoint, item: Item, until_s: float) -> Outcome:
    started_s = roster.now_s()
    within_s = max(0.05, min(SEND_S, until_s - started_s))
    is_write = item.method == methods.SEND
    outcomes = await ask(endpoint, (item,), roster.next_id(), within_s=within_s, is_write=is_write)
    roster.take(endpoint, (item,), outcomes, roster.now_s() - started_s, is_heavy=True)
    return outcomes[0]


def _is_success(outcome: Outcome, tx_hash: str) -> bool:
    if isinstance(outcome, Judgement):
        return outcome.verdict is Verdict.TX_KNOWN
    told = codec.decoded(outcome)
    return isinstance(told, str) and told.lower() == tx_hash


def _is_answer(outcome: Outcome) -> bool:
    return isinstance(outcome, bytes)


def _is_found(outcome: Outcome) -> bool:
    return isinstance(outcome, bytes) and outcome != b"null"


def _is_word(judgement: Judgement) -> bool:
    """Say whether an endpoint answered for good: asking it again changes nothing."""
    return judgement.verdict in _SERIOUS or judgement.verdict is Verdict.SEQUENCER


def _strange() -> Judgement:
    return Judgement(Verdict.TRANSIENT, LOST, "it answered with another transaction's hash")


def _first(words: Sequence[Judgement]) -> Judgement:
    order = {verdict: place for place, verdict in enumerate(_SERIOUS)}
    return min(words, key=lambda word: order.get(word.verdict, len(order)))


def _refusal(word: Judgement) -> Exception:
    match word.verdict:
        case Verdict.NONCE:
            return NonceUsed(f"another transaction took this nonce: {word.message}", retry_after_s=None)
        case Verdict.POOL_REJECT:
            return PoolRejected(word.message)
        case Verdict.SEQUENCER:  # all providers share it: nobody else can help
            return ChainUnavailable(f"the sequencer asks to slow down: {word.message}", retry_after_s=5)
        case _:
            return CallerError(word.code, word.message, word.data)
