"""State how often each thing may be asked of vstudio-service.

Between: routes.* (attach them to operations), app (the ones that hold everywhere), kernel.limits (counts).
Invariant: the strictest matching rule wins, because every rule is counted; none ever fails open.
Source: domain.md 2.3, 5.5.
"""

from typing import Final

from audifi.kernel.limits import Limit, Per
from audifi.wire.live import protocol

MINUTE_S: Final = 60

EVERYWHERE: Final = (
    Limit(rule="ip", count=1000, window_s=MINUTE_S, per=Per.IP),
    Limit(rule="ip-burst", count=100, window_s=1, per=Per.IP),
    Limit(rule="user", count=10_000, window_s=MINUTE_S, per=Per.USER),
)
WRITE: Final = Limit(rule="write", count=100, window_s=MINUTE_S, per=Per.USER)
SESSION: Final = Limit(rule="session-create", count=5, window_s=MINUTE_S, per=Per.USER)
VOTE: Final = Limit(rule="votes", count=protocol.VOTES[0], window_s=protocol.VOTES[1], per=Per.USER)
CHAT: Final = Limit(rule="chat", count=protocol.CHATS[0], window_s=protocol.CHATS[1], per=Per.USER)
REACTION: Final = Limit(
    rule="reactions", count=protocol.REACTIONS_PER[0], window_s=protocol.REACTIONS_PER[1], per=Per.USER
)
