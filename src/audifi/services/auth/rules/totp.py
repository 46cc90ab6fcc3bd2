"""Match one-time codes to time steps, and decide when guessing must stop.

Between: routes.mfa, store.mfa (accepts a step by conditional update, so each counts once).
Invariant: a returned step is within one of now, and strictly after the last one used.
Why a lock and not only a limit: a limit counts requests and forgets; six digits fall to patience, so five wrong codes
in half an hour close the factor for half an hour and tell the owner by mail.
Units: seconds.
Errors: never raises.
Source: RFC 6238 sections 4, 5.2 (one-time use of a step); domain.md 4 (SHA-1, 6 digits, 30 s, ±1; 5 in 30 min).
"""

import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pyotp.totp import TOTP

STEP_S: Final = 30
DRIFT_STEPS: Final = 1
FAILURES_MAX: Final = 5
FAILURES_ALERT: Final = 3  # in ALERT_WINDOW_S: worth an operator's look (domain.md 4 "Detection thresholds")
ALERT_WINDOW_S: Final = 300
WINDOW_S: Final = 30 * 60
LOCK_S: Final = 30 * 60
BACKUP_CODES: Final = 10

_TOTP: Final = re.compile(r"^\d{6}$", re.ASCII)
_BACKUP: Final = re.compile(r"^[0-9a-f]{8}$")


def is_totp(code: str) -> bool:
    """Say whether a code has the form an authenticator shows."""
    return _TOTP.fullmatch(code) is not None


def backup_form(code: str) -> str | None:
    """Return a backup code as it was hashed, forgiving case, spaces and dashes; nothing if it cannot be one."""
    plain = code.replace("-", "").replace(" ", "").lower()
    return plain if _BACKUP.fullmatch(plain) else None


def matching_step(secret: str, code: str, now: datetime, last_used_step: int) -> int | None:
    """Return the step whose code this is, oldest first, skipping steps already spent."""
    totp = TOTP(secret)
    current = int(now.timestamp()) // STEP_S
    for step in range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step), code) and step > last_used_step:
            return step
    return None


def otpauth_url(secret: str, email: str) -> str:
    """Return what an authenticator scans."""
    return TOTP(secret).provisioning_uri(name=email, issuer_name="AudiFi")


def lock_end(failures: Sequence[datetime], now: datetime) -> datetime | None:
    """Return until when the factor is locked, given failures since the last success or lock (any order)."""
    recent = [at for at in failures if now - at < timedelta(seconds=WINDOW_S)]
    return now + timedelta(seconds=LOCK_S) if len(recent) >= FAILURES_MAX else None


def deserves_alert(failures: Sequence[datetime], now: datetime) -> bool:
    """Say whether the last few minutes look like guessing."""
    return sum(now - at < timedelta(seconds=ALERT_WINDOW_S) for at in failures) >= FAILURES_ALERT
