"""Shape what the WebSocket gateway asks of vstudio-service, and what a ticket holds.

Between: gateways.ws (asks, with its internal token) and services.vstudio.routes.internal (answers).

    POST /internal/v1/sessions/{id}/admission      Asking → Admission        who somebody is in this session
    POST /internal/v1/sessions/{id}/votes          Votes → Outcomes          many people's votes in one transaction
    POST /internal/v1/sessions/{id}/chat           Chats → Outcomes
    POST /internal/v1/sessions/{id}/pulse          Pulse → Pulsed            once a second and pod: viewers, reactions
    POST /internal/v1/sessions/{id}/commands       Command → Outcome         decision_create/open/close/finalize
    GET  /internal/v1/sessions/{id}/snapshot       → Snapshot                without `you`
    GET  /internal/v1/sessions/{id}/events?after=  → Events                  what Redis forgot

Why in batches: at a thousand votes a second one request and one commit each would fill both cores; the gateway sends
what arrived while the last batch was under way.
Invariant: the gateway says who (it verified a ticket or a token), never what they may: the service decides. Asking
again with the same requestId is answered as the first time (votes: the one vote per user and decision).
A ticket is in Redis under channels.ws_ticket(SHA-256 of it, hex), 30 s, as JSON of `Ticket`; GETDEL spends it.
Errors: an outcome carries its own code of Code and a message; the whole call fails as every internal call does.
Source: domain.md 2.3 "Internal", 3 "Vote path".
"""

from typing import Any

import msgspec


class _Shape(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """JSON in camelCase; absent means the default."""


class You(_Shape, kw_only=True):
    """What a snapshot says of its reader."""

    role: str  # protocol.Role
    eligible: bool  # may vote at all, by the session's own gate
    weight: int = 1000  # thousandths, where votes weigh
    votes: dict[str, Any] = {}  # decision → what was voted
    missing: tuple[str, ...] = ()  # requirements that are not met


class Admission(_Shape, kw_only=True):
    """Who somebody is in one session; the content of a ticket too."""

    session_id: str
    user_id: str | None  # None: a guest
    display_name: str
    you: You
    sid: str | None = None  # the sign-in session: looked at every RECHECK_S


class Ticket(_Shape, kw_only=True):
    """What the gateway finds under a ticket's hash."""

    admission: Admission
    pod: str | None = None  # the pod it names, e.g. ws-gateway-2


class Asking(_Shape, kw_only=True):
    """Somebody with a verified access token (or nobody) wants in."""

    user_id: str | None
    sid: str | None = None
    roles: tuple[str, ...] = ()
    mfa: bool = False
    role: str | None = None  # asked for: only ever less


class Vote(_Shape, kw_only=True):
    """One person's vote. Exactly one of the four."""

    request_id: str
    user_id: str
    decision_id: str
    choice: str | None = None
    value: float | None = None
    ranking: tuple[str, ...] | None = None
    text: str | None = None
    ip: str = ""


class Votes(_Shape, kw_only=True):
    """At most BATCH_MAX, in the order they came."""

    votes: list[Vote]


class Chat(_Shape, kw_only=True):
    """One line."""

    request_id: str
    user_id: str
    display_name: str
    role: str
    text: str


class Chats(_Shape, kw_only=True):
    """Lines in the order they came."""

    lines: list[Chat]


class Command(_Shape, kw_only=True):
    """What an artist does to a decision; `fields` as in the frame."""

    request_id: str
    user_id: str
    role: str
    roles: tuple[str, ...] = ()
    type: str  # decision_create | decision_open | decision_close | decision_finalize
    fields: dict[str, Any] = {}


class Outcome(_Shape, kw_only=True):
    """What became of one of them: done, or `code`."""

    request_id: str
    id: str | None = None  # the vote, the line or the decision
    decision_id: str | None = None
    weight: int | None = None
    duplicate: bool = False
    code: int | None = None  # protocol.Code
    message: str = ""
    retry_after_s: float | None = None


class Outcomes(_Shape, kw_only=True):
    """One for each, in their order."""

    outcomes: list[Outcome]


class Pulse(_Shape, kw_only=True):
    """What one pod saw of one session in the last second."""

    pod: str
    viewers: int
    reactions: dict[str, int] = {}
    joined: list[tuple[str, str]] = []  # (user, display name), where few enough are there to be named
    left: list[str] = []


class Pulsed(_Shape, kw_only=True):
    """All pods' viewers together."""

    viewers: int


class Snapshot(_Shape, kw_only=True):
    """The session as everybody may see it: the fields of `session_state`, and the event it stands after."""

    seq: int
    status: str
    state: dict[str, Any]


class Events(_Shape, kw_only=True):
    """Events after a seq, as (seq, JSON text), oldest first; `complete` is false when older ones are gone."""

    events: list[tuple[int, str]]
    complete: bool
    newest: int


BATCH_MAX = 500
