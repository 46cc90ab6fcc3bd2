"""Count requests against rules, together for all pods, and alone when Redis is gone."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Per(Enum):
    """What a rule counts by."""

    IP = "ip"
    USER = "user"  # the signed-in user; guests are not counted
    EVERYONE = "all"
    VALUE = "value"  # whatever Limit.value returns


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `count` requests in any `window_s`, for each ip, user or value."""

    rule: str  # names the rule in keys, metrics and logs: "magic-link-email"
    count: int
    window_s: int
    per: Per
    value: Callable[[Any, Any], str | None] | None = None  # (call, body) -> what to count by; None: not counted
    fail_closed: bool = False  # without Redis: refuse (503) instead of the in-process share
