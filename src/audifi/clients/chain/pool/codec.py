"""Write JSON-RPC requests and read what came back, however broken it is.

Between: clients.chain.flights, probes, broadcast and the bytes that transports carry.
Sample: {"jsonrpc":"2.0","id":7,"method":"eth_call","params":[…]} → {"jsonrpc":"2.0","id":7,"result":"0x…"}
Invariant: an answer counts only with the id of its question: a proxy that mixes answers up is not believed.
Errors: never raises; what cannot be read is a TRANSIENT judgement (another provider is asked).
Source: https://www.jsonrpc.org/specification (batch answers come in any order; a refused batch is one object).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from audifi.clients.chain.pool.verdicts import Judgement, Verdict, judge

_NOTHING: Final = msgspec.Raw(b"")


class _Reply(msgspec.Struct):
    id: Any = None
    result: msgspec.Raw = _NOTHING
    error: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a transport brought back."""

    status: int
    body: bytes
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One call of a request, its parameters encoded already."""

    method: str
    params: bytes


Outcome = bytes | Judgement
_one: Final = msgspec.json.Decoder(_Reply)
_many: Final = msgspec.json.Decoder(list[_Reply])
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def encoded(params: Sequence[Any]) -> bytes:
    return _encode(params)


def decoded(answer: bytes) -> Any:
    return _decode(answer)


def request(items: Sequence[Item], first_id: int) -> bytes:
    """Return the body that asks these calls, with ids from `first_id` on."""
    if len(items) == 1:
        return _call(items[0], first_id)
    return b"[" + b",".join(_call(item, first_id + at) for at, item in enumerate(items)) + b"]"


def read_one(answer: Answer, expected_id: int, *, provider: str, is_write: bool = False) -> Outcome:
    """Return the result's bytes, or what the answer means instead."""
    try:
        reply = _one.decode(answer.body)
    except msgspec.DecodeError:
        return _unreadable(answer, provider)
    if reply.error is None and answer.status < 300:
        if reply.id != expected_id:
            return Judgement(Verdict.TRANSIENT, message="the answer belongs to another request")
        result = bytes(reply.result)
        return result or Judgement(Verdict.TRANSIENT, message="the answer holds neither result nor error")
    return judge(
        answer.status, _error(reply.error), provider=provider, retry_after=answer.retry_after, is_write=is_write
    )


def read_many(answer: Answer, first_id: int, count: int, *, provider: str) -> list[Outcome]:
    """Return one outcome per call, in the order asked."""
    try:
        replies = _many.decode(answer.body)
    except msgspec.DecodeError:
        one = read_one(answer, -1, provider=provider)
        refused = one if isinstance(one, Judgement) else Judgement(Verdict.TRANSIENT, message="a batch got one answer")
        return [refused] * count
    by_id = {reply.id: reply for reply in replies if isinstance(reply.id, int)}
    return [_outcome(by_id.get(first_id + at), answer, provider) for at in range(count)]


def _outcome(reply: _Reply | None, answer: Answer, provider: str) -> Outcome:
    if reply is None:
        return Judgement(Verdict.TRANSIENT, message="the batch's answer lacks one of its calls")
    if reply.error is not None:
        return judge(
            answer.status, _error(reply.error), provider=provider, retry_after=answer.retry_after, is_write=False
        )
    return bytes(reply.result) or Judgement(Verdict.TRANSIENT, message="the answer holds neither result nor error")


def _unreadable(answer: Answer, provider: str) -> Judgement:
    if 200 <= answer.status < 300:
        return Judgement(Verdict.TRANSIENT, message=f"HTTP {answer.status} with a body that is not JSON-RPC")
    words = answer.body[:200].decode("utf-8", "replace") if answer.status in (401, 402, 403, 429) else ""
    error = {"message": words} if words.strip() else None
    return judge(answer.status, error, provider=provider, retry_after=answer.retry_after, is_write=False)


def _error(error: Any) -> dict[str, Any] | None:
    if isinstance(error, dict):
        return cast("dict[str, Any]", error)
    return None if error is None else {"message": str(error)}


def _call(item: Item, number: int) -> bytes:
    return b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":%b}' % (number, item.method.encode(), item.params)
