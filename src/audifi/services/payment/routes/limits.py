"""State how often each thing may be asked of payment-service.

Between: routes.* (attach them to operations), app (the ones that hold everywhere), kernel.limits (counts).
Invariant: the strictest matching rule wins, because every rule is counted; none ever fails open. Webhooks have none:
their signature admits them, and bad signatures close an address (alarms).
Source: domain.md 5.5.
"""

from typing import Final

from audifi.kernel.limits import Limit, Per

HOUR_S: Final = 3600
MINUTE_S: Final = 60

EVERYWHERE: Final = (
    Limit(rule="ip", count=1000, window_s=MINUTE_S, per=Per.IP),
    Limit(rule="ip-burst", count=100, window_s=1, per=Per.IP),
    Limit(rule="user", count=10_000, window_s=MINUTE_S, per=Per.USER),
)
WRITE: Final = Limit(rule="write", count=100, window_s=MINUTE_S, per=Per.USER)
