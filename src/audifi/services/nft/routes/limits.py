"""State how often each thing may be asked of nft-service.

Between: routes.* (attach them to operations), app (the ones that hold everywhere), kernel.limits (counts).
Invariant: the strictest matching rule wins, because every rule is counted; none ever fails open.
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
NEW_MASTER: Final = Limit(rule="new-master", count=5, window_s=MINUTE_S, per=Per.USER)
PURCHASE: Final = Limit(rule="purchase", count=10, window_s=HOUR_S, per=Per.USER, only_done=True)
BROWSE: Final = Limit(rule="marketplace-browse", count=60, window_s=MINUTE_S, per=Per.IP)
SEARCH: Final = Limit(rule="search", count=30, window_s=MINUTE_S, per=Per.IP)
