"""Decide when failures are no longer accidents: how many in what time, and for how long that has consequences.

Between: watch (keeps the times), alarms (acts on what is reached).

## What is counted, and what is not
A failed sign-in is a link that is unknown, used or expired, or a wrong second-factor code: each is a guess, or would
look like one. Not counted: a malformed body (nobody guesses with it), a code while the factor is locked (no code is
looked at), a suspended account (the proof was good), a refresh cookie (256 bits, and a replay kills its family), an
expired access token. A limit hit is a refusal by a rule that counts addresses or what an address sent. A user's own
limits follow the user wherever they are, and the limit for everyone is nobody's fault: neither tells of an address.

## Why a pause of 15 minutes
As long as a sign-in link lives: whatever was guessed at is over when the address may try again. It is longer than both
windows of an address, so nothing that led to one pause counts towards the next. Five guesses in a quarter of an hour
are 480 a day, against 2^256 links; codes are protected by their own lock (rules.totp).

## What a pause closes
Signing in from this address, nothing else: people behind it who are signed in show a proof with every call, and go on.

Shape: times newest first, at most `count` of them. Units: *_s seconds, *_ms milliseconds since the epoch.
Invariant: the times that reached a threshold lie within one window, the newest included.
Errors: never raises.
Source: domain.md 4 "Detection thresholds". Its "3 2FA failures/5 min" is rules.totp.deserves_alert, counted where the
lock is, in Postgres.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

BLOCK_S: Final = 15 * 60


class Of(Enum):
    """Whose events are counted."""

    ADDRESS = "ip"
    ACCOUNT = "account"


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """`count` events within `window_s`; reaching it again counts for nothing during `pause_s`."""

    rule: str
    of: Of
    count: int
    window_s: int
    pause_s: int


FAILED_SIGN_INS: Final = Threshold(rule="failed-sign-ins", of=Of.ADDRESS, count=5, window_s=120, pause_s=BLOCK_S)
LIMIT_HITS: Final = Threshold(rule="limit-hits", of=Of.ADDRESS, count=10, window_s=600, pause_s=BLOCK_S)
# The owner is told once an hour at most: the second mail would say nothing new.
FAILED_FOR_ACCOUNT: Final = Threshold(
    rule="failed-sign-ins", of=Of.ACCOUNT, count=10, window_s=3600, pause_s=3600
)  # fmt: skip


def is_reached(threshold: Threshold, times_ms: Sequence[int], now_ms: int) -> bool:
    """Say whether the newest `count` of these times lie within the window that ends now."""
    if len(times_ms) < threshold.count:
        return False
    return now_ms - times_ms[threshold.count - 1] < threshold.window_s * 1000
