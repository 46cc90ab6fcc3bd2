"""Judge one run: what the caller was told, against what the chain was, and what the providers were asked.

Between: the lines a candidate printed, the heads and counts that network sampled, and rpc_failover's table.
Shape: `judged(history)` is pure: the same history gives the same verdict, whoever made it.
Units: `at`, *_s seconds of CLOCK_MONOTONIC; *_ms milliseconds from the moment the call was due; shares 0 to 1.
Invariant: an answer is stale when its block is more than LAG_BLOCKS_MAX behind the head the chain had when the call
began; backward when it is older than an answer the same caller already held when it asked; foreign when its hash is
not the chain's. One call may be all three. What is not judged at all is an error: a call that is never answered is one.
Source: architecture.md 7 and outbound.md 2.3 (targets); how heads must behave: geth issue 27353, outbound.md 1.1, 2.3.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from audifi.wire.chains import CHAINS

CHAIN_ID = 1
LAG_BLOCKS_MAX = CHAINS[CHAIN_ID].lag_blocks_max
SLOW_MS = 250.0
BACK_SHARE = 0.7  # of the requests, to the primary again
BACK_WITHIN_S = 10.0
LATE_S = 2.0  # the end of BACK_WITHIN_S: the share is taken over it
STEP_S = 1.0  # and when it came back is told to this second
PRIMARY, SECOND = "alchemy", "infura"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call as its caller saw it."""

    at: float
    ms: float
    ok: bool
    kind: str = "call"  # call, balance or block (benchmarks/peers/rpc/open_loop.py)
    error: str = ""
    height: int | None = None
    hash: str | None = None  # of the block at `height`
    parent: str | None = None  # of the block before it

    @property
    def answered(self) -> float:
        return self.at + self.ms / 1000


@dataclass(frozen=True)
class Head:
    """The chain's own newest block, from `at` on."""

    at: float
    number: int
    hash: str


@dataclass(frozen=True)
class Sample:
    """Requests each provider has had by `at`."""

    at: float
    requests: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class History:
    """One run: warm until `broken`, faulty until `healed`, well until `end`."""

    calls: Sequence[Call]
    heads: Sequence[Head]
    samples: Sequence[Sample]
    broken: float
    healed: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one run showed; None where nothing could be measured."""

    calls: int
    errors: int
    stale: int
    backward: int
    foreign: int
    fault_calls: int
    fault_p50_ms: float | None
    fault_p99_ms: float | None
    fault_max_ms: float | None
    control_p99_ms: float | None  # the same, before the fault
    slow: int  # answered well, but after SLOW_MS, in the whole run
    primary_share: float  # requests that reached the primary during the fault, per call
    upstream_per_call: float
    upstream_per_new_call: float  # the same, reads of the newest block left out: a client may keep those
    back_share: float | None  # of the requests, to the primary, in the last LATE_S of BACK_WITHIN_S
    back_s: float | None  # from healing to the first second in which BACK_SHARE went there
    healthy_after_s: float  # from healing to the last call that failed or was slow
    reasons: Mapping[str, int] = field(default_factory=dict[str, int])  # what the errors said, the most frequent

    @property
    def bad(self) -> int:
        """Calls whose caller was failed or misled."""
        return self.errors + self.stale + self.backward + self.foreign


def judged(history: History) -> Verdict:
    calls = sorted(history.calls, key=lambda call: call.at)
    fault = [call for call in calls if history.broken <= call.at < history.healed]
    waits = _waits(fault)
    errors = [call for call in calls if not call.ok]
    asked = _requests(history.samples, history.broken, history.healed)
    whole = _requests(history.samples, float("-inf"), float("inf"))
    return Verdict(
        calls=len(calls),
        errors=len(errors),
        stale=sum(1 for call in calls if _is_stale(call, history.heads)),
        backward=sum(1 for _ in _backward(calls, history.heads)),
        foreign=sum(1 for call in calls if _is_foreign(call, history.heads)),
        fault_calls=len(fault),
        fault_p50_ms=quantile(waits, 0.5),
        fault_p99_ms=quantile(waits, 0.99),
        fault_max_ms=quantile(waits, 1),
        control_p99_ms=quantile(_waits([call for call in calls if call.at < history.broken]), 0.99),
        slow=sum(1 for call in calls if call.ok and call.ms > SLOW_MS),
        primary_share=asked.get(PRIMARY, 0) / max(len(fault), 1),
        upstream_per_call=sum(whole.values()) / max(len(calls), 1),
        upstream_per_new_call=sum(whole.values()) / max(sum(1 for call in calls if call.kind != "block"), 1),
        back_share=_back_share(history),
        back_s=_back_s(history),
        healthy_after_s=max((call.at - history.healed for call in calls if _is_unwell(call, history)), default=0.0),
        reasons=dict(Counter(call.error for call in errors).most_common(3)),
    )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The value that `share` of them do not exceed."""
    if not ordered:
        return None
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _waits(calls: Sequence[Call]) -> list[float]:
    return sorted(call.ms for call in calls if call.ok)


def _is_unwell(call: Call, history: History) -> bool:
    return call.at >= history.healed and (not call.ok or call.ms > SLOW_MS)


def _is_stale(call: Call, heads: Sequence[Head]) -> bool:
    return call.height is not None and call.height < _number_at(heads, call.at) - LAG_BLOCKS_MAX


def _backward(calls: Sequence[Call], heads: Sequence[Head]) -> Iterator[Call]:
    """Calls that began when the caller already held a newer block than they were answered."""
    answers = sorted((call.answered, call.height) for call in calls if call.height is not None and _binds(call, heads))
    newest, taken = -1, 0
    for call in calls:  # by the time they began
        while taken < len(answers) and answers[taken][0] <= call.at:
            newest = max(newest, answers[taken][1])
            taken += 1
        if call.height is not None and call.height < newest:
            yield call


def _binds(call: Call, heads: Sequence[Head]) -> bool:
    """Whether the answer proves that its block was shown to the caller.

    anvil answers an eth_call about block N with block N + 1 when that is mined meanwhile (seen at 2 of 12 blocks under
    load, straight at the node): such an answer is the node's slip, not what its client asked for.
    """
    return call.hash is not None or (call.height or 0) <= _number_at(heads, call.at)


def _number_at(heads: Sequence[Head], moment: float) -> int:
    """The chain's newest block then; -1 before the first we saw."""
    known = bisect_right(heads, moment, key=lambda head: head.at)
    return heads[known - 1].number if known else -1


def _is_foreign(call: Call, heads: Sequence[Head]) -> bool:
    """Only blocks we saw on the chain ourselves can be compared; the newest may have come after our last look."""
    if call.height is None:
        return False
    hashes = {head.number: head.hash for head in heads}
    shown = ((call.height, call.hash), (call.height - 1, call.parent))
    return any(told is not None and hashes.get(number, told) != told for number, told in shown)


def _requests(samples: Sequence[Sample], since: float, until: float) -> dict[str, int]:
    """What each provider was asked between the first sample after one moment and the last before the other."""
    if not samples:
        return {}
    first = min(bisect_left(samples, since, key=lambda sample: sample.at), len(samples) - 1)
    last = max(bisect_right(samples, until, key=lambda sample: sample.at) - 1, 0)
    before, after = samples[first], samples[max(first, last)]
    return {name: count - before.requests.get(name, 0) for name, count in after.requests.items()}


def _primary_share(history: History, since: float, until: float) -> float | None:
    asked = _requests(history.samples, since, until)
    total = sum(asked.values())
    return asked.get(PRIMARY, 0) / total if total else None


def _back_share(history: History) -> float | None:
    until = min(history.healed + BACK_WITHIN_S, history.end)
    return _primary_share(history, max(until - LATE_S, history.healed), until)


def _back_s(history: History) -> float | None:
    steps = [history.healed + STEP_S * number for number in range(int((history.end - history.healed) / STEP_S) + 1)]
    for since, until in pairwise(steps):
        share = _primary_share(history, since, until)
        if share is not None and share >= BACK_SHARE:
            return until - history.healed
    return None
