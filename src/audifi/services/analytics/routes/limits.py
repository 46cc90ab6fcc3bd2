"""State how often each thing may be asked of analytics-service.

Between: routes.* (attach them to operations), app (the ones that hold everywhere), kernel.limits (counts).
Source: domain.md 5.5, 2.6 (100 a minute for events and for GETs); exports decided here: a file is dear.
"""

from typing import Any, Final

from audifi.kernel.limits import Limit, Per

HOUR_S: Final = 3600
MINUTE_S: Final = 60


def _sender(call: Any, _body: Any) -> str:
    return call.client_ip if call.principal is None else call.principal.user_id


EVERYWHERE: Final = (
    Limit(rule="ip", count=1000, window_s=MINUTE_S, per=Per.IP),
    Limit(rule="ip-burst", count=100, window_s=1, per=Per.IP),
    Limit(rule="user", count=10_000, window_s=MINUTE_S, per=Per.USER),
)
WRITE: Final = Limit(rule="write", count=100, window_s=MINUTE_S, per=Per.USER)
READ: Final = Limit(rule="analytics", count=100, window_s=MINUTE_S, per=Per.USER)
EVENTS: Final = Limit(rule="events", count=100, window_s=MINUTE_S, per=Per.VALUE, value=_sender)
EXPORT: Final = Limit(rule="analytics-export", count=10, window_s=HOUR_S, per=Per.USER)
