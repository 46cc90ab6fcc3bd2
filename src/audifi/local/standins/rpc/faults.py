"""Hold how one chain of a provider misbehaves, and decide per request what happens to it.

Between: control (sets), gate (asks `struck` once per request), view (lag, fork, chain id) and liveness (deadness).
Shape: one Faults per chain; all knobs at once. Knobs of one request are tried in the order of Struck.
Units: *_ms milliseconds, *_s seconds, *_rate and share 0 to 1, *_blocks and depth in blocks.
Invariant: the same seed and the same requests meet the same faults.
Errors: `problem` says in one sentence what is wrong with a combination; msgspec says it of types and names.
"""

import random
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

LONGEST_MS: Final = 600_000
SUCCESS: Final = 200

type_of_rate_limit = Literal["", "http", "http-retry-after", "json", "json-backoff"]
type_of_quota = Literal["", "http", "json"]
type_of_garbage = Literal["", "html", "truncated", "cut-body", "wrong-id", "empty"]
# What happens to a request before the node is asked; "" means it is asked.
Struck = Literal["", "hang", "drop", "rate_limit", "quota", "error_rate"]


class Faults(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How it misbehaves; as it is made: not at all."""

    methods: tuple[str, ...] = ()  # only requests with one of these methods; empty: all
    share: float = 1.0  # of those requests, how many are hit
    latency_ms: int = 0  # before anything else; also of requests that a share spares
    jitter_ms: int = 0  # up to so much more, evenly
    hang: bool = False  # accept, never answer
    drop: bool = False  # cut the connection instead of asking the node
    drop_after: bool = False  # cut it after the node has done what it was asked: a lost acknowledgement
    error_rate: float = 0.0
    error_status: int = 503  # 200: a JSON-RPC internal error inside
    rate_limit: type_of_rate_limit = ""  # every request; with max_rps, only those above it
    retry_after_s: int = 1  # what a rate limit asks for
    max_rps: float = 0.0  # calls per second, each of a batch counted; a burst of one second's worth
    quota: type_of_quota = ""  # the day's or month's allowance is spent
    lag_blocks: int = 0  # an older view
    stuck: bool = False  # its head stays where it was when the knob was turned
    fork_depth: int = 0  # another history since so many blocks before now
    wrong_chain_id: int = 0
    garbage: type_of_garbage = ""
    refuse_methods: tuple[str, ...] = ()  # answered as methods it does not have
    flap_ms: int = 0  # dead for so long, then alive for as long, and so on
    refuse_connections: bool = False
    seed: int = 0

    def problem(self) -> str | None:  # noqa: PLR0911  # one sentence per rule
        """Say what is wrong with these numbers."""
        if not (0 < self.share <= 1):
            return "share lies above 0 and at most at 1: to hit nothing, clear the faults"
        if not 0 <= self.error_rate <= 1:
            return "error_rate lies between 0 and 1"
        if self.error_status != SUCCESS and not 400 <= self.error_status <= 599:
            return "error_status lies between 400 and 599, or is 200 for a JSON-RPC error inside a success"
        if not (0 <= self.latency_ms <= LONGEST_MS and 0 <= self.jitter_ms <= LONGEST_MS):
            return f"latency_ms and jitter_ms lie between 0 and {LONGEST_MS}"
        if self.flap_ms != 0 and not 10 <= self.flap_ms <= LONGEST_MS:
            return f"flap_ms is 0 or lies between 10 and {LONGEST_MS}"
        if self.flap_ms and self.refuse_connections:
            return "flap_ms and refuse_connections exclude each other: dead in turns, or dead"
        if min(self.retry_after_s, self.max_rps, self.lag_blocks, self.fork_depth, self.wrong_chain_id) < 0:
            return "retry_after_s, max_rps, lag_blocks, fork_depth and wrong_chain_id are not negative"
        if sum((self.hang, self.drop, self.drop_after)) > 1:
            return "hang, drop and drop_after exclude each other"
        return None

    @property
    def has_view(self) -> bool:
        return bool(self.lag_blocks or self.stuck or self.fork_depth or self.wrong_chain_id)


NONE: Final = Faults()


class Bucket:
    """Calls allowed per second; starts full."""

    def __init__(self, per_s: float, now_s: float) -> None:
        self._per_s = per_s
        self._left = max(per_s, 1.0)
        self._since_s = now_s

    def takes(self, calls: int, now_s: float) -> bool:
        """Whether so many calls are within the limit; they count only if they are."""
        self._left = min(max(self._per_s, 1.0), self._left + (now_s - self._since_s) * self._per_s)
        self._since_s = now_s
        if self._left < calls:
            return False
        self._left -= calls
        return True


class Dice:
    """The chances of one chain since its faults were set."""

    def __init__(self, faults: Faults, now_s: float) -> None:
        self.faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311  # dice
        self._bucket = Bucket(faults.max_rps, now_s)

    def delay_s(self) -> float:
        faults = self.faults
        return (faults.latency_ms + (self._random.random() * faults.jitter_ms if faults.jitter_ms else 0)) / 1000

    def hits(self, methods: Iterable[str]) -> bool:
        """Whether the request is one that the faults are meant for."""
        faults = self.faults
        if faults.methods and not any(method in faults.methods for method in methods):
            return False
        return faults.share == 1 or self._random.random() < faults.share

    def struck(self, calls: int, now_s: float) -> Struck:  # noqa: PLR0911  # one line per fault
        """What happens to a request that the faults hit, before the node is asked."""
        faults = self.faults
        if faults.hang:
            return "hang"
        if faults.quota:
            return "quota"
        if faults.max_rps:
            if not self._bucket.takes(calls, now_s):
                return "rate_limit"
        elif faults.rate_limit:
            return "rate_limit"
        if faults.drop:
            return "drop"
        if faults.error_rate and self._random.random() < faults.error_rate:
            return "error_rate"
        return ""
