"""Name the frames of the V Studio socket, their two dialects, its close codes and its limits.

Between: gateways.ws (speaks it), services.vstudio (makes what is sent), sdk.live and web/src/live (the other end).

# Frames
One JSON object per text frame. The flat dialect is the default: {"type": "vote", …fields, "requestId"?}; with the
subprotocol `audifi.envelope.v1` it is {"type": "poll.vote", "payload": {…}, "timestamp", "requestId"?}, dotted names.
What the server sends carries `ts` (ms since the epoch) and `seq`.

# Order
An *event* (EVENTS) has a `seq` of its own, the session's next whole number: it is kept, replayed, and applied once.
A *state* (STATES) carries the `seq` it was sent after and a `version` for its key (`type`, and `decisionId` if it has
one): newer ones replace older ones, any of them may be skipped, and a client ignores one that is not newer. So nothing
that may be dropped leaves a hole in `seq`.
Everything else (vote_ack, error, pong, session_state) answers one connection only.

Units: *_S seconds, *_BYTES.
Source: domain.md 3.
"""

from enum import IntEnum, StrEnum
from typing import Final

ENVELOPE: Final = "audifi.envelope.v1"  # the subprotocol of the dotted dialect
TICKET_S: Final = 30
AUTH_S: Final = 10  # how long a bare connection may wait with its token
FRAME_BYTES: Final = 4096
PING_S: Final = 30
PONG_S: Final = 10
MISSES_MAX: Final = 2
RECHECK_S: Final = 15 * 60  # a live socket's sign-in session is looked at this often
STRIKES_MAX: Final = 3  # limits hit within STRIKES_S: closed
STRIKES_S: Final = 60
QUEUE_FRAMES_MAX: Final = 256  # what waits for a slow reader
VIEWERS_MAX: Final = 10_000
NAMED_MAX: Final = 200  # more viewers than this are a number, not names
PER_USER_MAX: Final = 5
PER_ADDRESS_MAX: Final = 100
LOG_EVENTS_MAX: Final = 1000  # kept for replay
LOG_S: Final = 600
TALLY_EVERY_MS: Final = 250  # at most four tallies a second and decision
CHAT_CHARACTERS_MAX: Final = 500

# (how many, in how many seconds) one user may send.
MESSAGES: Final = (50, 60)
CHATS: Final = (5, 10)
REACTIONS_PER: Final = (10, 10)
VOTES: Final = (100, 60)

REACTIONS: Final = ("🔥", "❤️", "👏", "🎉", "😮", "😂", "🙌", "💯")


class Role(StrEnum):
    """Who a connection is; the server decides it, a client may only ask for less."""

    ARTIST = "artist"  # the session's owner
    PRODUCER = "producer"
    ADMIN = "admin"
    TOKEN_HOLDER = "token_holder"  # noqa: S105  # a viewer with verified holdings
    VIEWER = "viewer"
    GUEST = "guest"  # nobody in particular, and silent


class Code(IntEnum):
    """Why a frame was refused; those in CLOSING also close the connection with that code."""

    INVALID_TICKET = 4000
    SESSION_NOT_FOUND = 4001
    SESSION_OVER = 4002
    RATE_LIMITED = 4003
    NOT_ALLOWED = 4004
    NOT_ELIGIBLE = 4005
    SESSION_REVOKED = 4006
    REPLACED = 4007
    HEARTBEAT_LOST = 4008
    INVALID_MESSAGE = 4009
    SESSION_FULL = 4010
    DECISION_CLOSED = 4011
    ALREADY_VOTED = 4012
    UNSUPPORTED = 4013  # ours: tips
    UNAVAILABLE = 4014  # ours: not now; retryAfter says when


CLOSING: Final = frozenset(
    {
        Code.INVALID_TICKET,
        Code.SESSION_NOT_FOUND,
        Code.SESSION_OVER,
        Code.NOT_ELIGIBLE,
        Code.SESSION_REVOKED,
        Code.REPLACED,
        Code.HEARTBEAT_LOST,
        Code.SESSION_FULL,
    }
)
GOING_AWAY: Final = 1001
INVALID_PAYLOAD: Final = 1007
TOO_LARGE: Final = 1009
DRAINING: Final = 1012  # come back, to another pod
OVERLOAD: Final = 1013  # too slow, or too many at once: come back later
# A client that is closed with one of these must not come back by itself.
FINAL_CODES: Final = frozenset(
    {
        Code.SESSION_NOT_FOUND,
        Code.SESSION_OVER,
        Code.NOT_ELIGIBLE,
        Code.SESSION_REVOKED,
        Code.REPLACED,
    }
)

# Client → server: flat name → dotted name.
COMMANDS: Final = {
    "auth": "auth",
    "join": "session.join",
    "leave": "session.leave",
    "vote": "poll.vote",
    "chat": "chat.message",
    "reaction": "reaction.send",
    "decision_create": "poll.create",
    "decision_open": "poll.update",
    "decision_close": "poll.end",
    "decision_finalize": "poll.finalize",  # [D]: the sources have no dotted name
    "ping": "ping",
    "tip": "tip.send",  # refused: UNSUPPORTED
}

# Server → client: flat name → dotted name. Events: numbered, kept, replayed.
EVENTS: Final = {
    "decision_created": "poll.created",
    "decision_opened": "poll.create",
    "decision_closed": "poll.end",
    "decision_finalized": "poll.results",
    "decision_cancelled": "poll.cancelled",
    "contribution_update": "contribution.update",
    "chat_message": "chat.message",
    "chat_removed": "chat.removed",
    "session_started": "session.start",
    "session_updated": "session.update",
    "session_locked": "session.locked",
    "session_ended": "session.end",
}
# States: the newest of a key is all that counts.
STATES: Final = {
    "vote_update": "poll.update",
    "presence": "session.presence",
    "user_joined": "user.joined",
    "user_left": "user.left",
    "reaction_burst": "reaction.burst",
}
# Answers to one connection.
ANSWERS: Final = {
    "session_state": "session.state",
    "vote_ack": "poll.ack",
    "ack": "ack",
    "error": "error",
    "pong": "pong",
    "reconnect": "reconnect",  # {afterMs}: the pod drains
}
SERVED: Final = {**EVENTS, **STATES, **ANSWERS}
