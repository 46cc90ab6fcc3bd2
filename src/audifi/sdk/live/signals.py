"""Name what the machine is told and what it wants done.

Between: sdk.live.machine and whoever does I/O for it (sdk.live.session, the shared vectors of tests/vectors/live).
Shape: inputs, then outputs; in JSON each is {"kind": …, fields in camelCase}; also in web/src/live/signals.ts.
Invariant: `attempt` numbers connections: what arrives late from one that was given up is recognised and ignored.
Units: *_ms milliseconds.
Errors: none.
"""

from typing import Any, Literal, TypeAlias

import msgspec

JsonFrame: TypeAlias = dict[str, Any]
Transport: TypeAlias = Literal["socket", "stream"]
Phase: TypeAlias = Literal["connecting", "live", "reconnecting", "closed"]


class _Signal(msgspec.Struct, tag_field="kind", tag=str.lower, rename="camel", kw_only=True):
    """JSON names itself by `kind`."""


class Start(_Signal):
    """Begin."""


class Tick(_Signal):
    """Time has passed `wake_at`."""


class Opened(_Signal):
    """A connection stands; a bare socket has sent its token."""

    attempt: int


class Refused(_Signal):
    """A connection was not made; `code` only when the API itself said no."""

    attempt: int
    status: int | None = None
    code: str = ""
    retry_after_ms: int | None = None


class Closed(_Signal):
    """A connection ended; 1006 when nobody said why."""

    attempt: int
    code: int


class Frame(_Signal):
    """The server said something."""

    attempt: int
    frame: JsonFrame


class Heard(_Signal):
    """The server gave a sign of life that says nothing, e.g. a stream's comment."""

    attempt: int


class Act(_Signal):
    """The application does something; without `request_id` nobody waits for an answer."""

    frame: JsonFrame
    request_id: str | None = None


class Answered(_Signal):
    """What a `Call` was answered, as the frame a socket would have brought."""

    request_id: str
    frame: JsonFrame


class Behind(_Signal):
    """The application did not read for so long that a snapshot serves it better."""


class Leave(_Signal):
    """The application goes."""


class Connect(_Signal):
    """Open a connection: a socket with a new ticket, or a stream from `last_seq`."""

    attempt: int
    transport: Transport
    last_seq: int | None


class Write(_Signal):
    """Send a frame on the socket."""

    attempt: int
    frame: JsonFrame


class Call(_Signal):
    """Do this over HTTP, and tell with `Answered`."""

    request_id: str
    frame: JsonFrame


class Drop(_Signal):
    """Close this connection, or stop opening it."""

    attempt: int


class Deliver(_Signal):
    """The next snapshot or event, for the application."""

    frame: JsonFrame


class Update(_Signal):
    """The newest of a state, for the application."""

    key: str
    frame: JsonFrame


class Settle(_Signal):
    """The answer to an `Act`: its ack, or an `error`."""

    request_id: str
    frame: JsonFrame


class State(_Signal):
    """The connection's state changed; `reason` when closed."""

    state: Phase
    reason: str = ""


Input: TypeAlias = Start | Tick | Opened | Refused | Closed | Frame | Heard | Act | Answered | Behind | Leave
Output: TypeAlias = Connect | Write | Call | Drop | Deliver | Update | Settle | State


def number_in(frame: JsonFrame, field: str) -> int | None:
    """Return a number that a frame should carry, or None."""
    value = frame.get(field)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
