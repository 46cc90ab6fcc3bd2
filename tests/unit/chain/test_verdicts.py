"""Every form of refusal is understood, in the words and codes that providers use.

Between: clients.chain.pool.verdicts and codec (pure).
Source: outbound.md 1.2, 1.3, 2.4.
"""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.clients.chain.pool.codec import Answer, Item, read_many, read_one, request
from audifi.clients.chain.pool.verdicts import RATE_WAIT_S_MAX, Judgement, Verdict, judge, seconds_to_reset

READS = [
    (429, None, "", Verdict.RATE),
    (200, {"code": 429, "message": "exceeded its compute units per second capacity"}, "alchemy", Verdict.RATE),
    (200, {"code": -32005, "message": "project ID request rate exceeded"}, "infura", Verdict.RATE),
    (200, {"code": -32005, "message": "daily request count exceeded, request rate limited"}, "infura", Verdict.QUOTA),
    (200, {"code": -32005, "message": "query returned more than 10000 results"}, "infura", Verdict.TOO_LARGE),
    (402, {"code": -33000, "message": "event: -33000"}, "infura", Verdict.QUOTA),
    (402, None, "", Verdict.QUOTA),
    (403, {"code": -32600, "message": "Monthly capacity limit exceeded."}, "alchemy", Verdict.QUOTA),
    (200, {"code": -32000, "message": "Monthly capacity limit exceeded."}, "alchemy", Verdict.QUOTA),
    (401, {"code": -32600, "message": "Must be authenticated!"}, "alchemy", Verdict.AUTH),
    (403, None, "", Verdict.AUTH),
    (404, None, "", Verdict.AUTH),
    (500, None, "", Verdict.TRANSIENT),
    (503, None, "", Verdict.TRANSIENT),
    (408, None, "", Verdict.TRANSIENT),
    (200, {"code": -32603, "message": "internal error"}, "", Verdict.TRANSIENT),
    (200, {"code": -32000, "message": "something new"}, "", Verdict.TRANSIENT),
    (200, {"code": -32000, "message": "header not found"}, "", Verdict.MISSING),
    (200, {"code": -32000, "message": "missing trie node 1234"}, "", Verdict.MISSING),
    (200, {"code": -32602, "message": "BlockOutOfRangeError: block height is 5 but requested was 9"}, "",
     Verdict.MISSING),
    (200, {"code": -32601, "message": "the method foo does not exist/is not available"}, "", Verdict.UNSUPPORTED),
    (200, {"code": -32004, "message": "method not supported"}, "", Verdict.UNSUPPORTED),
    (200, {"code": -32602, "message": "eth_getLogs is limited to a 10,000 block range"}, "", Verdict.TOO_LARGE),
    (413, None, "", Verdict.TOO_LARGE),
    (200, {"code": 3, "message": "execution reverted: Exists", "data": "0x08c379a0"}, "", Verdict.CALLER),
    (200, {"code": 3, "message": "execution reverted: rate limit exceeded, nonce too low"}, "", Verdict.CALLER),
    (200, {"code": -32000, "message": "execution reverted: too many requests"}, "", Verdict.CALLER),
    (200, {"code": -32602, "message": "invalid argument 0: hex string without 0x prefix"}, "", Verdict.CALLER),
    (400, {"code": -32602, "message": "invalid params"}, "", Verdict.CALLER),
    (200, {"code": -32000, "message": "insufficient funds for gas * price + value"}, "", Verdict.CALLER),
    (200, {"code": -32000, "message": "nonce too low"}, "", Verdict.CALLER),  # a read cannot be told this
]  # fmt: skip
WRITES = [
    ({"code": -32000, "message": "already known"}, Verdict.TX_KNOWN),
    ({"code": -32603, "message": "transaction already imported"}, Verdict.TX_KNOWN),
    ({"code": -32010, "message": "AlreadyKnown"}, Verdict.TX_KNOWN),
    ({"code": -32003, "message": "nonce too low"}, Verdict.NONCE),
    ({"code": -32000, "message": "nonce too low: next nonce 5, tx nonce 4"}, Verdict.NONCE),
    ({"code": -32000, "message": "replacement transaction underpriced"}, Verdict.POOL_REJECT),
    ({"code": -32000, "message": "max fee per gas less than block base fee"}, Verdict.POOL_REJECT),
    ({"code": -32000, "message": "txpool is full"}, Verdict.POOL_REJECT),
    ({"code": -32000, "message": "sender is over rate limit"}, Verdict.SEQUENCER),
    ({"code": -32003, "message": "insufficient funds for gas * price + value"}, Verdict.CALLER),
    ({"code": -32000, "message": "intrinsic gas too low"}, Verdict.CALLER),
    ({"code": -32000, "message": "rlp: expected List"}, Verdict.CALLER),
    ({"code": 429, "message": "Too Many Requests"}, Verdict.RATE),
]


@pytest.mark.parametrize(("status", "error", "provider", "verdict"), READS)
def test_what_a_read_is_told(status: int, error: dict[str, Any] | None, provider: str, verdict: Verdict) -> None:
    assert judge(status, error, provider=provider, is_write=False).verdict is verdict


@pytest.mark.parametrize(("error", "verdict"), WRITES)
def test_what_a_broadcast_is_told(error: dict[str, Any], verdict: Verdict) -> None:
    assert judge(200, error, is_write=True).verdict is verdict


@pytest.mark.parametrize(
    ("retry_after", "data", "wait_s"),
    [
        ("2", None, 2.0),
        ("0", None, 0.0),
        ("3600", None, RATE_WAIT_S_MAX),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None, 0.0),
        ("nonsense", None, None),
        (None, {"backoff_seconds": 7}, 7.0),
        (None, {"rate": {"backoff_seconds": 1.5}}, 1.5),
        (None, {"backoff_seconds": "soon"}, None),
        (None, None, None),
    ],
)
def test_how_long_a_rate_limit_wants_to_last(retry_after: str | None, data: Any, wait_s: float | None) -> None:
    error = {"code": 429, "message": "slow down", "data": data}
    assert judge(429, error, retry_after=retry_after, is_write=False).wait_s == wait_s


def test_a_quota_lasts_until_midnight_utc() -> None:
    assert seconds_to_reset(1_700_000_000) == 86_400 - 1_700_000_000 % 86_400
    assert seconds_to_reset(86_400 * 10) == 86_400


def test_a_revert_keeps_its_data() -> None:
    told = judge(200, {"code": 3, "message": "execution reverted", "data": "0xdead"}, is_write=False)
    assert (told.code, told.data) == (3, "0xdead")


@given(st.binary(max_size=200), st.integers(100, 599))
def test_no_body_breaks_the_reader(body: bytes, status: int) -> None:
    outcome = read_one(Answer(status, body), 1, provider="alchemy")
    assert isinstance(outcome, Judgement | bytes)
    assert len(read_many(Answer(status, body), 1, 3, provider="alchemy")) == 3


@given(st.dictionaries(st.sampled_from(["jsonrpc", "id", "result", "error", "code"]), st.none() | st.integers()
                       | st.text(max_size=5) | st.lists(st.integers(), max_size=2)))  # fmt: skip
def test_no_reply_breaks_the_reader(reply: dict[str, Any]) -> None:
    outcome = read_one(Answer(200, msgspec.json.encode(reply)), 1, provider="infura")
    if isinstance(outcome, bytes):
        assert reply["id"] == 1
        assert msgspec.json.decode(outcome) == reply["result"]


def test_answers_of_a_batch_find_their_calls_in_any_order() -> None:
    items = [Item("eth_chainId", b"[]"), Item("eth_gasPrice", b"[]"), Item("eth_syncing", b"[]")]
    asked = msgspec.json.decode(request(items, 7))
    assert [call["id"] for call in asked] == [7, 8, 9]
    body = msgspec.json.encode(
        [{"id": 9, "result": None}, {"id": 7, "result": "0x1"}, {"id": 8, "error": {"code": 429, "message": "slow"}}]
    )
    first, second, third = read_many(Answer(200, body), 7, 3, provider="alchemy")
    assert (first, third) == (b'"0x1"', b"null")
    assert isinstance(second, Judgement)
    assert second.verdict is Verdict.RATE


def test_a_refused_batch_refuses_all_its_calls() -> None:
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": None, "error": {"code": 429, "message": "slow down"}})
    outcomes = read_many(Answer(200, body), 1, 2, provider="alchemy")
    assert [each.verdict for each in outcomes if isinstance(each, Judgement)] == [Verdict.RATE, Verdict.RATE]
