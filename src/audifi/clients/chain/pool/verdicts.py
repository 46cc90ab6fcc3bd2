"""Decide what a provider's answer means, from its status, its JSON-RPC error and its words.

Between: clients.chain.attempts and broadcast (ask for every answer) and health, which counts only what is its fault.

Why words at all: providers give the same code to a rate limit, a missing block and a revert. So the table is read
from the top and the first rule that fits decides. The order is part of it:
1. A revert first: its reason is a stranger's text and may say "rate limit exceeded".
2. What a mempool knows before codes: anvil says "nonce too low" with -32003, geth with -32000, others with 3.
3. Quota before rate (both 429 at some), a too large range before rate (both -32005).
4. Codes and statuses last; what nothing recognises is TRANSIENT, because another provider is cheap and an error is not.

Raw forms, as providers send them:
    {"error": {"code": 429, "message": "Your app has exceeded its compute units per second capacity…"}}   HTTP 200
    {"error": {"code": -32005, "message": "project ID request rate exceeded", "data": {"rate": {"backoff_seconds": 9}}}}
    {"error": {"code": -32003, "message": "nonce too low"}}
    {"error": {"code": 3, "message": "execution reverted: Exists", "data": "0x08c379a0…"}}
Units: wait_s seconds.
Errors: never raises.
Source: outbound.md 1.2 and its anchors (eRPC's classifier, geth core/error.go and txpool/errors.go, EIP-1474, EIP-838);
RFC 9110 10.2.3 (Retry-After).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final, cast

RATE_WAIT_S: Final = 1.0
RATE_WAIT_S_MAX: Final = 30.0
_MESSAGE_CHARS_MAX: Final = 300


class Verdict(Enum):
    """What an answer means; the value is its label in metrics."""

    OK = "ok"
    RATE = "rate"
    QUOTA = "quota"
    AUTH = "auth"
    TRANSIENT = "transient"
    MISSING = "missing"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too_large"
    CALLER = "caller"
    TX_KNOWN = "tx_known"
    NONCE = "nonce"
    POOL_REJECT = "pool_reject"
    SEQUENCER = "sequencer"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with what is needed to act on it."""

    verdict: Verdict
    code: int = 0
    message: str = ""
    data: Any = None
    wait_s: float | None = None  # what the provider asks for; None where it says nothing


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: it fits when the status, the code or the words fit (all that are given of `all_of`)."""

    verdict: Verdict
    words: str = ""
    codes: frozenset[int] = frozenset()
    statuses: frozenset[int] = frozenset()
    words_and_codes: bool = False  # both must fit, not either
    provider: str = ""  # only this provider speaks so
    pattern: re.Pattern[str] | None = None


def _rule(
    verdict: Verdict,
    words: str = "",
    *,
    codes: tuple[int, ...] = (),
    statuses: tuple[int, ...] = (),
    both: bool = False,
    provider: str = "",
) -> Rule:
    pattern = re.compile(words, re.IGNORECASE) if words else None
    return Rule(verdict, words, frozenset(codes), frozenset(statuses), both, provider, pattern)


RULES: Final = (
    _rule(Verdict.CALLER, r"^(?:vm exception.*|execution )?revert", codes=(3,)),
    _rule(
        Verdict.TX_KNOWN,
        r"already known|known transaction|already imported|alreadyknown|already in (?:the )?(?:mempool|pool)"
        r"|transaction already exists|tx already in",
    ),
    _rule(
        Verdict.NONCE,
        r"nonce (?:is )?too low|oldnonce|nonce has already been used|nonce already used|nonce.{0,8}expired",
    ),
    _rule(Verdict.SEQUENCER, r"sender is over rate limit"),
    _rule(
        Verdict.POOL_REJECT,
        r"underpriced|fee too low|feetoolow|higher priority|less than block base fee"
        r"|gas price (?:is )?(?:too low|below)|(?:tx|transaction )?pool (?:is )?full"
        r"|below (?:the )?(?:configured )?minimum|tip (?:is )?too low"
        r"|already reserved",
    ),
    _rule(
        Verdict.QUOTA,
        r"monthly capacity limit|daily request count exceeded|quota|credits? (?:is|are|have been)? ?exhaust"
        r"|daily (?:credit|request)s? (?:limit|cap)",
        codes=(402,),
        statuses=(402,),
    ),
    _rule(
        Verdict.TOO_LARGE,
        r"block range|response size|more than [\d,]+ (?:results|logs)|range (?:is )?too (?:large|wide)|too many results"
        r"|limited to (?:a )?[\d,]+ (?:block|log)|size exceeded",
        statuses=(413,),
    ),
    _rule(
        Verdict.RATE,
        r"compute units per second|rate exceeded|too many requests|rate.?limit|request limit|throughput"
        r"|exceeded.*capacity",
        codes=(429, -32005),
        statuses=(429,),
    ),
    _rule(
        Verdict.MISSING,
        r"header not found|missing trie node|unknown block|block (?:\w+ )?not found|pruned|blockoutofrange"
        r"|could not find block|no state available|state .{0,24}not available|historical state"
        r"|after last accepted block|block height is \d+ but requested|invalid block height|hash not found"
        r"|resource not found|unknown ancestor|requested block .{0,40}(?:future|ahead|higher)",
        codes=(-32001,),
    ),
    _rule(
        Verdict.UNSUPPORTED,
        r"method .{0,60}(?:not available|not found|not supported|does not exist|not allowed|disabled|not whitelisted)"
        r"|unsupported method|method not supported|unknown method",
        codes=(-32601, -32004),
    ),
    _rule(
        Verdict.AUTH, r"authenticat|api.?key|project id|access key|unauthori[sz]ed", codes=(-32600, -32000), both=True
    ),
    _rule(Verdict.AUTH, statuses=(401, 403, 404)),
    _rule(
        Verdict.CALLER,
        r"out of gas|outofgas|insufficient (?:funds|balance)|gas required exceeds|intrinsic gas|stack limit"
        r"|invalid (?:argument|params|opcode|jump|sender|signature|address|transaction|chain)|stack (?:under|over)flow"
        r"|exceeds block gas limit|nonce too high|typed transaction|rlp|init ?code|missing value for required argument"
        r"|cannot unmarshal|exceeds allowance|transaction type not supported|only replay-protected",
        codes=(-32602, -32600, -32003, -32015),
    ),
)
# A provider's own words, read before the table.
OVERLAYS: Final = (
    _rule(Verdict.QUOTA, r"monthly capacity limit exceeded", provider="alchemy"),
    _rule(Verdict.RATE, r"concurrent requests", provider="alchemy"),
    _rule(Verdict.QUOTA, r"event:? ?-?33000", provider="infura"),
    _rule(Verdict.RATE, r"event:? ?-?33[23]00", provider="infura"),
    _rule(Verdict.AUTH, r"invalid project id|project id required", provider="infura"),
)
# Only a transaction can be told these; a read that hears them hears a contract or a wrong request.
_OF_WRITES: Final = frozenset({Verdict.TX_KNOWN, Verdict.NONCE, Verdict.POOL_REJECT, Verdict.SEQUENCER})


def judge(
    status: int, error: Mapping[str, Any] | None, *, provider: str = "", retry_after: str | None = None, is_write: bool
) -> Judgement:
    """Return what an answer that is not a result means. `error` is the JSON-RPC error object, if there was one."""
    code, message, data = _parts(error)
    verdict = _verdict(status, code, message, provider)
    if verdict in _OF_WRITES and not is_write:
        verdict = Verdict.CALLER
    wait_s = _wait_s(retry_after, data) if verdict in (Verdict.RATE, Verdict.QUOTA, Verdict.TRANSIENT) else None
    return Judgement(verdict, code or status, message or f"HTTP {status}", data, wait_s)


def _verdict(status: int, code: int, message: str, provider: str) -> Verdict:
    for rule in OVERLAYS:
        if rule.provider == provider and rule.pattern is not None and rule.pattern.search(message):
            return rule.verdict
    for rule in RULES:
        if _fits(rule, status, code, message):
            return rule.verdict
    return Verdict.TRANSIENT


def _fits(rule: Rule, status: int, code: int, message: str) -> bool:
    has_words = rule.pattern is not None and message != "" and rule.pattern.search(message) is not None
    if rule.words_and_codes:
        return has_words and code in rule.codes
    return has_words or code in rule.codes or status in rule.statuses


def _parts(error: Mapping[str, Any] | None) -> tuple[int, str, Any]:
    if error is None:
        return 0, "", None
    code, message = error.get("code"), error.get("message")
    number = code if isinstance(code, int) else int(code) if isinstance(code, str) and code.lstrip("-").isdigit() else 0
    return number, str(message or "")[:_MESSAGE_CHARS_MAX], error.get("data")


def _wait_s(retry_after: str | None, data: Any) -> float | None:
    """Read Retry-After (seconds or a date) or data[.rate].backoff_seconds; never more than RATE_WAIT_S_MAX."""
    found = _header_s(retry_after) if retry_after else _backoff_s(data)
    return None if found is None else min(max(found, 0.0), RATE_WAIT_S_MAX)


def _header_s(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def _backoff_s(data: Any) -> float | None:
    if not isinstance(data, Mapping):
        return None
    fields = cast("Mapping[str, Any]", data)
    rate: Any = fields.get("rate")
    value: Any = fields.get("backoff_seconds")
    if value is None and isinstance(rate, Mapping):
        value = cast("Mapping[str, Any]", rate).get("backoff_seconds")
    return float(value) if isinstance(value, int | float) and value == value else None  # noqa: PLR0124  # NaN


def seconds_to_reset(now_s: float) -> float:
    """Return how long until daily quotas start again: 00:00 UTC (Infura's rule)."""
    return 86_400 - now_s % 86_400
