"""State how often each thing may be asked of auth-service.

Between: routes.* (attach them to operations), app (the ones that hold everywhere), kernel.limits (counts).
Invariant: the strictest matching rule wins, because every rule is counted; none ever fails open.
The second factor has no request limit of its own: it is closed by wrong codes (rules.totp), which right ones must not
use up. The refresh limit counts per session family: the user is known only after the row was read.
Source: domain.md 5.5.
"""

from typing import Any, Final

from audifi.kernel.limits import Limit, Per

HOUR_S: Final = 3600
MINUTE_S: Final = 60


def _email(_call: Any, body: Any) -> str | None:
    return str(body.email).strip(" ").lower()


def _refresh_family(call: Any, _body: Any) -> str | None:
    family, separator, _ = call.cookies.get("refresh_token", "").partition(".")
    return family[:64] if separator and family else None


EVERYWHERE: Final = (
    Limit(rule="ip", count=1000, window_s=MINUTE_S, per=Per.IP),
    Limit(rule="ip-burst", count=100, window_s=1, per=Per.IP),
    Limit(rule="user", count=10_000, window_s=MINUTE_S, per=Per.USER),
)
WRITE: Final = Limit(rule="write", count=100, window_s=MINUTE_S, per=Per.USER)
AUTH_POST: Final = Limit(rule="auth-post", count=10, window_s=MINUTE_S, per=Per.IP)
LINK_EMAIL: Final = Limit(rule="magic-link-email", count=3, window_s=HOUR_S, per=Per.VALUE, value=_email)
LINK_EVERYONE: Final = Limit(rule="magic-link-all", count=1000, window_s=HOUR_S, per=Per.EVERYONE)
VERIFY: Final = Limit(rule="magic-link-verify", count=10, window_s=HOUR_S, per=Per.IP)
REFRESH: Final = Limit(rule="refresh", count=60, window_s=HOUR_S, per=Per.VALUE, value=_refresh_family)
PROFILE: Final = Limit(rule="profile", count=30, window_s=MINUTE_S, per=Per.USER)
HEALTH: Final = Limit(rule="health", count=100, window_s=MINUTE_S, per=Per.IP)
